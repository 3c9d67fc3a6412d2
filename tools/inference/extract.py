"""Makes a gallery of a folder of pictures: their descriptors, and what is known of each.

Names that begin as Market-1501's do, 0002_c1, give the person and the camera.
"""

import argparse
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


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, or the name of one of the package")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("images", help="folder, searched with those below it")
    parser.add_argument("out", help="gallery to write, .npz; features are in it as (N, D)")
    parser.add_argument("--viewpoint-file", help="viewpoints of the pictures, by name")
    parser.add_argument("--flip", action="store_true", help="average with the mirror image")
    parser.add_argument("--amp", action="store_true", help="compute in 16 bits")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override the config")
    args = parser.parse_args()
    check_outputs(parser, args.out, endings=[".npz"])
    return args


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
    features = inferencer(paths, skip_unreadable=True)
    whole = ~np.isnan(features).any(axis=1)
    broken = [path for path, good in zip(paths, whole, strict=True) if not good]
    persons, cameras, views = known[whole].T
    gallery = Gallery(inferencer.fingerprint)
    gallery.add(
        features[whole],
        [path for path, good in zip(paths, whole, strict=True) if good],
        persons=persons,
        cameras=cameras,
        viewpoints=views,
    )
    gallery.save(args.out)
    print(
        f"{args.out}: {len(gallery)} pictures, {(cameras >= 0).sum()} of them with person and "
        f"camera, {(views >= 0).sum()} with a viewpoint; {len(broken)} unreadable and left out"
        + (f", such as {', '.join(map(printable, broken[:3]))}" if broken else "")
    )


if __name__ == "__main__":
    main()
