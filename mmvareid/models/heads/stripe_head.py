"""Head of local features: a classifier of each stripe's own."""

import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmvareid.registry import MODELS

from .reid_head import ReIDHead


@MODELS.register_module()
class StripeHead(ReIDHead):
    """Plain softmax classifiers of S local features, and their descriptor; §3.3 of VA-reID.

    The loss, ``loss_local``, is the mean over the stripes, so that it weighs as much as L_y does
    however many they are; PCB's sum is ``loss_id=dict(type="CrossEntropyLoss", loss_weight=S)``.

    Args:
        in_channels (int): Size D of a local feature.
        num_stripes (int): Number S of local features, as of ``mmvareid.StripePyramid``: with P
            parts and all levels P(P + 1)/2.
        num_classes (int): Number K of training identities.
        loss_id (dict): Loss of logits (B·S, K) and labels (B·S,). Defaults to cross entropy.
    """

    def __init__(
        self,
        in_channels: int,
        num_stripes: int,
        num_classes: int,
        loss_id: dict = dict(type="CrossEntropyLoss"),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, num_classes, loss_id, init_cfg=init_cfg)
        self.num_stripes = num_stripes
        self.weight = nn.Parameter(torch.empty(num_stripes, num_classes, in_channels))
        nn.init.normal_(self.weight, std=0.01)

    def pre_logits(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the local features (B, S, D).

        Raises:
            ValueError: The neck gives another number of stripes.
        """
        x = feats[-1]
        if x.dim() != 3 or x.shape[1] != self.num_stripes:
            raise ValueError(
                f"StripeHead has to have local features (B, num_stripes={self.num_stripes}, D), "
                f"but got {tuple(x.shape)}; set num_stripes to that of the StripePyramid"
            )
        return x

    def unit_features(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the unit local features side by side, (B, S·D), float32; their length is √S."""
        return F.normalize(self.pre_logits(feats).float(), dim=2).flatten(1)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return unit descriptors (B, S·D), float32."""
        return F.normalize(self.unit_features(feats), dim=1)

    def identity_losses(
        self, x: Tensor, labels: Tensor, data_samples: list[DataSample]
    ) -> dict[str, Tensor]:
        """Return the mean loss of local features x (B, S, D), float32."""
        logits = torch.einsum("bsd,skd->bsk", x, self.weight)
        targets = labels.repeat_interleave(self.num_stripes)
        return {"loss_local": self.loss_id(logits.flatten(0, 1), targets)}
