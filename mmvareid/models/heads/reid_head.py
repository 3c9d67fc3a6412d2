"""Re-ID head: identity classification in training, unit descriptors in testing."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmvareid.registry import MODELS


@MODELS.register_module()
class ReIDHead(BaseModule):
    """Linear identity classifier without bias: the plain softmax of Eq. 2 of VA-reID.

    Args:
        in_channels (int): Size D of the neck's descriptor.
        num_classes (int): Number K of training identities.
        loss_id (dict): Loss of identity logits (B, K) and labels (B,), L_y. Defaults to cross
            entropy.
        loss_triplet (dict | None): Loss of descriptors (B, D) and labels (B,), such as
            ``mmvareid.BatchHardTriplet``. Defaults to None.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        loss_id: dict = dict(type="CrossEntropyLoss"),
        loss_triplet: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if num_classes < 2:
            raise ValueError(f"num_classes has to be at least 2, but got {num_classes}")
        if in_channels < 1:
            raise ValueError(f"in_channels has to be at least 1, but got {in_channels}")
        self.in_channels, self.num_classes = in_channels, num_classes
        self.weight = nn.Parameter(torch.empty(num_classes, in_channels))  # W (K, D)
        nn.init.normal_(self.weight, std=0.01)
        self.loss_id = MODELS.build(loss_id)
        self.loss_triplet = MODELS.build(loss_triplet) if loss_triplet else None

    def pre_logits(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the descriptor (B, D) before normalisation."""
        return feats[-1]

    def unit_features(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return what a joint descriptor is made of: a unit feature (B, D), float32."""
        return F.normalize(self.pre_logits(feats).float(), dim=1)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return unit descriptors (B, D), float32."""
        return self.unit_features(feats)

    def loss(self, feats: tuple[Tensor, ...], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the losses by name; MMEngine sums those whose name holds ``loss``.

        Args:
            feats (tuple[Tensor]): The neck's output; the last is (B, D).
            data_samples (list[DataSample]): B samples with ``gt_label``.
        """
        # Scaled logits lose what tells identities apart in 16 bits, so autocast stays outside.
        with torch.autocast(feats[-1].device.type, enabled=False):
            x = self.pre_logits(feats).float()
            if x.shape[-1] != self.in_channels:
                raise ValueError(
                    "head.in_channels has to be the size of the neck's descriptor, "
                    f"{x.shape[-1]}, but got {self.in_channels}; set model.head.in_channels"
                )
            labels = torch.cat([sample.gt_label for sample in data_samples])
            labels = labels.to(x.device, non_blocking=True)
            losses = self.identity_losses(x, labels, data_samples)
            if self.loss_triplet is not None:
                losses["loss_triplet"] = self.loss_triplet(x, labels)
        return losses

    def identity_losses(
        self, x: Tensor, labels: Tensor, data_samples: list[DataSample]
    ) -> dict[str, Tensor]:
        """Return the losses of descriptors x (B, D), float32, against the centres."""
        return {"loss_id": self.loss_id(F.linear(x, self.weight), labels)}

    def predict(
        self, feats: tuple[Tensor, ...], data_samples: list[DataSample] | None = None
    ) -> list[DataSample]:
        """Set ``feature``, the unit descriptor (D,), in each data sample and return them."""
        return set_features(self(feats), data_samples)


def set_features(features: Tensor, data_samples: list[DataSample] | None) -> list[DataSample]:
    """Set ``feature`` in each of B data samples, new ones if None, from features (B, D)."""
    if data_samples is None:
        data_samples = [DataSample() for _ in features]
    for sample, feature in zip(data_samples, features, strict=True):
        sample.set_field(feature, "feature")
    return data_samples
