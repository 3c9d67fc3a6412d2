"""Draws the features of some people by t-SNE, coloured by viewpoint, of one model or two."""

import argparse
from pathlib import Path

from mmengine.config import Config, DictAction
from mmpretrain.registry import DATASETS

from mmvareid.apis.features import FeatureSet, extract_features, load_model
from mmvareid.config import load_config
from mmvareid.visualization import choose_people, draw_embedding, embed_features


def loader_of(cfg: Config, split: str) -> dict:
    """Return the test dataloader of a config, or one of its training images in order."""
    loader = {**cfg.test_dataloader}
    if split == "train":
        pipeline = loader["dataset"].pipeline
        dataset = {**cfg.train_dataloader.dataset, "pipeline": pipeline, "test_mode": True}
        loader["dataset"] = dataset
    return loader


def name_of(info: dict) -> str:
    """Return the folder and file name of an image: what two copies of a dataset share."""
    return "/".join(Path(info["img_path"]).parts[-2:])


def features_of(cfg: Config, checkpoint: str, loader: dict, images: list[str]) -> FeatureSet:
    """Return the features of the images that have these names, and of no other."""
    dataset = DATASETS.build({**loader["dataset"], "pipeline": []})
    places = {name_of(dataset.get_data_info(i)): i for i in range(len(dataset))}
    missing = [name for name in images if name not in places]
    if missing:
        raise ValueError(
            f"both configs have to have the same images, but the second lacks {missing[0]} "
            f"({len(missing)} such); set its data_root by --cfg-options"
        )
    chosen = {**loader["dataset"], "indices": [places[name] for name in images]}
    return extract_features(load_model(cfg, checkpoint), {**loader, "dataset": chosen})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", type=Path, default="embedding.png", help="picture to write")
    parser.add_argument("--num-ids", type=int, default=8, help="people to show")
    parser.add_argument("--split", choices=["train", "test"], default="test")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of people and of t-SNE")
    parser.add_argument(
        "--compare", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a second model, beside"
    )
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="key=value ... of each config"
    )
    args = parser.parse_args()
    if args.num_ids < 1:
        parser.error(f"--num-ids has to be at least 1, but got {args.num_ids}")

    models = [(args.config, args.checkpoint), *([args.compare] if args.compare else [])]
    cfgs = [load_config(config, args.cfg_options) for config, _ in models]
    loaders = [loader_of(cfg, args.split) for cfg in cfgs]
    dataset = DATASETS.build({**loaders[0]["dataset"], "pipeline": []})
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    infos = [info for info in infos if info["person_id"] != getattr(dataset, "distractor", None)]
    people = set(choose_people(infos, args.num_ids, args.seed))
    infos = [info for info in infos if info["person_id"] in people]
    images = [name_of(info) for info in infos]

    sets = [
        features_of(cfg, checkpoint, loader, images)
        for cfg, (_, checkpoint), loader in zip(cfgs, models, loaders, strict=True)
    ]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw_embedding(
        [embed_features(found.features, args.seed) for found in sets],
        infos,
        [f"{Path(config).stem}\n{Path(checkpoint).name}" for config, checkpoint in models],
        args.out,
        num_views=max(3, 1 + max(info["viewpoint"] for info in infos)),
    )
    print(f"{len(images)} images of {len(people)} people: {args.out}")


if __name__ == "__main__":
    main()
