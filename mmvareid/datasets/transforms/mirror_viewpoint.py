"""A transform that keeps all-round viewpoints true when an image is flipped."""

from mmcv.transforms import BaseTransform

from mmvareid.registry import TRANSFORMS
from mmvareid.viewpoint.soft import mirror_weights


@TRANSFORMS.register_module()
class MirrorViewpoint(BaseTransform):
    """Mirror ``viewpoint_weights`` of an image that ``RandomFlip``, which stands before, flipped.

    Only all-round viewpoints need it (``soft_viewpoints=dict(all_round=True, ...)``): others do not
    tell left from right.
    """

    def transform(self, results: dict) -> dict:
        """Mirror the weights if ``flip`` is set, and exchanges left and right."""
        if results.get("flip") and results.get("flip_direction") in ("horizontal", "diagonal"):
            results["viewpoint_weights"] = mirror_weights(results["viewpoint_weights"])
        return results
