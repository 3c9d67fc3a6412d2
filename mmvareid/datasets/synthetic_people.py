"""Synthetic people."""

from mmvareid.registry import DATASETS

from .market1501 import Market1501


@DATASETS.register_module()
class SyntheticPeople(Market1501):
    """A folder that :func:`make_synthetic` has written: Market-1501's layout, of any size."""

    public_counts = {}
    how_to_make = (
        "; tools/dataset_converters/make_synthetic.py data/synthetic --num-ids 256 draws what the "
        "configs expect"
    )
