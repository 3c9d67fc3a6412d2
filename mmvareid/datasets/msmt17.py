"""MSMT17."""

import os
import re
from pathlib import Path

from mmvareid.registry import DATASETS

from .reid_dataset import Image, ReIDDataset

LINE = re.compile(r"(?P<path>(?:.*/)?\d+_\d+_(?P<camera>\d+)_[^/]*)\s+(?P<person>\d+)")


@DATASETS.register_module()
class MSMT17(ReIDDataset):
    """MSMT17: 126,441 images of 4,101 people from 15 cameras.

    Wei et al., Person Transfer GAN to Bridge Domain Gap for Person Re-identification, CVPR 2018.

    Read from the lists of version 1 (folders ``train``, ``test``) or 2 (``mask_train_v2``,
    ``mask_test_v2``, faces blurred), with lines such as ``0000/0000_000_01_0303morning_0015_0.jpg
    0``. As in the literature, ``list_train.txt`` and ``list_val.txt`` together are the train split.
    Person ids start at 0 in both splits: person 0 is a person, and not the same one in both.

    See :class:`ReIDDataset` for the arguments and the samples.
    """

    sources = {"train": "list_train.txt", "query": "list_query.txt", "gallery": "list_gallery.txt"}
    subfolders = ("MSMT17_V1", "MSMT17_V2", "MSMT17")
    public_counts = {"train": (32621, 1041), "query": (11659, 3060), "gallery": (82161, 3060)}

    def list_images(self, root: Path, part: str) -> list[Image]:
        """Read the images of one part from its lists."""
        folder = self._folder(root)
        lists = [self.sources[part], *(["list_val.txt"] if part == "train" else [])]
        images = [image for name in lists for image in self._read_list(root / name, folder)]

        # One walk, since asking for each of 100,000 files takes long on a network disk.
        there = {os.path.join(at, name) for at, _, names in os.walk(folder) for name in names}
        missing = [image.path for image in images if image.path not in there]
        if missing:
            raise FileNotFoundError(
                f"{' and '.join(lists)} have to name images in '{folder}', but '{missing[0]}' is "
                f"not there ({len(missing)} such); unpack the archive again"
            )
        return sorted(images)

    def _folder(self, root: Path) -> Path:
        kind = self.split
        folders = [path for path in (root / kind, root / f"mask_{kind}_v2") if path.is_dir()]
        if len(folders) != 1:
            raise FileNotFoundError(
                f"MSMT17 {kind} needs one of the folders {kind} (version 1) and mask_{kind}_v2 "
                f"(version 2) in '{root}', but got {len(folders)} of them"
            )
        return folders[0]

    def _read_list(self, path: Path, folder: Path) -> list[Image]:
        if not path.is_file():
            raise FileNotFoundError(f"MSMT17 {self.split} needs the list '{path}'")
        images = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            match = LINE.fullmatch(line.strip())
            if not match:
                raise ValueError(
                    "lines of an MSMT17 list have to look like "
                    "'0000/0000_000_01_0303morning_0015_0.jpg 0' (person_image_camera_..., person "
                    f"id), but got {line!r} in line {number} of '{path}'"
                )
            image = Image(str(folder / match["path"]), int(match["person"]), int(match["camera"]))
            images.append(image)
        return images
