"""What viewpoints have to say about a model's features, and what retrieval gains by knowing them.

    python tools/test.py CONFIG CHECKPOINT --dump features.npz
    python benchmarks/viewpoint_use.py features.npz --out viewpoint_use.json

The viewpoints of the test images are used here, which no protocol allows: this tells what there is
to gain. Each way is also tried with shuffled viewpoints, and query expansion with the nearest
images of any viewpoint.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from mmvareid.evaluation import Descriptors, viewpoint_errors, viewpoint_scores

SHIFT = "common shift of a view"


def scores(table: Descriptors) -> dict[str, float]:
    """mAP and Rank-1, and mAP within and across viewpoints, in percent."""
    found = {
        key: value for key, value in table.rank().summary().items() if key in ("mAP", "Rank-1")
    }
    by_view = viewpoint_scores(table)
    return found | {
        "within": by_view["single/mean/mAP"],
        "across": by_view["cross/mean/mAP"],
    }


def shares_of_variance(table: Descriptors) -> dict[str, float]:
    """Percent of the features' variance: between people, and of a person's views from its mean.

    ``common shift of a view`` is the part of the latter that all people share: what a view adds to
    a feature whoever it shows.
    """
    people, shifts = [], []
    features, views = table.features.double(), torch.as_tensor(table.viewpoints)
    number = int(views.max()) + 1
    for person in np.unique(table.persons[table.persons > 0]):
        own = torch.as_tensor(table.persons == person)
        people.append(features[own].mean(0))
        sides = [own & (views == view) for view in range(number)]
        if all(side.any() for side in sides):
            means = torch.stack([features[side].mean(0) for side in sides])
            shifts.append(means - means.mean(0))
    shift = torch.stack(shifts)  # (people, V, D)
    total = features.var(0).sum()
    return {
        "between people": 100 * float(torch.stack(people).var(0).sum() / total),
        "views of a person": 100 * float(shift.square().sum(2).mean() / total),
        SHIFT: 100 * float(shift.mean(0).square().sum(1).mean() / total),
    }


def shuffled_within_people(table: Descriptors) -> np.ndarray:
    """Return viewpoints that each person's images have exchanged among themselves, (N,)."""
    rng, views = np.random.default_rng(0), table.viewpoints.copy()
    for person in np.unique(table.persons):
        own = table.persons == person
        views[own] = rng.permutation(views[own])
    return views


def chance(table: Descriptors) -> float:
    """Percent of images of the most frequent viewpoint, which a blind classifier gets right."""
    views = table.viewpoints[(table.persons > 0) & (table.viewpoints >= 0)]
    return 100 * float(np.bincount(views).max() / len(views))


def probe(table: Descriptors) -> float:
    """Accuracy in percent of a linear classifier of viewpoints on people that it has not seen."""
    people = np.unique(table.persons[table.persons > 0])
    known = table.viewpoints >= 0
    features, right = table.features.float().numpy(), []
    for half in (people[::2], people[1::2]):
        learnt = known & np.isin(table.persons, half)
        asked = known & np.isin(table.persons, np.setdiff1d(people, half))
        model = LogisticRegression(max_iter=500, C=100).fit(
            features[learnt], table.viewpoints[learnt]
        )
        right.append(model.score(features[asked], table.viewpoints[asked]))
    return 100 * float(np.mean(right))


def without_view_means(table: Descriptors, views: np.ndarray) -> Tensor:
    """Take the mean of each view's features away, (N, D)."""
    features = table.features.clone()
    for view in np.unique(views[views >= 0]):
        own = torch.as_tensor(views == view)
        features[own] -= table.features[own].mean(0) - table.features.mean(0)
    return features


def expanded(table: Descriptors, views: np.ndarray | None, number: int = 2) -> Tensor:
    """Add to each query its nearest gallery images, (N, D): of each view, or of any."""
    features = F.normalize(table.features, dim=1)
    is_query = torch.as_tensor(table.is_query)
    gallery = features[~is_query]
    similarity = features[is_query] @ gallery.T
    known = np.unique(table.viewpoints[table.viewpoints >= 0])
    groups = [np.ones(len(gallery), bool)] if views is None else [
        views[~table.is_query] == view for view in known
    ]  # fmt: skip
    count = number * (len(known) if views is None else 1)
    added = torch.zeros_like(features[is_query])
    for group in groups:
        masked = similarity.masked_fill(~torch.as_tensor(group), -1)
        nearest, index = masked.topk(min(count, int(group.sum())), dim=1)
        added += (gallery[index] * nearest.clamp(min=0)[:, :, None] ** 3).sum(1) / number
    features[is_query] += added
    return F.normalize(features, dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("features", type=Path, help="an .npz file of tools/test.py --dump")
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    args = parser.parse_args()
    table = Descriptors.load(args.features)
    shuffled = table.viewpoints.copy()
    known = shuffled >= 0
    shuffled[known] = np.random.default_rng(0).permutation(shuffled[known])
    ways = {
        "as it is": table.features,
        "less the mean of each view": without_view_means(table, table.viewpoints),
        "less the mean of each shuffled view": without_view_means(table, shuffled),
        "expanded by 2 images of each view": expanded(table, table.viewpoints),
        "expanded by 2 images of each shuffled view": expanded(table, shuffled),
        "expanded by 6 images of any view": expanded(table, None),
    }
    rows = {name: scores(replace(table, features=way)) for name, way in ways.items()}
    blind = shares_of_variance(replace(table, viewpoints=shuffled_within_people(table)))
    facts = (
        viewpoint_errors(table)
        | shares_of_variance(table)
        | {f"{name}, shuffled": blind[name] for name in ("views of a person", SHIFT)}
        | {"linear probe": probe(table), "linear probe, by chance": chance(table)}
    )
    shown = Table("features", *next(iter(rows.values())))
    for name, row in rows.items():
        shown.add_row(name, *(f"{value:.2f}" for value in row.values()))
    console = Console(highlight=False)
    console.print(shown, {name: round(value, 1) for name, value in facts.items()})
    if args.out:
        args.out.write_text(json.dumps({"facts": facts, "scores": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
