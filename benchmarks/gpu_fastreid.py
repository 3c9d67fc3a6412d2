"""fast-reid's own training step beside ours, of the same backbone, batch and size."""

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_steps import Step, time_steps

BATCH, SIZE = 64, (384, 128)
OURS = "va-reid_resnet50_market1501"


def measure_fastreid(clone: Path, device: str) -> dict[str, Any]:
    """Images a second of SBS with ResNet-50 by its own loop in mixed precision, and of ours."""
    rates = {}
    steps = {
        "fast-reid": theirs(clone, device),
        "ours": Step(OURS, "and fused Adam", device, smoke=False),
        "ours, compiled": Step(OURS, "and compiled blocks", device, smoke=False),
    }
    for name, step in steps.items():
        _, seconds = time_steps(step, device, 5, 6)
        rates[name] = BATCH / statistics.median(seconds)
    return rates


def theirs(clone: Path, device: str) -> Callable[[], None]:
    """Return a step as its AMPTrainer takes it: autocast to float16, and a scaler."""
    sys.path.insert(0, str(clone))
    from fastreid.config import get_cfg
    from fastreid.modeling.meta_arch import build_model
    from fastreid.solver import build_optimizer

    cfg = get_cfg()
    cfg.merge_from_file(str(clone / "configs/Market1501/sbs_R50.yml"))
    cfg.MODEL.DEVICE = device
    cfg.MODEL.BACKBONE.PRETRAIN = False
    cfg.MODEL.HEADS.NUM_CLASSES = 751
    model = build_model(cfg).train()
    built = build_optimizer(cfg, model)
    optimizer = built[0] if isinstance(built, tuple) else built
    scaler = torch.amp.GradScaler(device)
    data = {
        "images": torch.randint(0, 256, (BATCH, 3, *SIZE), device=device).float(),
        "targets": torch.arange(BATCH, device=device) // 4,
        "camids": torch.zeros(BATCH, dtype=torch.int64, device=device),
    }

    def step() -> None:
        with torch.autocast(device, torch.float16):
            loss = sum(model(data).values())
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return step
