"""What benchmarks/evaluation.py measures: ours, what ours is made of, and what others do."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from mmvareid.evaluation import rank, rerank
from mmvareid.evaluation.ranking.neighbours import find_neighbours

# Queries, gallery, dimension, people.
SIZES = {
    "market": (3368, 15913, 2048, 750),
    "msmt17": (11659, 82161, 2048, 3060),
    "million": (10000, 1000000, 256, 10000),
}
Inputs = tuple[torch.Tensor, torch.Tensor, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def make_inputs(size: str) -> Inputs:
    """Unit features of people in six cameras: a centre each, and noise."""
    queries, gallery, dimension, people = SIZES[size]
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(people, (queries + gallery,), generator=generator)
    centres = torch.randn(people, dimension, generator=generator)
    features = torch.randn(queries + gallery, dimension, generator=generator).mul_(1.5)
    for rows, persons in zip(features.split(4096), ids.split(4096), strict=True):  # no second copy
        rows += centres[persons]
        rows /= rows.norm(dim=1, keepdim=True)
    cams = torch.randint(6, (queries + gallery,), generator=generator)
    parts = slice(queries), slice(queries, None)
    columns = features, ids.numpy(), cams.numpy()
    return tuple(x[part] for x in columns for part in parts)  # type: ignore[return-value]


def product(inputs: Inputs) -> None:
    """The product alone, in blocks of up to 1 GiB that are thrown away."""
    query, gallery, *_ = inputs
    for rows in query.split(max(1, 2**28 // len(gallery))):
        rows @ gallery.T


def sorting(inputs: Inputs) -> None:
    """What most toolboxes do in Python: the whole matrix, an argsort, a loop over queries."""
    query, gallery, query_ids, gallery_ids, query_cams, gallery_cams = inputs
    distances = (1 - query @ gallery.T).numpy()
    order = np.argsort(distances, axis=1)
    matches = gallery_ids[order] == query_ids[:, None]
    for i, row in enumerate(order):
        keep = ~(matches[i] & (gallery_cams[row] == query_cams[i]))
        hits = matches[i][keep]
        if hits.any():
            precision = hits.cumsum() / np.arange(1, len(hits) + 1)
            (precision * hits).sum() / hits.sum()


def neighbours(inputs: Inputs) -> None:
    """The top-k search of all images among all that re-ranking starts with."""
    features = torch.cat(inputs[:2])
    find_neighbours(features, 21)


CASES: dict[str, Callable[[Inputs], object]] = {
    "product": product,
    "rank": lambda inputs: rank(*inputs),
    "sort": sorting,
    "neighbours": neighbours,
    "rerank": lambda inputs: rerank(*inputs[:2]),
    "rank(rerank=True)": lambda inputs: rank(*inputs, rerank=True),
}


def add_fastreid(clone: Path) -> None:
    """Add the cases of a clone of JDAI-CV/fast-reid."""
    folder = clone / "fastreid/evaluation"
    _add_ranking("fast-reid", folder)
    re_ranking = _load(folder / "rerank.py").re_ranking

    def distances(inputs: Inputs) -> list[np.ndarray]:
        query, gallery = inputs[:2]
        pairs = (query, gallery), (query, query), (gallery, gallery)
        return [(1 - a @ b.T).numpy() for a, b in pairs]

    CASES["fast-reid distances"] = distances
    CASES["fast-reid rerank"] = lambda inputs: re_ranking(*distances(inputs), 20, 6, 0.3)


def add_torchreid(clone: Path) -> None:
    """Add the case of a clone of KaiyangZhou/deep-person-reid."""
    _add_ranking("torchreid", clone / "torchreid/metrics")


def _add_ranking(name: str, folder: Path) -> None:
    """Add their ranking with its distances; the compiled one if ``rank_cylib`` was built."""
    evaluate = _load(folder / "rank.py").evaluate_rank

    def ranking(function: Callable, **options: bool) -> Callable[[Inputs], object]:
        return lambda inputs: function(
            (1 - inputs[0] @ inputs[1].T).numpy(), *inputs[2:], 50, **options
        )

    CASES[f"{name} rank, Python"] = ranking(evaluate, use_cython=False)
    for path in (folder / "rank_cylib").glob("rank_cy.*.so"):
        CASES[f"{name} rank, Cython"] = ranking(_load(path).evaluate_cy)


def _load(path: Path):
    """Import one file of a clone, without installing it."""
    name = path.name.partition(".")[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path} has to be a file of a clone of the repository")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
