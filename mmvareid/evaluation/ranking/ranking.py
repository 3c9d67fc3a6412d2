"""Rank a gallery for each query: exact, in blocks, without a sort and without Q x G memory."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .counting import count_ahead
from .padded import PaddedMatches
from .reranking import rerank_options, reranked_blocks
from .similarity import METRICS, Features, as_features, in_one_pass, similarity_blocks

AP_TYPES = ("rectangular", "trapezoid")
_JUNK = -1  # a person id: cut-off boxes and the like, that no ranking counts


@dataclass(frozen=True)
class Ranking:
    """What is found for each of Q queries.

    Attributes:
        ap (np.ndarray): Average precision, ``(Q,)`` float64, NaN where a query has no match.
        inp (np.ndarray): Inverse negative penalty, matches / rank of the last match
            (arXiv:2001.04193), ``(Q,)`` float64, NaN where a query has no match.
        first_hit (np.ndarray): Non-matches before the first match, ``(Q,)`` int64: its rank from
            0, and -1 where a query has no match.
        num_matches (np.ndarray): ``(Q,)`` int64.
        num_ignored (np.ndarray): Gallery images with the query's person and camera, ``(Q,)``
            int64.
    """

    ap: np.ndarray
    inp: np.ndarray
    first_hit: np.ndarray
    num_matches: np.ndarray
    num_ignored: np.ndarray

    def summary(self, topk: tuple[int, ...] = (1, 5, 10)) -> dict[str, float]:
        """Mean over the queries that have a match, in percent.

        Args:
            topk (tuple[int, ...]): Ranks k of the cumulative matching characteristic.

        Returns:
            dict[str, float]: 'mAP', 'mINP', and 'Rank-k' for each k.

        Raises:
            ValueError: No query has a match, or a k is below 1.
        """
        if any(k < 1 for k in topk):
            raise ValueError(f"topk has to hold ranks from 1 on, but got {topk}")
        valid = self.num_matches > 0
        if not valid.any():
            if self.num_ignored.any():
                why = "every match has the query's camera: is there a single camera?"
            else:
                why = "no query's person is in the gallery: do both number people alike?"
            raise ValueError(
                f"at least one query has to have a match, but none of {len(valid)} has: {why}"
            )
        means = {"mAP": self.ap[valid].mean(), "mINP": self.inp[valid].mean()}
        means.update({f"Rank-{k}": (self.first_hit[valid] < k).mean() for k in topk})
        return {name: 100 * float(mean) for name, mean in means.items()}


@torch.no_grad()
def rank(
    query: Features,
    gallery: Features,
    query_ids: Any,
    gallery_ids: Any,
    query_cams: Any,
    gallery_cams: Any,
    metric: str = "cosine",
    ap: str = "rectangular",
    memory_mb: float | None = None,
    rerank: bool | dict[str, Any] = False,
) -> Ranking:
    r"""Rank the gallery for each query, and score the ranking.

    A gallery image with the query's person and camera is ignored, and so is person -1. Each other
    image is a match if it shows the query's person. With :math:`r_k` the rank of the k-th of P
    matches, the average precision is :math:`\frac{1}{P} \sum_k k / r_k`; ``ap='trapezoid'`` is
    that of the Oxford buildings toolbox and of Market-1501's first code,
    :math:`\frac{1}{P} \sum_k (k / r_k + (k - 1) / (r_k - 1)) / 2` with 1 for 0/0.

    **Ties** count against the query: a non-match that is as close as a match stands before it.
    Equal gallery features tie to the bit wherever they stand, and the order of the gallery or of
    the queries and ``memory_mb`` change no number, as long as the matrix product treats all
    entries of full tiles alike; so no product here has a ragged edge. The tests hold this for MKL
    with one and several threads. Between features that aren't equal, a difference below the
    rounding of float32 isn't seen: give float64 features to see it.

    **On a GPU** products are in full float32 whatever the setting of TF32 is, equal features tie
    to the bit too, and all but the scores, (Q,), stays there. Another GPU, or another ``memory_mb``
    there, may round the similarities of features that aren't equal otherwise.

    Nothing is sorted: the rank of a match is the number of matches before it and of non-matches
    that are at least as close. A block of queries is held at a time, never Q x G.

    Args:
        query (Tensor | np.ndarray): Features, ``(Q, D)``, of any floating type. Half precision is
            computed as float32.
        gallery (Tensor | np.ndarray): Features, ``(G, D)``. The work is done on its device.
        query_ids (array of int): Persons, ``(Q,)``.
        gallery_ids (array of int): Persons, ``(G,)``. Distractors may have any number that is no
            query's, such as 0.
        query_cams (array of int): Cameras, ``(Q,)``.
        gallery_cams (array of int): Cameras, ``(G,)``.
        metric (str): 'cosine' or 'euclidean'; features needn't be normalised for either.
        ap (str): 'rectangular' or 'trapezoid'.
        memory_mb (float, optional): What a block of similarities may take, in MiB; but it has at
            least 64 rows. Defaults to 64 on a CPU, and on a GPU to an eighth of its free memory, up
            to 1024.
        rerank (bool | dict): Rank by the distances of :func:`mmvareid.evaluation.rerank`, with its
            defaults (True) or with the ``k1``, ``k2`` and ``lambda_value`` given.

    Returns:
        Ranking: Per query, with a ``summary()``.

    Raises:
        ValueError: Shapes don't fit, an input is empty, ids aren't integers, a feature isn't
            finite or (with 'cosine') is all zero, or an option is unknown.

    Examples:
        >>> query = torch.tensor([[1.0, 0.0]])
        >>> gallery = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
        >>> # the first is the query's person in its own camera, the second is another person
        >>> ranking = rank(query, gallery, [7], [7, 3, 7, 7], [1], [1, 2, 2, 3])
        >>> ranking.ap, ranking.first_hit
        (array([0.58333333]), array([1]))
        >>> ranking.summary(topk=(1, 5))["Rank-5"]
        100.0
    """
    if metric not in METRICS:
        raise ValueError(f"metric has to be one of {METRICS}, but got {metric!r}")
    if ap not in AP_TYPES:
        raise ValueError(f"ap has to be one of {AP_TYPES}, but got {ap!r}")
    query, gallery = as_features(query, gallery)
    options = rerank_options(rerank)
    query_ids = _integers("query_ids", query_ids, len(query))
    query_cams = _integers("query_cams", query_cams, len(query))
    gallery_ids = _integers("gallery_ids", gallery_ids, len(gallery))
    gallery_cams = _integers("gallery_cams", gallery_cams, len(gallery))

    is_junk = gallery_ids == _JUNK
    if options is not None and not is_junk.all():  # junk is nobody's neighbour either
        if is_junk.any():
            kept = ~is_junk
            gallery = gallery[torch.as_tensor(kept, device=gallery.device)]
            gallery_ids, gallery_cams = gallery_ids[kept], gallery_cams[kept]
            is_junk = is_junk[kept]
        blocks = reranked_blocks(query, gallery, metric=metric, memory_mb=memory_mb, **options)
    else:
        blocks = similarity_blocks(query, gallery, metric, memory_mb)
    junk = np.flatnonzero(is_junk)
    by_person = np.argsort(gallery_ids, kind="stable")
    by_person = by_person[~is_junk[by_person]]
    people = gallery_ids[by_person]
    first = np.searchsorted(people, query_ids, side="left")  # (Q,) of the query's person
    count = np.searchsorted(people, query_ids, side="right") - first
    if in_one_pass(gallery.device):
        matches = PaddedMatches(
            first, count, by_person, query_cams, gallery_cams, junk, gallery.device
        )
        return Ranking(*matches.score_all(blocks, ap))

    parts = []
    with torch.autocast(gallery.device.type, enabled=False):
        for start, block in blocks:
            part = slice(start, start + len(block))
            rows, columns = _same_person(first[part], count[part], by_person)
            is_match = query_cams[part][rows] != gallery_cams[columns]
            num_matches = np.bincount(rows[is_match], minlength=len(block))
            num_ignored = np.bincount(rows[~is_match], minlength=len(block))

            # Only the non-matches stay in the block. -inf is behind every match.
            at = torch.as_tensor(rows), torch.as_tensor(columns)
            found = block[at][torch.as_tensor(is_match)]
            block[at] = -torch.inf
            if len(junk):
                block[:, torch.as_tensor(junk)] = -torch.inf
            ahead = count_ahead(block, found, num_matches)
            parts.append((*_score(ahead, num_matches, ap), num_matches, num_ignored))
    return Ranking(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _same_person(
    first: np.ndarray, count: np.ndarray, by_person: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a query (row) and a gallery image (column) of one person, sorted by row."""
    rows: np.ndarray = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, by_person[np.repeat(first, count) + within]


def _score(
    ahead: np.ndarray, counts: np.ndarray, ap: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AP, INP and first hit of each query from the non-matches ahead of its matches."""
    rows: np.ndarray = np.repeat(np.arange(len(counts)), counts)
    ends = np.cumsum(counts)
    place = np.arange(len(rows)) - np.repeat(ends - counts, counts) + 1  # k-th match, from 1
    precision = place / (place + ahead)
    if ap == "trapezoid":
        before = place + ahead - 1
        previous = np.where(before == 0, 1.0, (place - 1) / np.maximum(before, 1))
        precision = (precision + previous) / 2

    has = counts > 0
    aps, inps = np.full((2, len(counts)), np.nan)
    first_hit = np.full(len(counts), -1)
    aps[has] = np.bincount(rows, precision, minlength=len(counts))[has] / counts[has]
    inps[has] = counts[has] / (counts[has] + ahead[ends[has] - 1])
    first_hit[has] = ahead[(ends - counts)[has]]
    return aps, inps, first_hit


def _integers(name: str, values: Any, length: int) -> np.ndarray:
    array = np.asarray(values.cpu() if isinstance(values, Tensor) else values)
    if array.shape != (length,):
        raise ValueError(
            f"{name} has to be of shape ({length},), one for each feature, but got {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} has to hold integers, but got {array.dtype}")
    return array.astype(np.int64)
