"""What a trained head predicts of an image, and the soft labels that its losses make of that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmvareid.models import VAHead, VALSRLoss
from mmvareid.models.heads.va_head import find_va_head


@dataclass(frozen=True)
class SoftLabel:
    """Probabilities and soft labels of one image; Fig. 3 of VA-reID.

    Attributes:
        label (int): Identity y.
        viewpoint (int): Viewpoint v, the strongest of several; -1 where unknown.
        q (np.ndarray): Predicted probabilities of identities (Eq. 3), (K,).
        p (np.ndarray): Their soft labels (Eq. 11), (K,).
        r (np.ndarray | None): Predicted probabilities of identities and viewpoints (Eq. 4),
            (K, V), which sum to 1 if the loss has ``negatives="all"``; otherwise each is of its
            own. None if the head has no loss_view, or the viewpoint is unknown.
        t (np.ndarray | None): Their soft labels (Eq. 12), (K, V).
        shares (np.ndarray | None): Share of each viewpoint in the image, (V,). None if v is the
            only one.
    """

    label: int
    viewpoint: int
    q: np.ndarray
    p: np.ndarray
    r: np.ndarray | None = None
    t: np.ndarray | None = None
    shares: np.ndarray | None = None

    def of_view(self, values: np.ndarray) -> float:
        """Return what the image's viewpoint has of values (V,), their mean by the shares."""
        return float(values[self.viewpoint] if self.shares is None else self.shares @ values)


def soft_targets(loss: nn.Module, logits: Tensor, *labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probabilities that a loss makes of logits, and its soft labels (Eq. 7 to 12).

    VALSRLoss tells both itself. Of another loss the probabilities are the softmax, and since the
    gradient of cross entropy is the softmax minus the soft label, that is what the loss used.

    Args:
        loss (nn.Module): A mean over the batch of cross entropies whose targets have no gradient.
        logits (Tensor): (B, K) or (B, K, V); the softmax is over all but the batch.
        labels (Tensor): What else the loss takes, (B,) each.

    Returns:
        tuple: Both of the shape of the logits, float64.
    """
    if isinstance(loss, VALSRLoss):
        return loss.soft_labels(logits.double(), *labels)
    logits = logits.detach().double().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(loss(logits, *labels), logits)
    predicted = logits.detach().flatten(1).softmax(1).view_as(logits)
    gradient = gradient * len(logits) / getattr(loss, "loss_weight", 1.0)
    return predicted, (predicted - gradient).clamp(min=0)  # rounding leaves -1e-17


@torch.no_grad()
def predict_soft_labels(head: VAHead, x: Tensor, labels: Tensor, views: Tensor) -> list[SoftLabel]:
    """Return the soft labels of B images, from the margin logits that training uses.

    Args:
        head (VAHead): The head.
        x (Tensor): Unit descriptors, (B, D).
        labels (Tensor): Identities, (B,).
        views (Tensor): Viewpoints, (B,), -1 where unknown; or their weights, (B, V), as
            :meth:`VAHead.viewpoints_of` gives them.
    """
    if head.num_views == 1 and not views.is_floating_point():
        views = views.clamp(max=0)  # all viewpoints are the one that there is
    soft = views.is_floating_point()
    strongest = torch.where(views.sum(1) > 0, views.argmax(1), -1) if soft else views
    q, p = soft_targets(head.loss_id, head.identity_logits(x, labels), labels)
    known: list[int] = []
    pairs: list[tuple] = []
    if head.loss_view is not None and (strongest >= 0).any():
        known = (strongest >= 0).nonzero()[:, 0].tolist()
        logits = head.view_logits(x[known], labels[known], views[known])
        r, t = soft_targets(head.loss_view, logits, labels[known], views[known])
        pairs = list(zip(r.cpu().numpy(), t.cpu().numpy(), strict=True))
    found = dict(zip(known, pairs, strict=True))
    rows = []
    for i, (own_q, own_p) in enumerate(zip(q.cpu().numpy(), p.cpu().numpy(), strict=True)):
        shares = views[i].cpu().numpy() if soft and strongest[i] >= 0 else None
        r, t = found.get(i, (None, None))
        rows.append(SoftLabel(int(labels[i]), int(strongest[i]), own_q, own_p, r, t, shares))
    return rows


@torch.no_grad()
def image_soft_labels(model: BaseModel, items: Sequence[dict]) -> list[SoftLabel]:
    """Return the soft labels of training images.

    Args:
        model (BaseModel): A classifier with a VAHead, in evaluation mode.
        items (Sequence[dict]): What the training dataset gives for each image by the test
            pipeline: ``inputs`` and ``data_samples``.

    Raises:
        ValueError: The model has no VAHead.
    """
    head = find_va_head(model)
    if head is None:
        raise ValueError(
            "soft labels have to come from a VAHead, but got a model with "
            f"{type(getattr(model, 'head', None)).__name__}; take a config of configs/va_reid"
        )
    batch = model.data_preprocessor(pseudo_collate(items), training=False)
    feats = model.extract_feat(batch["inputs"])
    if model.head is not head:  # a JointHead, which has an output of the neck for each head
        feats = (feats[list(model.head.heads).index(head)],)
    samples = batch["data_samples"]
    labels = torch.cat([sample.gt_label for sample in samples])
    views = head.viewpoints_of(samples)
    x = head(feats)
    return predict_soft_labels(head, x, labels.to(x.device), views.to(x.device))


def choose_contrast(rows: Sequence[SoftLabel], number: int = 3) -> dict[int, str]:
    """Return images that differ in what the model makes of them, {index: what it is}.

    In turn the most confident (highest r(y, v), or q_y where there is no r), the most unsure
    (lowest q_y), and the one of most ambiguous viewpoint: among those whose identity is predicted
    right the one whose v has the lowest part of the probability of its identity's views.
    """
    own = np.array([row.q[row.label] for row in rows])
    sure = np.array(
        [own[i] if x.r is None else x.of_view(x.r[x.label]) for i, x in enumerate(rows)]
    )
    part = np.array(
        [1 if x.r is None else s / x.r[x.label].sum() for x, s in zip(rows, sure, strict=True)]
    )
    right = np.array([row.q.argmax() == row.label for row in rows])
    orders = {
        "confident": list(np.argsort(-sure, kind="stable")),
        "unsure": list(np.argsort(own, kind="stable")),
        "ambiguous viewpoint": [
            i for i in np.argsort(part, kind="stable") if right[i] and rows[i].r is not None
        ],
    }
    chosen: dict[int, str] = {}
    while len(chosen) < min(number, len(rows)):
        for kind, order in orders.items():
            left = [int(i) for i in order if i not in chosen]
            if left and len(chosen) < number:
                chosen[left[0]] = kind
    return chosen
