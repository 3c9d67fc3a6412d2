"""Mends what MMEngine does not: loading checkpoints safely, and distributed training on CPUs."""

import codecs
import os
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint


def _getattr_of_history(owner: object, name: str) -> object:
    """Stand in for ``getattr``, by which HistoryBuffer pickles its statistics.

    The true one would let a file reach any function, such as ``exec``.
    """
    if owner is not HistoryBuffer or name not in ("min", "max", "current", "mean"):
        raise pickle.UnpicklingError(f"it asks for attribute {name!r} of {owner!r}")
    return getattr(owner, name)


# PyTorch finds what it may call by module and name.
_getattr_of_history.__module__ = "builtins"
_getattr_of_history.__name__ = _getattr_of_history.__qualname__ = "getattr"

# What a checkpoint of MMEngine holds besides tensors: the message hub's numpy histories.
_NUMPY = np._core if hasattr(np, "_core") else np.core
_SAFE_GLOBALS = [
    HistoryBuffer,
    _getattr_of_history,
    codecs.encode,  # of bytes; torch 2.5 and later allow it by themselves
    _NUMPY.multiarray._reconstruct,
    _NUMPY.multiarray.scalar,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.uint32, np.bool_)),
]
torch.serialization.add_safe_globals(_SAFE_GLOBALS)


def load_checkpoint_safely(filename: str, map_location: str | None = None) -> dict:
    """Load a local checkpoint without running code from it.

    Args:
        filename (str): Path of the checkpoint.
        map_location (str | None): As of ``torch.load``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no whole checkpoint, or holds more than weights and MMEngine's
            own state.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"the checkpoint {path} does not exist")
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"the checkpoint {path} holds objects that could run code, or is damaged, and was not "
            "loaded. If you trust it, keep its weights alone: torch.save({'state_dict': torch.load("
            f"path, weights_only=False)['state_dict']}}, new_path). PyTorch says: {error}"
        ) from error
    except Exception as error:  # of a cut or damaged archive PyTorch raises many kinds
        raise ValueError(
            f"the checkpoint {path} cannot be read; is it whole? PyTorch says: {error}"
        ) from error
    meta = content.get("meta") if isinstance(content, dict) else None
    if isinstance(meta, dict):
        meta.pop("config", None)  # of MMCV 1; MMEngine would run it as Python when it resumes
    return content


def load_url_safely(url: str, map_location: str | None = None, **kwargs: Any) -> dict:
    """Download a checkpoint into PyTorch's cache, and load it by :func:`load_checkpoint_safely`.

    Args:
        url (str): ``http://`` or ``https://``.
        map_location (str | None): As of ``torch.load``.
        **kwargs: ``model_dir``, the folder to keep it in; others are for MMEngine's sake.

    Raises:
        ValueError: As of :func:`load_checkpoint_safely`; the message tells where the file is.
    """
    folder = Path(kwargs.get("model_dir") or Path(torch.hub.get_dir()) / "checkpoints")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(urlparse(url).path).name
    if not path.is_file():
        torch.hub.download_url_to_file(url, str(path), progress=False)
    return load_checkpoint_safely(str(path), map_location)


def _refuse(filename: str, map_location: str | None = None, **kwargs: Any) -> dict:
    raise ValueError(
        f"a checkpoint has to be a file or an http address, but got {filename}: MMEngine would "
        "unpickle it; download it, and give its path"
    )


def check_weights(
    model: torch.nn.Module, content: dict, checkpoint: str, but_for: str | None = None
) -> None:
    """Check that a checkpoint has all weights of a model, each in its shape.

    MMEngine warns of what is missing, among hundreds of lines, and goes on with random weights.

    Args:
        model (nn.Module): The model; wrappers, which have it as ``module``, are looked through.
        content (dict): As of :func:`load_checkpoint_safely`.
        checkpoint (str): Its path, for the message.
        but_for (str, optional): Weights whose names start so may differ.

    Raises:
        ValueError: Weights are missing, have another shape, or are none.
    """
    while isinstance(inner := getattr(model, "module", None), BaseModel):
        model = inner
    found = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(found, dict) or not all(map(torch.is_tensor, found.values())):
        raise ValueError(
            f"the checkpoint {checkpoint} has to hold weights by name, but holds something else"
        )
    lacking, other = [], []
    for name, weight in model.state_dict().items():
        if but_for and name.startswith(but_for):
            continue
        if name not in found:
            lacking.append(name)
        elif found[name].shape != weight.shape:
            other.append(f"{name} {tuple(found[name].shape)}, not {tuple(weight.shape)}")
    if lacking or other:
        what = f"lacks {len(lacking)} such as {lacking[0]}" if lacking else f"has {other[0]}"
        raise ValueError(
            f"the checkpoint {checkpoint} has to have all weights of the config's model, but "
            f"{what}; is it of another config?"
        )


def use_safe_checkpoints() -> None:
    """Have MMEngine load checkpoints by :func:`load_checkpoint_safely`, wherever they are.

    Upstream cannot read its own checkpoints on torch >= 2.6, and onedl falls back to unpickling
    anything without asking. ``torchvision://`` and ``openmmlab://`` go by http; what goes by
    clients of S3, Petrel and Pavi is refused.
    """
    CheckpointLoader.register_scheme(prefixes="", loader=load_checkpoint_safely, force=True)
    mmengine_checkpoint.load_url = load_url_safely
    refused = ["pavi://", r"(\S+\:)?s3://", r"(\S+\:)?petrel://"]
    CheckpointLoader.register_scheme(prefixes=refused, loader=_refuse, force=True)


def prepare_cpu_distributed(cfg: Config) -> None:
    """Start gloo and wrap the model without a device, if processes are many and GPUs none.

    MMEngine sets a CUDA device for every launched process, and hands its number to DDP.
    """
    if cfg.get("launcher", "none") == "none" or torch.cuda.is_available():
        return
    if "RANK" not in os.environ:
        raise RuntimeError(
            f"launcher={cfg.launcher!r} finds neither a GPU nor RANK in the environment; to train "
            "on CPUs with many processes start them by tools/dist_train.sh (torchrun)"
        )
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    cfg.setdefault(
        "model_wrapper_cfg",
        dict(
            type="MMDistributedDataParallel",
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get("find_unused_parameters", False),
        ),
    )
