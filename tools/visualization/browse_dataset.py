"""Draws the images that a config feeds to the model, with person, camera and viewpoint."""

import argparse
from itertools import islice
from pathlib import Path

import cv2
from mmengine.config import DictAction
from mmpretrain.registry import DATA_SAMPLERS, DATASETS

from mmvareid.config import load_config
from mmvareid.visualization import image_grid

VIEWS = {-1: "unknown", 0: "front", 1: "side", 2: "back"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--split", choices=["train", "test"], default="train")
    parser.add_argument("--number", type=int, default=32, help="images to draw")
    parser.add_argument("--out", default="browse.png", help="picture to write")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="key=value ...")
    args = parser.parse_args()
    if args.number < 1:
        parser.error(f"--number has to be at least 1, but got {args.number}")

    cfg = load_config(args.config, args.cfg_options)
    loader = cfg[f"{args.split}_dataloader"]
    dataset = DATASETS.build(loader.dataset)
    sampler = DATA_SAMPLERS.build(loader.sampler, default_args=dict(dataset=dataset, seed=0))
    images, captions = [], []
    for index in islice(sampler, args.number):
        item = dataset[index]
        sample = item["data_samples"]
        images.append(item["inputs"].permute(1, 2, 0).numpy())
        view = VIEWS.get(sample.viewpoint, f"view {sample.viewpoint}")
        role = " query" if sample.is_query else ""
        captions.append(f"{sample.person_id} c{sample.camera_id}{role}\n{view}")
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(args.out, image_grid(images, captions))
    print(f"{len(images)} images of {len(dataset)}: {args.out}")


if __name__ == "__main__":
    main()
