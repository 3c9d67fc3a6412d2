"""Ranking, re-ranking and extraction on a GPU, beside what they are made of."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from evaluation_cases import SIZES, Inputs, make_inputs
from gpu_steps import wait

from mmvareid.apis import ReIDInferencer
from mmvareid.config import load_config
from mmvareid.evaluation import rank, rerank
from mmvareid.evaluation.ranking import padded
from mmvareid.registry import MODELS
from mmvareid.synthetic import make_synthetic

SIZES["smoke"] = (64, 300, 32, 12)


def seconds_of(call: Callable[[], Any], device: str, repeats: int) -> float:
    """Median of some calls, after one to warm up."""
    call()
    seconds = []
    for _ in range(repeats):
        wait(device)
        start = time.perf_counter()
        call()
        wait(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def on_device(inputs: Inputs, device: str) -> list[Any]:
    return [inputs[0].to(device), inputs[1].to(device), *inputs[2:]]


def measure_rank(size: str, device: str, repeats: int) -> dict[str, Any]:
    """Seconds of the product, of a sort after it, and of rank; how far scores are a CPU's."""
    inputs = make_inputs(size)
    query, gallery, *ids = on_device(inputs, device)

    def product(finish: Callable[[torch.Tensor], Any]) -> None:
        for rows in query.split(max(1, 2**28 // len(gallery))):
            finish(rows @ gallery.T)

    found: dict[str, Any] = {
        "product_s": seconds_of(lambda: product(lambda block: None), device, repeats),
        "product_and_argsort_s": seconds_of(lambda: product(torch.argsort), device, repeats),
        "rank_s": seconds_of(lambda: rank(query, gallery, *ids), device, repeats),
    }
    found["rank_to_product"] = found["rank_s"] / found["product_s"]
    few, padded._FEW = padded._FEW, 1000  # a pass for each match
    try:
        found["rank_by_passes_s"] = seconds_of(lambda: rank(query, gallery, *ids), device, 1)
    finally:
        padded._FEW = few
    some = slice(256)
    on_gpu = rank(query[some], gallery, ids[0][some], ids[1], ids[2][some], ids[3])
    on_cpu = rank(inputs[0][some], inputs[1], ids[0][some], ids[1], ids[2][some], ids[3])
    found["ap_from_cpu"] = float(np.nanmax(np.abs(on_gpu.ap - on_cpu.ap)))
    g = np.random.default_rng(0).permutation(len(gallery))
    again = rank(query[some], gallery[g], ids[0][some], ids[1][g], ids[2][some], ids[3][g])
    found["ap_from_other_order"] = float(np.nanmax(np.abs(on_gpu.ap - again.ap)))
    return found


def measure_rerank(size: str, device: str, repeats: int) -> dict[str, float]:
    """Seconds of rerank, and of rank by it."""
    query, gallery, *ids = on_device(make_inputs(size), device)
    return {
        "rerank_s": seconds_of(lambda: rerank(query, gallery), device, repeats),
        "rank_reranked_s": seconds_of(
            lambda: rank(query, gallery, *ids, rerank=True), device, repeats
        ),
    }


def measure_extraction(device: str, smoke: bool) -> dict[str, float]:
    """Pictures a second of the inferencer, from files, and of its network alone."""
    name = "va-reid_seresnext-small_synthetic" if smoke else "va-reid_resnet50_market1501"
    cfg = load_config(f"va_reid/{name}")
    cfg.model.backbone.pop("init_cfg", None)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.pth"
        preprocessor = cfg.get("data_preprocessor")
        model = MODELS.build({"data_preprocessor": preprocessor, **cfg.model})
        torch.save({"state_dict": model.state_dict()}, weights)
        people = Path(folder) / "people"
        make_synthetic(people, num_ids=4 if smoke else 24, images_per_id=8, seed=0)
        paths = sorted(map(str, people.glob("bounding_box_train/*.jpg")))
        paths *= 1 if smoke else 40
        inferencer = ReIDInferencer(cfg, weights, device, progress=False, amp=not smoke)
        described = seconds_of(lambda: inferencer(paths), device, 1)
        height, width = (128, 64) if smoke else (384, 128)
        images = torch.randn(min(64, len(paths)), 3, height, width, device=device)

        @torch.inference_mode()
        def network() -> None:
            with torch.autocast(device, enabled=not smoke):
                for _ in range(-(-len(paths) // len(images))):
                    inferencer.model(images, mode="tensor")

        alone = seconds_of(network, device, 1)
    return {
        "pictures_a_second": len(paths) / described,
        "network_alone": len(paths) / alone,
        "share": alone / described,
    }
