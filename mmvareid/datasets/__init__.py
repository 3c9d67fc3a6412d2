"""Datasets of people, their viewpoints, and the sampler of identities."""

import io
from contextlib import redirect_stdout

# onedl's prints that a package is missing which nobody needs.
with redirect_stdout(io.StringIO()):
    import mmpretrain.datasets  # noqa: F401  (a child registry does not import its parent's)

from mmvareid.synthetic import make_synthetic
from mmvareid.viewpoint.reading import load_viewpoints

from .concat_reid_dataset import ConcatReIDDataset
from .cuhk03 import CUHK03
from .dukemtmc import DukeMTMCreID
from .identity_sampler import IdentitySampler
from .infos import dataset_infos
from .market1501 import Market1501
from .msmt17 import MSMT17
from .reid_dataset import ReIDDataset
from .synthetic_people import SyntheticPeople
from .transforms.load_viewpoint import LoadViewpoint
from .transforms.mirror_viewpoint import MirrorViewpoint
from .transforms.uint8_batch import DecodeImage, PackImage, collate_images, plain_packing
from .viewpoint_images import ViewpointImages

__all__ = [
    "CUHK03",
    "MSMT17",
    "ConcatReIDDataset",
    "DecodeImage",
    "DukeMTMCreID",
    "IdentitySampler",
    "LoadViewpoint",
    "Market1501",
    "MirrorViewpoint",
    "PackImage",
    "ReIDDataset",
    "SyntheticPeople",
    "ViewpointImages",
    "collate_images",
    "dataset_infos",
    "load_viewpoints",
    "make_synthetic",
    "plain_packing",
]
