"""Log-probabilities of pairs of identity and viewpoint under each reading of Eq. 4."""

import torch
from torch import Tensor

from .log_prob_terms import log_prob_terms

# What stands in the denominator of a pair besides the pair itself.
NEGATIVES = ("all", "other_identities", "other_identities_and_views")


def pair_log_probs(logits: Tensor, labels: Tensor, negatives: str) -> tuple[Tensor, Tensor]:
    """Return what a smoothed loss needs of log r, Eq. 4 of VA-reID.

    Args:
        logits (Tensor): Margin logits z (B, K, V).
        labels (Tensor): Identity labels y (B,).
        negatives (str): One of :data:`NEGATIVES`, see :func:`log_probs`.

    Returns:
        tuple[Tensor, Tensor]: log r of the views of each label, (B, V), and its sum over all pairs
        of other identities, (B,).
    """
    num_views = logits.shape[2]
    if negatives == "all":
        view = torch.arange(num_views, device=labels.device)
        own = labels[:, None] * num_views + view  # (B, V)
        views, total = log_prob_terms(logits.flatten(1), own)
    else:
        every = log_probs(logits, negatives)
        views = every.gather(1, labels[:, None, None].expand(-1, 1, num_views)).squeeze(1)
        total = every.sum(dim=(1, 2))
    return views, total - views.sum(dim=1)


def log_probs(logits: Tensor, negatives: str) -> Tensor:
    r"""Return log r (B, K, V) of every pair: :math:`z_{jk} - \log(e^{z_{jk}} + N_{jk})`.

    N sums the exponentials over all other pairs (``'all'``, one softmax), over the pairs of other
    identities (``'other_identities'``, :math:`l \neq j`), or over those of other identities and
    other views (``'other_identities_and_views'``, :math:`l \neq j` and :math:`o \neq k`, exactly
    as Eq. 4 is printed). Only the first sums to 1 over the pairs.

    Raises:
        ValueError: Negatives are of other views, and there is but one.
    """
    if negatives == "all":
        return logits.flatten(1).log_softmax(dim=1).view_as(logits)
    if negatives == "other_identities":
        rest = logsumexp_of_others(logits.logsumexp(dim=2))[:, :, None]  # (B, K, 1)
    else:
        if logits.shape[2] < 2:
            raise ValueError(
                "negatives='other_identities_and_views' has to have at least 2 viewpoints, since "
                "one has no other, but got 1; take 'other_identities'"
            )
        by_view = logsumexp_of_others(logits)  # (B, K, V)
        rest = logsumexp_of_others(by_view.transpose(1, 2)).transpose(1, 2)
    return logits - torch.logaddexp(logits, rest)


def logsumexp_of_others(x: Tensor) -> Tensor:
    """Return the log-sum-exp of all *other* entries along the second dimension, (B, K, ...).

    It is the log-sum-exp of all, less the entry's share. Subtracting loses precision when a share
    exceeds one half, which only the largest can; its remainder is summed directly.
    """
    largest = x.argmax(dim=1, keepdim=True)
    total = x.logsumexp(dim=1, keepdim=True)
    share = (x - total).exp().clamp(max=0.5)  # of large tied logits the total rounds to x
    share = share.scatter(1, largest, 0)
    nothing = torch.finfo(x.dtype).min  # the logarithm of an empty sum; -inf has NaN gradients
    left = x.scatter(1, largest, nothing).logsumexp(dim=1, keepdim=True)
    return (total + (-share).log1p()).scatter(1, largest, left)
