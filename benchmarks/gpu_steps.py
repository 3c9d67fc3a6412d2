"""Training steps in each way that a GPU may be used, one on top of the other."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from torch.utils.flop_counter import FlopCounterMode

from mmvareid.config import load_config
from mmvareid.models import compile_blocks
from mmvareid.registry import MODELS

CONFIGS = Path(__file__).parents[1] / "configs/va_reid"
ROWS = ("va-reid", "xent", "va-reid-local")  # the main one first
WAYS = (
    "float32 without TF32",
    "float32 as PyTorch's default",
    "bfloat16",
    "and channels_last",
    "and fused Adam",
    "and compiled blocks",
    "and CUDA graphs",
)
# Dense bfloat16 FLOP/s of the makers' data sheets.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12}


class Step:
    """One model that trains on the same batch of pixels, from memory of the host."""

    def __init__(self, config: str, way: str, device: str, smoke: bool) -> None:
        self.device, self.way = device, WAYS.index(way)
        self.batch, (height, width) = (8, (96, 32)) if smoke else (64, (384, 128))
        cfg = load_config(str(CONFIGS / f"{config}.py"))
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            preprocessor = cfg.get("data_preprocessor")
            model = MODELS.build({"data_preprocessor": preprocessor, **cfg.model})
            self.model = model.to(device).train()
            if self.way >= WAYS.index("and fused Adam"):
                cfg.optim_wrapper.optimizer.fused = True
            self.optimizer = build_optim_wrapper(self.model, cfg.optim_wrapper).optimizer
        if self.way >= WAYS.index("and channels_last"):
            self.model.to(memory_format=torch.channels_last)
        if self.way >= WAYS.index("and compiled blocks"):
            graphs = dict(mode="reduce-overhead") if way == WAYS[-1] else {}
            compile_blocks(self.model, **(dict(backend="eager") if smoke else graphs))
        pixels = torch.randint(0, 256, (self.batch, 3, height, width), dtype=torch.uint8)
        self.pixels = pixels.pin_memory() if device == "cuda" else pixels

    def __call__(self) -> None:
        """A forward and backward pass and the update."""
        if self.way == WAYS.index("and CUDA graphs"):
            torch.compiler.cudagraph_mark_step_begin()
        samples = [DataSample().set_gt_label(i // 4) for i in range(self.batch)]
        for i, sample in enumerate(samples):
            sample.set_field(i % 3, "viewpoint")
        low = self.way >= WAYS.index("bfloat16")
        with torch.autocast(self.device, torch.bfloat16) if low else contextlib.nullcontext():
            data = self.model.data_preprocessor(
                {"inputs": self.pixels, "data_samples": samples}, True
            )
            loss = sum(self.model(**data, mode="loss").values())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


@contextlib.contextmanager
def precision_of(way: str) -> Iterator[None]:
    """Without TF32 in convolutions, in the way of that name."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = before and way != WAYS[0]
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def time_steps(step: Any, device: str, repeats: int, steps: int) -> tuple[float, list[float]]:
    """Seconds of the first step, and of a step in each repeat, after five to warm up."""
    wait(device)
    start = time.perf_counter()
    step()
    wait(device)
    first = time.perf_counter() - start
    for _ in range(5 if steps > 1 else 0):
        step()
    seconds = []
    for _ in range(repeats):
        wait(device)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        wait(device)
        seconds.append((time.perf_counter() - start) / steps)
    return first, seconds


def measure_way(config: str, way: str, device: str, smoke: bool) -> dict[str, Any]:
    """Images a second, memory and share of the card's FLOP/s of one model in one way."""
    torch._dynamo.reset()
    with precision_of(way):
        step = Step(config, way, device, smoke)
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        first, seconds = time_steps(step, device, *((1, 1) if smoke else (5, 6)))
    rates = [step.batch / value for value in seconds]
    found: dict[str, Any] = {
        "images_a_second": statistics.median(rates),
        "spread": [min(rates), max(rates)],
        "first_step_s": first,
    }
    if device == "cuda":
        found["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
    name = torch.cuda.get_device_name() if device == "cuda" else ""
    peak = next((value for key, value in PEAKS.items() if key in name), None)
    if peak and way == WAYS[4]:  # what is compiled hides its operators
        with FlopCounterMode(display=False) as counter:
            step()
        found["flops_a_step"] = counter.get_total_flops()
        found["share_of_the_card"] = counter.get_total_flops() / statistics.median(seconds) / peak
    return found
