"""Reads a config with command-line options, and catches keys that nobody would read."""

import difflib
import os
from os import PathLike
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE

from .checks import READ, check_top_level, check_types
from .suggest import did_you_mean
from .walk import entries

PACKAGED = Path(__file__).parents[1] / ".mim" / "configs"
# So that `_base_ = "mmvareid::va_reid/..."` is found, from a clone as from a wheel.
MODULE2PACKAGE.setdefault("mmvareid", "mmvareid")


def get_config(name: str) -> Config:
    """Read a config of the package, such as ``'va_reid/va-reid_seresnext101_market1501'``.

    Args:
        name (str): Folder and name, as in :func:`find_config`.

    Returns:
        Config: Its ``filename`` says where the file is.

    Raises:
        FileNotFoundError: There is no such config; close names are told.
    """
    return Config.fromfile(find_config(name))


def find_config(name: str | PathLike) -> Path:
    """Return the path of a config file, or of a config of the package by folder and name.

    Args:
        name (str | PathLike): A file's path; or ``'va_reid/va-reid_seresnext101_market1501'``,
            with or without ``.py``, for one that comes with the package.

    Raises:
        FileNotFoundError: There is neither; close names are told.
    """
    text = os.fspath(name)
    bare = text.removesuffix(".py")
    for path in (Path(text), PACKAGED / f"{bare}.py"):
        if path.is_file():
            return path
    known = sorted(
        path.relative_to(PACKAGED).with_suffix("").as_posix()
        for path in PACKAGED.glob("*/*.py")
        if path.parts[-2] != "_base_"
    )
    close = difflib.get_close_matches(bare, known, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    raise FileNotFoundError(
        f"the config {text} does not exist, neither as a file nor in mmvareid{hint}"
    )


def load_config(path: str, options: dict[str, Any] | None = None) -> Config:
    """Read a config and apply ``--cfg-options``.

    A top-level value of the config, such as ``data_root``, that an option sets is set wherever a
    key of that name holds the old value: ``--cfg-options data_root=X`` reaches each dataloader.

    Args:
        path (str): The config file, or the name of one of the package, see :func:`find_config`.
        options (dict | None): Dotted keys and values.

    Returns:
        Config: With ``work_dir``, by default ``work_dirs/<name of the file>``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A value at the top that nothing reads, see
            :func:`mmvareid.config.checks.check_top_level`; a type of ours that does not exist or
            does not know an argument; or an option whose first part is neither in the config nor
            read, or that does not fit the config.
    """
    file = find_config(path)
    cfg = Config.fromfile(file)
    check_top_level(cfg, file)
    options = options or {}
    for key in options:
        first = key.split(".")[0]
        if first not in cfg and first not in READ:
            hint = did_you_mean(first, [*cfg, *READ])
            raise ValueError(f"unknown key {key!r} in --cfg-options: {path} has none{hint}")
        if first != key and first not in READ:
            raise ValueError(
                f"nothing reads {key!r} of --cfg-options once the config is merged; set the place "
                "where it is used, such as train_dataloader.dataset.pipeline.1.scale"
            )
    variables = {
        key: (cfg[key], value)
        for key, value in options.items()
        if key in cfg and not isinstance(cfg[key], dict | list)
    }
    try:
        cfg.merge_from_dict(options)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"--cfg-options {', '.join(options)} have to fit {path}, but merging failed: {error}"
        ) from error
    for key, (old, new) in variables.items():
        holders = [cfg._cfg_dict, *(entry.value for entry in entries(cfg._cfg_dict))]
        for node in holders:
            if isinstance(node, dict) and key in node and node[key] == old:
                node[key] = new
    check_types(cfg)
    cfg.setdefault("work_dir", str(Path("work_dirs") / Path(path).stem))
    return cfg
