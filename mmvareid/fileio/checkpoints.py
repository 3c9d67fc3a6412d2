"""Checkpoints read without running code from them, by us and by MMEngine."""

import codecs
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
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
    # Each time: onedl's MMEngine allows the same for one file, and forbids it afterwards.
    torch.serialization.add_safe_globals(_SAFE_GLOBALS)
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
