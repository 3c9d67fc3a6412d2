"""Tells viewpoints from body points, and writes them as a file that datasets read.

Without labels by default; with --labels, a viewpoint file of some images, it learns from them.
"""

import argparse
from pathlib import Path

import numpy as np

from mmvareid.datasets import load_viewpoints
from mmvareid.fileio.image_paths import IMAGE_SUFFIXES, list_images, without_ending
from mmvareid.fileio.images import UnreadableImageError, image_size
from mmvareid.fileio.outputs import check_outputs
from mmvareid.viewpoint import Poses, from_pose, read_poses, write_viewpoints
from mmvareid.viewpoint.names import describe_views
from mmvareid.viewpoint.writing import writable_names


def find_images(folder: Path) -> dict[str, Path]:
    """Images below a folder by their name without its ending."""
    found: dict[str, Path] = {}
    for path in writable_names(map(Path, list_images(folder))):
        other = found.setdefault(without_ending(path.name), path)
        if other != path:
            raise ValueError(
                f"images have to differ in name, but got '{other}' and '{path}'; give --images "
                "each folder apart"
            )
    return found


def drop_outside(poses: Poses, images: dict[str, Path]) -> tuple[int, int]:
    """Give points outside their image a score of 0; returns how many, and unreadable images."""
    count = unreadable = 0
    for name, points in zip(poses.names, poses.points, strict=True):
        try:
            size = image_size(images[without_ending(name)])
        except UnreadableImageError:
            unreadable += 1
            continue
        outside = ((points[:, :2] < 0) | (points[:, :2] > size)).any(axis=1)
        count += int((outside & (points[:, 2] > 0)).sum())
        points[outside, 2] = 0
    return count, unreadable


def match_images(poses: Poses, images: dict[str, Path], source: str) -> Poses:
    """Restrict poses to the images, and give them the images' full names."""
    stems = [without_ending(Path(name).name) for name in poses.names]
    inside = [i for i, stem in enumerate(stems) if stem in images]
    if not inside:
        raise ValueError(
            f"'{source}' has to have points of the images, but none of its {len(stems)} names, "
            f"such as {stems[:1]}, is one of {len(images)}, such as {[*images][:1]}"
        )
    print(f"{len(stems) - len(inside)} bodies of images that are not there: dropped")
    empty = {without_ending(Path(name).name) for name in poses.without_body} & set(images)
    return Poses(
        [images[stems[i]].name for i in inside],
        poses.points[inside],
        sorted(images[stem].name for stem in empty),
        poses.with_several,
    )


def labels_of(path: str, names: list[str]) -> np.ndarray:
    """Labels (N,) of images, -1 where a file has none."""
    given = load_viewpoints(path)
    labels = np.array([given.get(name, -1) for name in names])
    if (labels < 0).all():
        raise ValueError(
            f"--labels has to name images with a body, but none of the {len(given)} in '{path}', "
            f"such as {next(iter(given))}, is one of them, such as {names[0]}"
        )
    return labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "poses",
        help="folder or file of JSON (MMPose, OpenPose), or .npz with names and keypoints",
    )
    parser.add_argument("out", help="viewpoint file to write, .csv")
    parser.add_argument(
        "--images",
        type=Path,
        help="the dataset's folder: completes names, drops points outside the images, and counts "
        "images without points",
    )
    parser.add_argument("--labels", help="viewpoint file of some images, to learn from")
    parser.add_argument("--min-score", type=float, default=0.0, help="points above it count")
    args = parser.parse_args()
    check_outputs(parser, args.out, endings=[".csv"])

    poses = read_poses(args.poses)
    unlisted: list[str] = []
    if args.images:
        images = find_images(args.images)
        poses = match_images(poses, images, args.poses)
        outside, unreadable = drop_outside(poses, images)
        print(
            f"{outside} points outside their image count as missing; {unreadable} images are "
            "unreadable"
        )
        listed = {*poses.names, *poses.without_body}
        unlisted = sorted({path.name for path in images.values()} - listed)
    elif any(not name.lower().endswith(IMAGE_SUFFIXES) for name in poses.names):
        parser.error(
            f"--images has to name the folder of the images: {poses.names[0]} has no ending"
        )

    names = [Path(name).name for name in poses.names]
    labels = labels_of(args.labels, names) if args.labels else None
    found = from_pose(poses.points, labels, args.min_score)
    absent = [*poses.without_body, *unlisted]
    views = found.probabilities.shape[1]
    write_viewpoints(
        args.out,
        [*names, *absent],
        np.append(found.labels, np.full(len(absent), -1)),
        np.concatenate([found.probabilities, np.zeros((len(absent), views))]),
    )
    known = found.labels >= 0
    print(
        f"{args.out}: {len(names) + len(absent)} images: {describe_views(found.labels.tolist())}; "
        f"unknown: {np.count_nonzero(~known)} with too few points, {len(poses.without_body)} with "
        f"nobody, {len(unlisted)} of which nothing is said; of {poses.with_several} images the "
        "surest of several bodies was taken"
        + (f"; mean confidence {found.confidence[known].mean():.2f}" if known.any() else "")
    )


if __name__ == "__main__":
    main()
