"""What a split holds, said in one line, and beside the public set's counts."""

import logging
from collections.abc import Sequence

from mmengine.logging import print_log

from mmvareid.fileio.image_paths import some_names

NOUNS = {"train": "images", "query": "queries", "gallery": "gallery images"}


def report_split(
    title: str,
    samples: list[dict],
    junk: int,
    source: str,
    distractor: int | None,
    public_counts: dict[str, tuple[int, int]],
    left_out: Sequence[str] = (),
) -> None:
    """Log one line of counts, and a warning where they are not the public set's.

    Args:
        title: Dataset and split.
        samples: All samples of the split.
        junk: Images that were dropped.
        source: Where viewpoints are from.
        distractor: The person id that counts as nobody.
        public_counts: Images and people in each part of the public set; {} for no comparison.
        left_out: Files and folders beside the images, which are none.
    """
    split = title.split()[-1]
    people: dict[str, list[int]] = {}
    for sample in samples:
        part = "query" if sample["is_query"] else "gallery" if split == "test" else "train"
        people.setdefault(part, []).append(sample["person_id"])
    counts = {part: (len(ids), len({*ids} - {distractor})) for part, ids in people.items()}
    found = " and ".join(f"{n} {NOUNS[part]} of {k} people" for part, (n, k) in counts.items())
    cameras = len({sample["camera_id"] for sample in samples})
    distractors = sum(sample["person_id"] == distractor for sample in samples)
    known = sum(sample["viewpoint"] != -1 for sample in samples)
    print_log(
        f"{title}: {found}, {cameras} cameras, {distractors} distractors, {junk} junk dropped; "
        f"viewpoint known for {known} of {len(samples)} {split} images "
        f"({len(samples) - known} unknown = -1; {source})"
        + (f"; {len(left_out)} others left out: {some_names(left_out)}" if left_out else ""),
        logger="current",
    )
    public = {part: public_counts[part] for part in counts if part in public_counts}
    if public and public != counts:
        expected = " and ".join(f"{n} of {k}" for n, k in public.values())
        print_log(
            f"{title}: found {found}, the public set has {expected}; fine for your own data",
            logger="current",
            level=logging.WARNING,
        )
