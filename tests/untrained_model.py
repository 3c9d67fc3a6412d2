"""A checkpoint of small weights that nothing has trained, for tools that read one."""

import torch
from small_run import SMALL, SYNTHETIC, parse_options

from mmvareid.config import load_config
from mmvareid.registry import MODELS


def write_checkpoint(path, seed=0, options=()):
    """Write a checkpoint of the synthetic config made small; returns the options of its tools."""
    options = [*SMALL, *options]
    torch.manual_seed(seed)
    model = MODELS.build(load_config(str(SYNTHETIC), parse_options(options)).model)
    torch.save({"state_dict": model.state_dict()}, path)
    return options
