"""How often viewpoints from body points are right, with no label, 600, and all but a tenth.

    python benchmarks/pose_viewpoints.py points.npz labels.pkl --out benchmarks/results/pose.json

`points.npz` holds `names` and `keypoints`, such as Market-1501's body points; `labels` is a
viewpoint file. Who is learnt from is never who is told; a person is what stands before the first
`_` of a name.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.progress import track

from mmvareid.datasets import load_viewpoints
from mmvareid.viewpoint import from_pose, read_poses

FOLDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points")
    parser.add_argument("labels")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    poses, given = read_poses(args.points), load_viewpoints(args.labels)
    labels = np.array([given.get(name, -1) for name in poses.names])
    _, person = np.unique([name.split("_")[0] for name in poses.names], return_inverse=True)
    fold = np.random.default_rng(0).permutation(person.max() + 1)[person] % FOLDS

    right = {"no labels": [from_pose(poses.points).labels == labels]}
    for part in track(range(FOLDS), description="Folds"):
        others = np.flatnonzero((fold != part) & (labels >= 0))
        few = np.random.default_rng(part).choice(others, 600, replace=False)
        for name, learnt in (("600 labels", few), ("all other people's labels", others)):
            known = np.full(len(labels), -1)
            known[learnt] = labels[learnt]
            found = from_pose(poses.points, known).labels
            right.setdefault(name, []).append((found == labels)[fold == part])
    shares = {name: 100 * np.concatenate(parts).mean() for name, parts in right.items()}
    for name, share in shares.items():
        print(f"{name}: {share:.2f} % right")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(shares, indent=2) + "\n")


if __name__ == "__main__":
    main()
