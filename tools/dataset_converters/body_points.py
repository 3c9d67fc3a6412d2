"""Body points of a folder of images by MediaPipe, for viewpoints_from_pose.py.

MediaPipe's wheel holds the weights and needs no GPU, but other versions of what we need, so give it
an environment of its own, which this file runs in without our package:

    python -m venv .pose && .pose/bin/pip install mediapipe==0.10.14
    .pose/bin/python tools/dataset_converters/body_points.py IMAGES points.npz
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np

# Rows of BlazePose's 33 points that are COCO's 17.
COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
HEIGHT = 640  # what images are enlarged to; the detector misses the body in smaller ones
BORDER = 1 / 8, 3 / 4  # of the height above and below, and of the width left and right
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff")


def points_in(image: np.ndarray, pose: object) -> np.ndarray | None:
    """Points (17, 3) in pixels with their visibility, None if no body is found."""
    height, width = image.shape[:2]
    top, left = (round(share * side) for share, side in zip(BORDER, (height, width), strict=True))
    framed = cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_REPLICATE)
    scale = HEIGHT / framed.shape[0]
    large = cv2.resize(framed, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    found = pose.process(cv2.cvtColor(large, cv2.COLOR_BGR2RGB)).pose_landmarks  # type: ignore[attr-defined]
    if found is None:
        return None
    rows = [(found.landmark[i].x, found.landmark[i].y, found.landmark[i].visibility) for i in COCO]
    size = framed.shape[1], framed.shape[0], 1
    return np.array(rows) * size - (left, top, 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path, help="folder, searched with those below it")
    parser.add_argument("out", type=Path, help="file to write, .npz with names and keypoints")
    args = parser.parse_args()
    if args.out.suffix != ".npz":
        parser.error(f"out has to end in .npz, but got {args.out}")
    files = sorted(path for path in args.images.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        parser.error(f"images has to be a folder of images, but '{args.images}' has none")
    try:
        import mediapipe
    except ImportError:
        sys.exit("mediapipe has to be installed, best apart: pip install mediapipe==0.10.14")

    warnings.filterwarnings("ignore", module="google.protobuf")
    pose = mediapipe.solutions.pose.Pose(static_image_mode=True, min_detection_confidence=0.1)
    names, points, unreadable = [], [], 0
    for done, path in enumerate(files, 1):
        image = cv2.imread(str(path))
        unreadable += image is None
        found = None if image is None else points_in(image, pose)
        if found is not None:
            names.append(path.name)
            points.append(found)
        if done % 100 == 0 or done == len(files):
            print(f"\r{done} of {len(files)} images", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    part = args.out.with_suffix(".part.npz")
    np.savez(part, names=np.array(names, str), keypoints=np.array(points).reshape(-1, 17, 3))
    os.replace(part, args.out)
    none = len(files) - len(names) - unreadable
    print(f"{args.out}: bodies in {len(names)} images, none in {none}, {unreadable} unreadable")


if __name__ == "__main__":
    main()
