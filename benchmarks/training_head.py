"""The viewpoint-aware head, ours and as the paper's equations read, with every soft label built."""

import math
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from machine import peak, restart_peak
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmvareid.models import VAHead

SCALE, MARGIN, ALPHA, BETA = 10.0, 0.1, 0.2, 0.1


class FullSoftLabels(nn.Module):
    """Eq. 1 with unit centres, margins by a one-hot mask, and targets (B, K) and (B, K, V)."""

    def __init__(self, dims: int, ids: int, views: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(ids, dims) * 0.01)
        self.view_weight = nn.Parameter(torch.randn(ids, views, dims) * 0.01)

    def forward(self, x: Tensor, labels: Tensor, views: Tensor) -> Tensor:
        x = F.normalize(x, dim=1)
        w, u = F.normalize(self.weight, dim=1), F.normalize(self.view_weight, dim=2)
        ids, num_views = u.shape[:2]

        target = F.one_hot(labels, ids).float()
        log_q = margin(x @ w.T, target).log_softmax(dim=1)
        with torch.no_grad():
            epsilon = ALPHA * (1 - (log_q.exp() * target).sum(dim=1, keepdim=True))
            soft = torch.where(target > 0, 1 - epsilon, epsilon / (ids - 1))
        loss_id = -(soft * log_q).sum(dim=1).mean()

        both = target[:, :, None] * F.one_hot(views, num_views)[:, None]  # (B, K, V)
        logits = margin(torch.einsum("bd,kvd->bkv", x, u), both)
        log_r = logits.flatten(1).log_softmax(dim=1).view_as(logits)
        with torch.no_grad():
            r = log_r.exp()
            eps_1 = ALPHA * (1 - (r * target[:, :, None]).sum(dim=(1, 2)))[:, None, None]
            eps_2 = ALPHA * (1 - (r * both).sum(dim=(1, 2)))[:, None, None]
            same = target[:, :, None].expand_as(r)
            soft = torch.where(same > 0, eps_2 / (num_views - 1), eps_1 / (num_views * (ids - 1)))
            soft = torch.where(both > 0, 1 - eps_1 - eps_2, soft)
        loss_view = -(soft * log_r).sum(dim=(1, 2)).mean()

        loss_center = (1 - (w[:, None] * u).sum(dim=2)).mean()
        return loss_id + loss_view + BETA * loss_center


def margin(cosine: Tensor, target: Tensor) -> Tensor:
    sine = (1 - cosine.square()).clamp(min=1e-7).sqrt()
    turned = cosine * math.cos(MARGIN) - sine * math.sin(MARGIN)
    return SCALE * torch.where(target > 0, turned, cosine)


class Ours(nn.Module):
    """The head in a reading of Eq. 4; ``sampled`` is the share of identities that it draws."""

    def __init__(self, ids: int, negatives: str, sampled: float = 1.0) -> None:
        super().__init__()
        loss_view = {"type": "mmvareid.VALSRLoss", "alpha": ALPHA, "negatives": negatives}
        self.head = VAHead(512, ids, 3, SCALE, MARGIN, loss_view=loss_view, sample_ratio=sampled)

    def forward(self, x: Tensor, labels: Tensor, views: Tensor) -> Tensor:
        samples = []
        for label, view in zip(labels.tolist(), views.tolist(), strict=True):
            samples.append(DataSample().set_gt_label(label))
            samples[-1].set_field(view, "viewpoint")
        return sum(self.head.loss((x,), samples).values())


# By name, of K identities; D = 512, V = 3. The first two are the same loss.
CASES: dict[str, Callable[[int], nn.Module]] = {
    "full soft labels": lambda ids: FullSoftLabels(512, ids, 3),
    "ours, all": lambda ids: Ours(ids, "all"),
    "ours, other identities": lambda ids: Ours(ids, "other_identities"),
    "and 10 % of the identities": lambda ids: Ours(ids, "other_identities", sampled=0.1),
}


def time_case(case: str, ids: int, repeats: int) -> dict[str, float]:
    """Seconds of a forward and backward pass of 64 samples, and the peak of memory above before."""
    torch.manual_seed(0)
    module = CASES[case](ids)
    x = torch.randn(64, 512, requires_grad=True)
    labels, views = torch.randint(0, ids, (64,)), torch.randint(0, 3, (64,))
    before, seconds = restart_peak(), []
    for _ in range(repeats):
        module.zero_grad()
        start = time.perf_counter()
        loss = module(x, labels, views)
        loss.backward()
        seconds.append(time.perf_counter() - start)
    mib = (peak() - before) / 1024
    return {"seconds": statistics.median(seconds), "mib": mib, "loss": loss.item()}
