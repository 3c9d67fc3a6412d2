"""Draws the images that a config feeds to the model, with person, camera and viewpoint."""

import argparse
from itertools import islice
from pathlib import Path

from mmengine.config import DictAction
from mmpretrain.registry import DATA_SAMPLERS, DATASETS

from mmvareid.apis import dataset_infos
from mmvareid.config import load_config
from mmvareid.datasets import plain_packing
from mmvareid.evaluation import view_names
from mmvareid.fileio.images import PICTURE_ENDINGS, write_picture
from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import draw_image_grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--split", choices=["train", "test"], default="train")
    parser.add_argument("--number", type=int, default=32, help="images to draw")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override the config: key=value"
    )
    args = parser.parse_args()
    if args.number < 1:
        parser.error(f"--number has to be at least 1, but got {args.number}")
    check_outputs(parser, args.out, endings=PICTURE_ENDINGS)

    cfg = load_config(args.config, args.cfg_options)
    loader = plain_packing(cfg[f"{args.split}_dataloader"])
    dataset = DATASETS.build(loader["dataset"])
    sampler = DATA_SAMPLERS.build(loader["sampler"], default_args=dict(dataset=dataset, seed=0))
    num_views = 1 + max(info["viewpoint"] for info in dataset_infos(dataset))
    views = [*view_names(num_views), "unknown"]  # the last is -1
    images, captions = [], []
    for index in islice(sampler, args.number):
        item = dataset[index]
        sample = item["data_samples"]
        images.append(item["inputs"].permute(1, 2, 0).numpy())
        role = " query" if sample.is_query else ""
        captions.append(f"{sample.person_id} c{sample.camera_id}{role}\n{views[sample.viewpoint]}")
    write_picture(args.out, draw_image_grid(images, captions))
    print(f"{len(images)} images of {len(dataset)}: {args.out}")


if __name__ == "__main__":
    main()
