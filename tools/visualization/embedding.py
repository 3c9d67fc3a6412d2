"""Draws the features of some people by t-SNE, coloured by viewpoint, of one model or two."""

from mmvareid.apis import dataset_infos
from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import choose_people, embed_features, plot_embedding
from mmvareid.visualization.compared_models import (
    compared_features,
    compared_models,
    model_parser,
    parse_labels,
    show_same_images,
)
from mmvareid.visualization.figure_rgb import FIGURE_ENDINGS


def main() -> None:
    parser = model_parser(__doc__, out="picture to write")
    parser.add_argument("--num-ids", type=int, default=8, help="people to show")
    parser.add_argument("--split", choices=["train", "test"], default="test")
    parser.add_argument("--seed", type=int, default=0, help="of the choice and of t-SNE")
    args = parser.parse_args()
    if args.num_ids < 1:
        parser.error(f"--num-ids has to be at least 1, but got {args.num_ids}")
    check_outputs(parser, args.out, endings=FIGURE_ENDINGS)
    labels = parse_labels(parser, args)
    models, dataset = compared_models(args, labels, args.split)
    distractor = getattr(dataset, "distractor", None)
    infos = [info for info in dataset_infos(dataset) if info["person_id"] != distractor]
    people = set(choose_people(infos, args.num_ids, args.seed))
    infos = [info for info in infos if info["person_id"] in people]
    show_same_images(models, infos)
    found = compared_features(models, args.device)
    places = [embed_features(one.features, args.seed) for one in found]
    plot_embedding(places, infos, labels, args.out)
    print(f"{len(infos)} images of {len(people)} people: {args.out}")


if __name__ == "__main__":
    main()
