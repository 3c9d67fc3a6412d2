"""Tells viewpoints of a folder of images by a trained classifier, as a file that datasets read.

Train one by `python tools/train.py configs/viewpoint/resnet50_market1501.py`.
"""

import argparse
from pathlib import Path

import numpy as np
from mmengine.config import DictAction

from mmvareid.apis.features import load_model
from mmvareid.config import load_config
from mmvareid.datasets.transforms.uint8_batch import plain_steps
from mmvareid.fileio.image_paths import list_images
from mmvareid.fileio.outputs import check_outputs
from mmvareid.models.heads import JointHead, ReIDHead
from mmvareid.viewpoint import from_images, write_viewpoints
from mmvareid.viewpoint.names import describe_views
from mmvareid.viewpoint.writing import check_names, writable_names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file of the classifier")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument("images", type=Path, help="folder, searched with those below it")
    parser.add_argument("out", help="viewpoint file to write, .csv")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--num-workers", type=int, default=2, help="processes that read images")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override the config")
    args = parser.parse_args()
    check_outputs(parser, args.out, endings=[".csv"])
    try:
        paths = writable_names(map(Path, list_images(args.images)))
        check_names([path.name for path in paths])
    except (ValueError, OSError) as error:
        parser.error(str(error))

    cfg = load_config(args.config, args.cfg_options)
    model = load_model(cfg, args.checkpoint, args.device)
    if isinstance(model.head, ReIDHead | JointHead):
        parser.error(
            "config has to be of a classifier of viewpoints, as those of configs/viewpoint, but "
            f"{args.config} has a {type(model.head).__name__}"
        )
    pipeline = plain_steps(cfg.test_dataloader.dataset.pipeline)
    probabilities = from_images(model, paths, pipeline, args.batch_size, args.num_workers)
    known = probabilities.any(axis=1)
    labels = np.where(known, probabilities.argmax(axis=1), -1)
    write_viewpoints(args.out, [path.name for path in paths], labels, probabilities)
    sure = probabilities[known].max(axis=1)
    print(
        f"{args.out}: {len(paths)} images: {describe_views(labels.tolist())}; unknown: "
        f"{np.count_nonzero(~known)} unreadable"
        + (f"; mean confidence {sure.mean():.2f}" if len(sure) else "")
    )


if __name__ == "__main__":
    main()
