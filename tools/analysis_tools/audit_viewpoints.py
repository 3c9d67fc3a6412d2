"""Says what a viewpoint file covers of a dataset, and how far it agrees with another one."""

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from rich.console import Console
from rich.table import Table

from mmvareid.apis import dataset_infos
from mmvareid.evaluation import view_names
from mmvareid.fileio.outputs import check_outputs
from mmvareid.registry import DATASETS
from mmvareid.viewpoint.audit import Audit, audit_viewpoints, confusion
from mmvareid.viewpoint.names import describe_views
from mmvareid.viewpoint.reading import load_fine_viewpoints, load_viewpoints

DATASETS_TOLD = ("Market1501", "DukeMTMCreID", "CUHK03", "MSMT17", "SyntheticPeople", "ReIDDataset")


def audit_split(
    dataset: str, root: str, split: str, viewpoints: dict[str, tuple[int, str | None]], views: int
) -> Audit:
    """Return the audit of one split of a dataset, without its distractors."""
    built = DATASETS.build(dict(type=f"mmvareid.{dataset}", data_root=root, split=split))
    samples = [
        {**info, "name": Path(info["img_path"]).name}
        for info in dataset_infos(built)
        if info["person_id"] != built.distractor
    ]
    return audit_viewpoints(viewpoints, samples, views)


def split_table(title: str, found: Audit) -> Table:
    """Return the views by camera of one split."""
    table = Table("camera", *view_names(len(found.lacking)), title=f"{title}: images by view")
    for camera, counts in found.by_camera.items():
        table.add_row(str(camera), *map(str, counts))
    table.add_row("all", *map(str, sum(found.by_camera.values())), style="bold")
    table.add_row(f"of {found.people} people lack it", *map(str, found.lacking))
    table.caption = (
        f"{found.images} images, {found.unlisted} of them not in the file, {found.unknown} "
        f"unknown, {found.noise} noise"
    )
    return table


def agreement_table(counts: np.ndarray) -> Table:
    """Return the confusion matrix of two files, the first one's views in rows."""
    names = view_names(len(counts))
    total = max(int(counts.sum()), 1)
    table = Table("", *(f"other: {name}" for name in names), title="Images that both know")
    for name, row in zip(names, counts, strict=True):
        table.add_row(name, *map(str, row))
    table.caption = f"{counts.sum()} images, {100 * np.trace(counts) / total:.2f} % alike"
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="viewpoint file")
    parser.add_argument(
        "--dataset", nargs=2, metavar=("TYPE", "ROOT"), help="such as Market1501 data/market1501"
    )
    parser.add_argument("--against", help="another viewpoint file, such as people's")
    parser.add_argument("--out", type=Path, help="also write all counts to this JSON file")
    args = parser.parse_args()
    check_outputs(parser, args.out)

    fine = load_fine_viewpoints(args.file)
    viewpoints = {name: view for name, (view, _) in fine.items()}
    other = load_viewpoints(args.against) if args.against else {}
    views = max(3, 1 + max([*viewpoints.values(), *other.values()]))
    counts = Counter(viewpoints.values())
    noise = sum(name == "noise" for _, name in fine.values())
    report: dict[str, Any] = {
        "images": len(fine),
        "views": {name: counts[view] for view, name in enumerate(view_names(views))},
        "unknown": counts[-1],
        "noise": noise,
    }
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{args.file}: {len(fine)} images: {describe_views(viewpoints.values(), views)}; "
        f"{counts[-1]} unknown, {noise} noise"
    )
    if args.dataset:
        dataset, root = args.dataset
        if dataset not in DATASETS_TOLD:
            parser.error(f"TYPE has to be one of {', '.join(DATASETS_TOLD)}, but got {dataset}")
        # What a dataset logs when it is built is of training, not of this file.
        MMLogger.get_instance("audit", log_level="ERROR")
        for split in ("train", "test"):
            try:
                found = audit_split(dataset, root, split, fine, views)
            except FileNotFoundError as error:  # the authors' files of Duke cover train alone
                console.print(f"{dataset} {split} is left out: {error}")
                continue
            report[split] = asdict(found)
            console.print(split_table(f"{dataset} {split}", found))
    if args.against:
        confused = confusion(viewpoints, other, views)
        report["confusion"] = confused
        console.print(agreement_table(confused))
    if args.out:
        args.out.write_text(json.dumps(report, indent=2, default=lambda array: array.tolist()))


if __name__ == "__main__":
    main()
