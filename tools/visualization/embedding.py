"""Draws the features of some people by t-SNE, coloured by viewpoint, of one model or two."""

import argparse
from pathlib import Path

from mmengine.config import DictAction
from mmpretrain.registry import DATASETS

from mmvareid.apis import (
    dataset_infos,
    extract_features,
    inference_dataloader,
    load_model,
    select_images,
)
from mmvareid.config import load_config
from mmvareid.visualization import choose_people, embed_features, model_labels, plot_embedding


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--compare", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a second model, drawn beside"
    )
    parser.add_argument(
        "--labels", nargs="+", help="a name for each model; by default the configs'"
    )
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--num-ids", type=int, default=8, help="people to show")
    parser.add_argument("--split", choices=["train", "test"], default="test")
    parser.add_argument("--seed", type=int, default=0, help="of the choice and of t-SNE")
    parser.add_argument("--device", help="by default the GPU if there is one")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override each config: key=value"
    )
    args = parser.parse_args()
    if args.num_ids < 1:
        parser.error(f"--num-ids has to be at least 1, but got {args.num_ids}")
    models = [(args.config, args.checkpoint), *([args.compare] if args.compare else [])]
    try:
        labels = model_labels(models, args.labels)
    except ValueError as error:
        parser.error(str(error))

    cfgs = [load_config(config, args.cfg_options) for config, _ in models]
    loaders = [inference_dataloader(cfg, args.split) for cfg in cfgs]
    dataset = DATASETS.build({**loaders[0]["dataset"], "pipeline": []})
    infos = dataset_infos(dataset)
    infos = [info for info in infos if info["person_id"] != getattr(dataset, "distractor", None)]
    people = set(choose_people(infos, args.num_ids, args.seed))
    infos = [info for info in infos if info["person_id"] in people]
    loaders = [select_images(loader, infos) for loader in loaders]
    places = []
    for label, cfg, (_, checkpoint), loader in zip(labels, cfgs, models, loaders, strict=True):
        model = load_model(cfg, checkpoint, args.device)
        features = extract_features(model, loader, label).features
        places.append(embed_features(features, args.seed))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot_embedding(places, infos, labels, args.out)
    print(f"{len(infos)} images of {len(people)} people: {args.out}")


if __name__ == "__main__":
    main()
