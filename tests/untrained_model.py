"""A checkpoint of small weights that nothing has trained, for tools that read one."""

import argparse

import torch
from mmengine.config import DictAction
from small_run import SMALL, SYNTHETIC

from mmvareid.config import load_config
from mmvareid.registry import MODELS


def write_checkpoint(path, seed=0, options=()):
    """Write a checkpoint of the synthetic config made small; returns the options of its tools."""
    options = [*SMALL, *options]
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    read = parser.parse_args(["--cfg-options", *options]).cfg_options
    torch.manual_seed(seed)
    model = MODELS.build(load_config(str(SYNTHETIC), read).model)
    torch.save({"state_dict": model.state_dict()}, path)
    return options
