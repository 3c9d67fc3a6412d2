"""Reads every image of a folder, and says which are broken, tiny, twice there, or oddly named."""

import argparse
import hashlib
import json
import os
import re
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from mmvareid.datasets import ReIDDataset
from mmvareid.fileio.image_paths import list_images, printable
from mmvareid.fileio.images import UnreadableImageError, read_image, read_whole
from mmvareid.fileio.outputs import check_outputs

SHOWN = 3  # names of each kind in the table
KINDS = {
    "truncated": "missing, empty or cut off",
    "undecodable": "no image, or larger than the limit",
    "tiny": "a side is shorter than --min-side",
    "duplicate": "the same bytes, of one person",
    "conflict": "the same bytes, of several people",
    "odd_name": "not <person>_c<camera>..., as others are",
}


class Image(NamedTuple):
    """What one file is found to be."""

    path: str
    problem: str  # a key of KINDS, or empty
    digest: str  # of its bytes


def look_at(path: str, min_side: int) -> Image:
    """Read an image; runs in a process of its own."""
    data = read_whole(path)
    if data is None:
        return Image(path, "truncated", "")
    digest = hashlib.sha256(data).hexdigest()
    try:
        image = read_image(data)
    except UnreadableImageError:
        return Image(path, "undecodable", digest)
    return Image(path, "tiny" if min(image.shape[:2]) < min_side else "", digest)


def sort_out(images: list[Image], pattern: str) -> dict[str, list[str]]:
    """Return the files of each kind of :data:`KINDS`; of equal ones all but the first.

    A person is known by the name or, where no name fits, as in MSMT17, by the folder.
    """
    matches = {image.path: re.fullmatch(pattern, Path(image.path).stem) for image in images}
    named = any(matches.values())
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    same: dict[str, list[str]] = defaultdict(list)
    for image in images:
        if image.problem:
            found[image.problem].append(image.path)
        if image.digest:
            same[image.digest].append(image.path)
        if named and not matches[image.path]:
            found["odd_name"].append(image.path)
    for paths in same.values():
        known = (matches[path] for path in paths)
        people = {
            match["person"] if match else Path(path).parent.name
            for path, match in zip(paths, known, strict=True)
        }
        found["duplicate" if len(people) == 1 else "conflict"] += paths[1:]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Ends with status 1 if images are broken."
    )
    parser.add_argument("folder", help="searched with those below it")
    parser.add_argument("--min-side", type=int, default=16, help="pixels")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--out", type=Path, help="write all names to this JSON file")
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"--jobs has to be at least 1, but got {args.jobs}")
    check_outputs(parser, args.out)
    try:
        paths = list_images(args.folder)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    with ProcessPoolExecutor(args.jobs) as pool:
        looked = pool.map(partial(look_at, min_side=args.min_side), paths, chunksize=64)
        images = list(track(looked, "Images", total=len(paths)))
    found = sort_out(images, ReIDDataset.pattern)
    if args.out:
        args.out.write_text(json.dumps({"images": len(paths), **found}, indent=2) + "\n")
    title = f"{escape(printable(args.folder))}: {len(paths)} images"
    table = Table("", "images", "is", "such as", title=title)
    for kind, files in found.items():
        names = ", ".join(printable(os.path.relpath(file, args.folder)) for file in files[:SHOWN])
        table.add_row(kind, str(len(files)), KINDS[kind], escape(names))
    Console(highlight=False).print(table)
    if found["truncated"] or found["undecodable"]:
        parser.exit(1)


if __name__ == "__main__":
    main()
