"""Draws what a trained viewpoint-aware head predicts of training images, and their soft labels.

By default of three images: one that the model is sure of, one that it is least sure of, and one
whose viewpoint is ambiguous. A checkpoint does not hold scale and margin, so the config has to be
that of its training.
"""

import argparse
from pathlib import Path

import numpy as np
from mmengine.config import DictAction
from mmpretrain.registry import DATASETS
from rich.progress import track

from mmvareid.apis import dataset_infos, inference_dataloader, load_model
from mmvareid.config import load_config
from mmvareid.datasets import plain_packing
from mmvareid.evaluation import view_names
from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import choose_contrast, image_soft_labels, plot_soft_labels
from mmvareid.visualization.figure_rgb import FIGURE_ENDINGS
from mmvareid.visualization.soft_label_picture import views_of

BATCH = 32


def find_images(names: list[str], wanted: list[str]) -> list[int]:
    """Return where the wanted file names are among the dataset's."""
    for name in wanted:
        if name not in names:
            raise ValueError(
                f"--images has to be a number, or names of training images, but got {name}; a name "
                f"looks like {names[0]}"
            )
    return [names.index(name) for name in wanted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument(
        "--images", nargs="+", default=["3"], help="how many images, or the file names of some"
    )
    parser.add_argument(
        "--candidates", type=int, default=512, help="training images to choose from, evenly spread"
    )
    parser.add_argument("--device", help="by default the GPU if there is one")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override the config: key=value"
    )
    args = parser.parse_args()
    count = int(args.images[0]) if args.images[0].isdigit() and len(args.images) == 1 else None
    if count == 0 or args.candidates < 1:
        parser.error("--images and --candidates have to be at least 1, but got 0; leave them out")
    check_outputs(parser, args.out, endings=FIGURE_ENDINGS)

    cfg = load_config(args.config, args.cfg_options)
    dataset = DATASETS.build(plain_packing(inference_dataloader(cfg, "train"))["dataset"])
    infos = dataset_infos(dataset)
    names = [Path(info["img_path"]).name for info in infos]
    if count is None:
        indices = find_images(names, args.images)
    else:
        number = min(len(dataset), max(args.candidates, count))
        indices = np.linspace(0, len(dataset) - 1, number).astype(int).tolist()
    model = load_model(cfg, args.checkpoint, args.device)
    batches = [indices[i : i + BATCH] for i in range(0, len(indices), BATCH)]
    rows = [
        row
        for batch in track(batches, description="Predictions")
        for row in image_soft_labels(model, [dataset[i] for i in batch])
    ]
    chosen = dict.fromkeys(range(len(rows)), "") if count is None else choose_contrast(rows, count)

    num_views = next((row.r.shape[1] for row in rows if row.r is not None), 3)
    images, captions = [], []
    for i, kind in chosen.items():
        index = indices[i]
        images.append(dataset[index]["inputs"].permute(1, 2, 0).numpy()[..., ::-1])
        view = views_of(rows[i], view_names(num_views))
        person = infos[index]["person_id"]
        captions.append(f"{kind}: {names[index]}, person {person}, {view}".removeprefix(": "))
    people = dict(enumerate(dataset.metainfo["classes"]))  # the head may have room for more
    plot_soft_labels(
        [rows[i] for i in chosen],
        images,
        captions,
        args.out,
        lambda label: people.get(label, f"nobody ({label})"),
    )
    print(f"{len(chosen)} images of {len(rows)} that were looked at: {args.out}")


if __name__ == "__main__":
    main()
