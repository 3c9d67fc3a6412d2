"""Draws synthetic people at known yaw and writes them as a Market-1501 folder."""

import argparse

from rich.progress import Progress

from mmvareid.datasets import make_synthetic
from mmvareid.fileio.images import PICTURE_ENDINGS, write_picture
from mmvareid.fileio.outputs import check_outputs
from mmvareid.synthetic import contact_sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="folder to make; empty or absent")
    parser.add_argument("--num-ids", type=int, default=128, help="half train, half test")
    parser.add_argument("--images-per-id", type=int, default=20)
    parser.add_argument("--num-cameras", type=int, default=6)
    parser.add_argument("--num-distractors", type=int, default=200)
    parser.add_argument("--num-junk", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--contact-sheet", metavar="PATH", help="also draw people from all sides")
    args = parser.parse_args()
    check_outputs(parser, args.contact_sheet, endings=PICTURE_ENDINGS)

    with Progress() as bar:
        task = bar.add_task("pictures", total=None)
        try:
            counts = make_synthetic(
                args.root,
                num_ids=args.num_ids,
                images_per_id=args.images_per_id,
                num_cameras=args.num_cameras,
                num_distractors=args.num_distractors,
                num_junk=args.num_junk,
                seed=args.seed,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        except (ValueError, FileExistsError) as error:
            bar.stop()
            parser.error(str(error))
    print(f"{args.root}: " + ", ".join(f"{number} {kind}" for kind, number in counts.items()))
    if args.contact_sheet:
        write_picture(args.contact_sheet, contact_sheet(args.seed))
        print(f"{args.contact_sheet}: contact sheet")


if __name__ == "__main__":
    main()
