"""Slow, obvious losses: every target is written out, and every sample is looped over."""

import math

import torch
from torch import Tensor


def identity_loss(logits: Tensor, labels: Tensor, alpha: float = 0.0, epsilon: float = 0.0):
    """L_y with the targets of Eq. 10 (epsilon) or Eq. 11 (alpha) built in full."""
    total = 0.0
    for row, y in zip(logits, labels.tolist(), strict=True):
        q = row.exp() / row.exp().sum()
        eps = epsilon + alpha * (1 - q[y].item())
        target = [1 - eps if j == y else eps / (len(q) - 1) for j in range(len(q))]
        total = total - sum(t * q[j].log() for j, t in enumerate(target))
    return total / len(logits)


def pair_probabilities(row: Tensor, negatives: str = "all") -> Tensor:
    """r (K, V) of Eq. 4 of one sample's logits (K, V), each with a denominator of its own."""
    num_ids, num_views = row.shape
    rows = []
    for j in range(num_ids):
        for k in range(num_views):
            bottom = row[j, k].exp()
            for other in range(num_ids):
                for o in range(num_views):
                    counts = {
                        "all": (other, o) != (j, k),
                        "other_identities": other != j,
                        "other_identities_and_views": other != j and o != k,
                    }
                    if counts[negatives]:
                        bottom = bottom + row[other, o].exp()
            rows.append(row[j, k].exp() / bottom)
    return torch.stack(rows).view(num_ids, num_views)


def viewpoint_target(r: Tensor, y: int, v: int, alpha: float) -> Tensor:
    """The (K, V) targets of Eq. 12 for one sample with probabilities r (K, V)."""
    num_ids, num_views = r.shape
    eps1 = alpha * max(0, 1 - r[y].sum().item())
    eps2 = alpha * (1 - r[y, v].item())
    target = torch.zeros_like(r)
    for j in range(num_ids):
        for k in range(num_views):
            if j == y and k == v:
                target[j, k] = 1 - eps1 - eps2
            elif j == y:
                target[j, k] = eps2 / (num_views - 1)
            else:
                target[j, k] = eps1 / (num_views * num_ids - num_views)
    return target


def viewpoint_loss(
    logits: Tensor, labels: Tensor, viewpoints: Tensor, alpha: float, negatives: str = "all"
):
    """L_v, the mean over the samples of known viewpoint."""
    losses = []
    for row, y, v in zip(logits, labels.tolist(), viewpoints.tolist(), strict=True):
        if v == -1:
            continue
        r = pair_probabilities(row, negatives)
        losses.append(-(viewpoint_target(r.detach(), y, v, alpha) * r.log()).sum())
    return sum(losses) / len(losses)


def soft_viewpoint_target(r: Tensor, y: int, weights: Tensor, alpha: float) -> Tensor:
    """The (K, V) targets of a sample of several viewpoints: a mean of those of hard ones.

    The smoothing is that of the probability that both share.
    """
    num_ids, num_views = r.shape
    eps1 = alpha * max(0, 1 - r[y].sum().item())
    eps2 = alpha * (1 - sum(min(r[y, k].item(), weights[k].item()) for k in range(num_views)))
    target = torch.full_like(r, eps1 / (num_views * num_ids - num_views))
    for k in range(num_views):
        rest = eps2 * (1 - weights[k]) / (num_views - 1)
        target[y, k] = (1 - eps1 - eps2) * weights[k] + rest
    return target


def center_loss(identity_centers: Tensor, view_centers: Tensor, reduction: str = "mean"):
    """L_R, pair by pair."""
    terms = []
    for w, views in zip(identity_centers, view_centers, strict=True):
        for u in views:
            terms.append(1 - (w @ u) / (w @ w).sqrt() / (u @ u).sqrt())
    return sum(terms) / (len(terms) if reduction == "mean" else 1)


def triplet_loss(features: Tensor, labels: Tensor, margin: float):
    """Batch-hard triplet, anchor by anchor."""
    terms = []
    for a in range(len(features)):
        distances = [(features[a] - other).norm() for other in features]
        positives = [d for i, d in enumerate(distances) if labels[i] == labels[a] and i != a]
        negatives = [d for i, d in enumerate(distances) if labels[i] != labels[a]]
        if positives and negatives:
            terms.append((max(positives) - min(negatives) + margin).clamp(min=0))
    return sum(terms) / len(terms)


def arc_margin(cosine: float, margin: float) -> float:
    """cos(theta + m), and its straight continuation past pi."""
    theta = math.acos(cosine)
    if theta + margin > math.pi:
        return cosine - margin * math.sin(margin)
    return math.cos(theta + margin)
