"""Draws synthetic people at known yaw and writes them as a Market-1501 folder."""

import argparse
from pathlib import Path

import cv2
from rich.progress import Progress

from mmvareid.datasets import make_synthetic
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
        Path(args.contact_sheet).parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(args.contact_sheet, contact_sheet(args.seed)):
            parser.error(f"--contact-sheet could not be written to {args.contact_sheet}")
        print(f"{args.contact_sheet}: contact sheet")


if __name__ == "__main__":
    main()
