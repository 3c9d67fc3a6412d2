"""Which gallery images stand first for a query, by the rules of the evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

from mmvareid.datasets.infos import JUNK
from mmvareid.evaluation.ranking.similarity import similarity_blocks


class Kind(IntEnum):
    """What a gallery image is to a query, in the order in which equally similar ones stand."""

    OTHER = 0
    IGNORED = 1  # junk: the query's person in the query's camera, or person -1
    MATCH = 2


@dataclass(frozen=True)
class RankedList:
    """The gallery images that stand first for a query, L of them, the most similar first.

    Attributes:
        query (int): Index of the query among the infos.
        gallery (np.ndarray): Indices of the images among the infos, ``(L,)``.
        kinds (np.ndarray): A :class:`Kind` each, ``(L,)`` int.
        similarity (np.ndarray): Cosine, ``(L,)``.
    """

    query: int
    gallery: np.ndarray
    kinds: np.ndarray
    similarity: np.ndarray


@torch.no_grad()
def ranked_lists(
    features: Tensor | np.ndarray,
    infos: Sequence[dict],
    queries: Sequence[int] | np.ndarray,
    topk: int = 5,
    num_ignored: int = 2,
) -> list[RankedList]:
    """Return the first ``topk`` of the gallery for some queries, and what is ignored among them.

    As in :func:`mmvareid.evaluation.rank`, similarity is the cosine, a gallery image of the
    query's person and camera takes no rank, and of equally similar ones a non-match stands first.

    Args:
        features (Tensor | np.ndarray): ``(N, D)``, of any length.
        infos (Sequence[dict]): N dicts, see :class:`mmvareid.apis.features.FeatureSet`.
        queries (Sequence[int]): Indices of Q queries among the infos.
        topk (int): Ranks. A shorter gallery gives fewer.
        num_ignored (int): At most so many ignored images are listed too, the most similar first
            and none behind the last rank. They stand where they would rank.

    Returns:
        list[RankedList]: One a query, in the order of ``queries``.

    Raises:
        ValueError: A number is too small, features and infos differ in number, an index is not
            that of a query, or there is no gallery.
    """
    if topk < 1 or num_ignored < 0:
        raise ValueError(
            f"topk has to be at least 1 and num_ignored at least 0, but got {topk} and "
            f"{num_ignored}"
        )
    if len(features) != len(infos):
        raise ValueError(
            f"features has to have a row for each info, but got {len(features)} rows and "
            f"{len(infos)} infos"
        )
    indices = np.asarray(queries, np.int64)
    strays = [int(i) for i in indices if not (0 <= i < len(infos) and infos[i]["is_query"])]
    if strays:
        raise ValueError(f"queries has to hold indices of infos with is_query, but got {strays}")
    gallery = np.flatnonzero([not info["is_query"] for info in infos])
    if not len(gallery):
        raise ValueError("infos has to have a gallery, but every one of them has is_query")
    if not len(indices):
        return []

    ids, cameras = (
        np.array([info[key] for info in infos], np.int64) for key in ("person_id", "camera_id")
    )
    rows = torch.as_tensor(features)
    lists: list[RankedList] = []
    for start, block in similarity_blocks(rows[indices], rows[gallery]):
        for query, similarity in zip(indices[start:], block.cpu().numpy(), strict=False):
            same = ids[gallery] == ids[query]
            kinds = np.where(same, int(Kind.MATCH), int(Kind.OTHER))
            kinds[same & (cameras[gallery] == cameras[query])] = Kind.IGNORED
            kinds[ids[gallery] == JUNK] = Kind.IGNORED
            order = np.lexsort((kinds, -similarity))
            order = order[_listed(kinds[order] == Kind.IGNORED, topk, num_ignored)]
            # The blocks leave out what is the same for all of a query's gallery: its length.
            length = float(torch.linalg.vector_norm(rows[query].double()))
            lists.append(
                RankedList(int(query), gallery[order], kinds[order], similarity[order] / length)
            )
    return lists


def _listed(ignored: np.ndarray, topk: int, num_ignored: int) -> np.ndarray:
    """Mask ``(G,)``: the first ``topk`` that count, and some ignored ones ahead of the last."""
    ranks = np.cumsum(~ignored)
    last = min(topk, int(ranks[-1]))
    ahead = (ranks < last) & (np.cumsum(ignored) <= num_ignored)
    return np.where(ignored, ahead, ranks <= topk)
