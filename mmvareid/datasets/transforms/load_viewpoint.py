"""Viewpoints for the samples of any dataset."""

from os import PathLike
from pathlib import Path

from mmcv.transforms import BaseTransform

from mmvareid.registry import TRANSFORMS
from mmvareid.viewpoint.reading import load_viewpoints


@TRANSFORMS.register_module()
class LoadViewpoint(BaseTransform):
    """Add ``viewpoint`` to a sample by the name of its image.

    Our datasets do it by ``viewpoint_file``. This is for other ones, such as mmpretrain's
    ``CustomDataset``::

        pipeline = [
            dict(type="LoadImageFromFile"),
            dict(type="mmvareid.LoadViewpoint", viewpoint_file="viewpoints.csv"),
            ...,
            dict(type="PackInputs", algorithm_keys=("viewpoint",)),
        ]

    Args:
        viewpoint_file (str | PathLike): See :func:`mmvareid.datasets.load_viewpoints`.
        noise (str): ``'side'`` or ``'unknown'``, see there. Defaults to ``'side'``.
        missing (str): What to do with an image that the file does not name: ``'error'``, or
            ``'unknown'`` for viewpoint -1. Defaults to ``'error'``.

    Raises:
        FileNotFoundError, ValueError: The file is missing or damaged, or an argument is none.
    """

    def __init__(
        self, viewpoint_file: str | PathLike, noise: str = "side", missing: str = "error"
    ) -> None:
        if missing not in ("error", "unknown"):
            raise ValueError(f"missing has to be 'error' or 'unknown', but got {missing!r}")
        self.viewpoint_file, self.missing = viewpoint_file, missing
        self.viewpoints = load_viewpoints(viewpoint_file, noise)

    def transform(self, results: dict) -> dict:
        """Set ``viewpoint`` from ``img_path``.

        Raises:
            ValueError: The file does not name the image, and that is an error.
        """
        name = Path(results["img_path"]).name
        if name not in self.viewpoints and self.missing == "error":
            raise ValueError(
                f"{self.viewpoint_file} has to name every image, but lacks {name}; add it, or set "
                "missing='unknown' to train without its viewpoint"
            )
        results["viewpoint"] = self.viewpoints.get(name, -1)
        return results
