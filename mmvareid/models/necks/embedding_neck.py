"""From a backbone's feature map to the descriptor that is trained and compared."""

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvareid.registry import MODELS


@MODELS.register_module()
class EmbeddingNeck(BaseModule):
    """Pooling, an optional linear embedding, and batch normalisation.

    The paper's model has an embedding of 2048 -> 2048: its complexity table counts 4.19 M
    parameters beyond those of the strong baseline (supplementary Table 3).

    Args:
        in_channels (int): Channels C of the backbone's last output.
        out_channels (int | None): Size D of the embedding; None leaves the linear layer out,
            and D is C. Defaults to None.
        pooling (dict): mmpretrain's pooling neck, ``GlobalAveragePooling`` or
            ``GeneralizedMeanPooling``. Defaults to global average pooling.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        pooling: dict = dict(type="GlobalAveragePooling"),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if in_channels < 1 or (out_channels is not None and out_channels < 1):
            raise ValueError(
                "in_channels and out_channels have to be at least 1, but got "
                f"{in_channels} and {out_channels}"
            )
        self.in_channels = in_channels
        self.pooling = MODELS.build(pooling)
        if out_channels is None:
            self.embedding: nn.Module = nn.Identity()
        else:
            self.embedding = nn.Linear(in_channels, out_channels, bias=False)
            nn.init.kaiming_normal_(self.embedding.weight)
        self.bn = nn.BatchNorm1d(out_channels or in_channels)

    def forward(self, inputs: tuple[Tensor, ...] | Tensor) -> tuple[Tensor]:
        """Turn the last of the backbone's outputs into descriptors.

        Args:
            inputs (tuple[Tensor] | Tensor): The last is (B, C, H, W), or (B, C) from a backbone
                that has pooled already, as a ViT does.

        Returns:
            tuple[Tensor]: One tensor, (B, D).
        """
        x = inputs[-1] if isinstance(inputs, tuple) else inputs
        if x.dim() == 4:
            x = self.pooling(x)  # (B, C)
        check_channels(x, self.in_channels)
        return (self.bn(self.embedding(x)),)  # (B, D)


def check_channels(x: Tensor, in_channels: int) -> None:
    """Raise ``ValueError`` unless x (B, C, ...) has the channels that a neck was made for."""
    if x.shape[1] != in_channels:
        raise ValueError(
            f"neck.in_channels has to be that of the backbone's last output, {x.shape[1]}, but got "
            f"{in_channels}; set model.neck.in_channels"
        )
