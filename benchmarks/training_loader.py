"""Loaders on one core: PIL and torchvision, mmpretrain's transforms, and ours."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from mmvareid.models import BatchAugmentPreprocessor

BATCH, PAD = 64, 10
KEYS = ("person_id", "camera_id", "is_query", "viewpoint")


class PilImages(Dataset):
    """What SRB, TransReID and fast-reid's loaders do."""

    def __init__(self, root: Path, size: tuple[int, int]) -> None:
        self.files = sorted((root / "bounding_box_train").glob("*.jpg"))
        self.transform = transforms.Compose(
            [
                transforms.Resize(size),
                transforms.RandomHorizontalFlip(),
                transforms.Pad(PAD),
                transforms.RandomCrop(size),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
                transforms.RandomErasing(0.5),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.open(self.files[index]).convert("RGB")), index


def make_loaders(root: Path, size: tuple[int, int]) -> dict[str, Callable[[], Iterable]]:
    """What gives batches of each case, in this process."""

    def ours(pipeline: list[dict], **options: dict) -> DataLoader:
        dataset = dict(
            type="mmvareid.SyntheticPeople", data_root=root, viewpoint_file="auto",
            pipeline=pipeline,
        )  # fmt: skip
        sampler = dict(type="DefaultSampler", shuffle=True)
        config = dict(batch_size=BATCH, num_workers=0, sampler=sampler, dataset=dataset, **options)
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            return Runner.build_dataloader(config)

    load, resize = dict(type="LoadImageFromFile"), dict(type="Resize", scale=size[::-1])
    augment = [
        dict(type="RandomFlip", prob=0.5, direction="horizontal"),
        dict(type="RandomCrop", crop_size=size, padding=PAD),
        dict(type="RandomErasing", erase_prob=0.5),
    ]
    usual = ours([load, resize, *augment, dict(type="PackInputs", algorithm_keys=KEYS)])
    pack = dict(type="mmvareid.PackImage", algorithm_keys=KEYS)
    decode = dict(type="mmvareid.DecodeImage")
    batched = ours([decode, resize, pack], collate_fn=dict(type="mmvareid.collate_images"))
    preprocess = BatchAugmentPreprocessor(
        [
            dict(type="mmvareid.BatchRandomFlip"),
            dict(type="mmvareid.BatchRandomCrop", padding=PAD),
            dict(type="mmvareid.BatchRandomErasing"),
        ],
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    )
    pil = DataLoader(PilImages(root, size), BATCH, shuffle=True)
    return {
        "PIL and torchvision": lambda: pil,
        "mmpretrain's transforms": lambda: usual,
        "ours": lambda: batched,
        "ours, and the batch augmented on this core": lambda: (
            preprocess(batch, training=True) for batch in batched
        ),
    }


def measure_loaders(root: Path, size: tuple[int, int], repeats: int) -> dict[str, list[float]]:
    """Images a second of each case in each repeat, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    cases = make_loaders(root, size)
    rates: dict[str, list[float]] = {case: [] for case in cases}
    for _ in range(repeats):
        for case, batches in cases.items():
            start, done = time.perf_counter(), 0
            for _ in batches():
                done += BATCH
                if done >= 20 * BATCH:
                    break
            rates[case].append(done / (time.perf_counter() - start))
    torch.set_num_threads(threads)
    return rates
