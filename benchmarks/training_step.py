"""A training step of the paper's network with plain softmax, VA-reID, and local features."""

import contextlib
import statistics
import time
from pathlib import Path

import torch
from mmpretrain.structures import DataSample

from mmvareid.config import load_config
from mmvareid.registry import MODELS

CONFIGS = Path(__file__).parents[1] / "configs/va_reid"
ROWS = ("xent", "va-reid", "va-reid-local")
BATCH = 64
# How a GPU may be used, each on top of the one before; a CPU takes the first.
WAYS = ("float32", "bfloat16", "channels_last", "compile")


class Step:
    """One model that trains on the same random images."""

    def __init__(self, row: str, size: tuple[int, int], way: str) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(0)
        config = load_config(str(CONFIGS / f"{row}_seresnext101_market1501.py"))
        self.model = MODELS.build(config.model).to(self.device).train()
        self.images = torch.randn(BATCH, 3, *size, device=self.device)
        if WAYS.index(way) >= WAYS.index("channels_last"):
            self.model.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        self.forward = torch.compile(self.model) if way == "compile" else self.model
        self.low = way != "float32"
        self.optimizer = torch.optim.Adam(self.model.parameters(), 3.5e-4)

    def seconds(self) -> float:
        """Time of a forward and backward pass and the update."""
        samples = [DataSample().set_gt_label(i // 4) for i in range(BATCH)]
        for i, sample in enumerate(samples):
            sample.set_field(i % 3, "viewpoint")
        self._wait()
        start = time.perf_counter()
        low = torch.autocast(self.device, torch.bfloat16) if self.low else contextlib.nullcontext()
        with low:
            loss = sum(self.forward(self.images, samples, mode="loss").values())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


def measure_steps(repeats: int) -> dict[str, dict[str, float]]:
    """Images a second of each row in each way, and ratios to the plain softmax of the same way."""
    gpu = torch.cuda.is_available()
    size, ways = ((384, 128), WAYS) if gpu else ((192, 64), WAYS[:1])
    found: dict[str, dict[str, float]] = {}
    for way in ways:
        steps = {row: Step(row, size, way) for row in ROWS}
        seconds: dict[str, list[float]] = {row: [] for row in ROWS}
        for repeat in range(repeats + (5 if gpu else 1)):
            for row, step in steps.items():
                seconds[row].append(step.seconds())
                print(f"{way} {row} {repeat + 1}: {seconds[row][-1]:.2f} s", flush=True)
        timed = {row: many[-repeats:] for row, many in seconds.items()}
        for row, many in timed.items():
            found[f"{row}, {way}, {size[0]}x{size[1]}"] = {
                "images_a_second": BATCH / statistics.median(many),
                "time_ratio": statistics.median(
                    a / b for a, b in zip(many, timed["xent"], strict=True)
                ),
            }
    return found
