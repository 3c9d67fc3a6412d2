"""Makes a gallery of a folder of pictures: their descriptors, and what is known of each.

Names that begin as Market-1501's do, 0002_c1, give the person and the camera.
"""

import argparse
import hashlib
import os
import re
from pathlib import Path

import numpy as np
from mmengine.config import DictAction

from mmvareid.apis import Gallery, ReIDInferencer, list_images
from mmvareid.config import load_config
from mmvareid.datasets import ReIDDataset, load_viewpoints
from mmvareid.fileio.image_paths import printable
from mmvareid.fileio.outputs import check_outputs

_PART = 4_096  # pictures that are added to a database at a time


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, or the name of one of the package")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("images", help="folder, searched with those below it")
    parser.add_argument(
        "out",
        help="gallery to write: an .npz file, or a .db file or "
        "http://host:19530, to which pictures are added",
    )
    parser.add_argument("--collection", default="people", help="gallery of a database")
    parser.add_argument("--viewpoint-file", help="viewpoints of the pictures, by name")
    parser.add_argument("--flip", action="store_true", help="average with the mirror image")
    parser.add_argument("--amp", action="store_true", help="compute in 16 bits")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override the config")
    args = parser.parse_args()
    if not is_database(args.out):
        check_outputs(parser, args.out, endings=[".npz"])
    return args


def is_database(out: str) -> bool:
    """Whether the gallery is kept by Milvus."""
    return "://" in out or out.endswith(".db")


def id_of(path: str) -> int:
    """Return an id of a picture's path, so that a run that is repeated adds nothing twice."""
    return int.from_bytes(hashlib.blake2b(os.fsencode(path), digest_size=8).digest(), "big") >> 3


def known_of(path: str, viewpoints: dict[str, int]) -> tuple[int, int, int]:
    """Person, camera and viewpoint of a picture by its name; -1 where it tells none."""
    match = re.match(ReIDDataset.pattern, Path(path).stem)
    numbers = (int(match["person"]), int(match["camera"])) if match else (-1, -1)
    if max(numbers) >= 2**63:  # a time stamp or the like
        numbers = (-1, -1)
    return *numbers, viewpoints.get(Path(path).name, -1)


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    # Absolute, so that they are found from anywhere.
    paths = [os.path.abspath(path) for path in list_images(args.images)]
    viewpoints = load_viewpoints(args.viewpoint_file) if args.viewpoint_file else {}
    if viewpoints and viewpoints.keys().isdisjoint(os.path.basename(path) for path in paths):
        raise ValueError(
            f"{args.viewpoint_file} has to name pictures of {args.images}, but none of its "
            f"{len(viewpoints)} names, such as {next(iter(viewpoints))}, is among them, such as "
            f"{os.path.basename(paths[0])}"
        )
    known = np.array([known_of(path, viewpoints) for path in paths])
    inferencer = ReIDInferencer(
        cfg, args.checkpoint, args.device, args.batch_size, args.flip, args.amp
    )
    database = is_database(args.out)
    if database:
        gallery = Gallery.open(args.out, inferencer.fingerprint, args.collection)
    else:
        gallery = Gallery(inferencer.fingerprint)
    whole = np.zeros(len(paths), bool)
    part = _PART if database else len(paths)
    with gallery:
        for start in range(0, len(paths), part):
            features = inferencer(paths[start : start + part], skip_unreadable=True)
            whole[start : start + part] = good = ~np.isnan(features).any(axis=1)
            if not good.any():
                continue
            rows = start + np.flatnonzero(good)
            persons, cameras, views = known[rows].T
            names = [paths[row] for row in rows]
            ids = [id_of(name) for name in names] if database else None
            gallery.add(features[good], names, persons, cameras, views, ids=ids)
        number = len(gallery)
        if not database:
            gallery.save(args.out)
    _, cameras, views = known[whole].T
    broken = [path for path, good in zip(paths, whole, strict=True) if not good]
    print(
        f"{args.out}: {whole.sum()} pictures, {(cameras >= 0).sum()} of them with person and "
        f"camera, {(views >= 0).sum()} with a viewpoint; {len(broken)} unreadable and left out"
        + (f", such as {', '.join(map(printable, broken[:3]))}" if broken else "")
        + (f"; the gallery has {number} now" if database else "")
    )


if __name__ == "__main__":
    main()
