"""Finds in a merged config what would be read by nobody, or fail only after minutes."""

import ast
import inspect
import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

from mmvareid import registry

from .suggest import closest, did_you_mean
from .walk import entries

# What MMEngine or our tools read from the top level of a config.
READ = {*inspect.signature(Runner.__init__).parameters} - {"self", "cfg"} | {
    "custom_imports",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "runner_type",
    "strategy",
    "sync_bn",
}


def check_top_level(cfg: Config, path: Path) -> None:
    """Check that what a config file sets at its top reaches something.

    MMEngine merges files, not variables: ``data_root = "new"`` over a base that has copied its own
    into three dataloaders changes none of them.

    Args:
        cfg (Config): The merged config.
        path (Path): Its file.

    Raises:
        ValueError: A key looks like one that is read, or like a base's, and nothing holds its
            value; or it replaces a base's value that the places which copied it still hold.
    """
    for key in cfg:
        if key not in READ and (hint := did_you_mean(key, READ, 0.85)):
            raise ValueError(f"unknown key {key!r} in {path}{hint}")
    own, bases = _inherited(path)
    nested = [(place, name, value) for place, name, value in entries(cfg) if place != name]
    for key in sorted(own & cfg.keys() - READ):
        meant = key if key in bases else closest(key, bases, 0.85)
        copies = [(place, value) for place, name, value in nested if name == meant]
        if not meant or any(cfg[key] == value for *_, value in copies or nested):
            continue
        if meant != key:
            raise ValueError(f"unknown key {key!r} in {path}; did you mean {meant!r}?")
        if bases[key] != cfg[key]:
            held = "".join(f"; {place} is {value!r}" for place, value in copies[:3])
            raise ValueError(
                f"{key} is set at the top of {path}, but what copied the base's value keeps that"
                f"{held}. Set those places too, or give a plain value by --cfg-options {key}=..."
            )


def check_types(cfg: Config) -> None:
    """Check that types of ours exist, are written with their scope, and know their arguments.

    Raises:
        ValueError: One does not; the place in the config is told, and what may have been meant.
    """
    types = {}
    for node in vars(registry).values():
        if isinstance(node, Registry) and node.scope == "mmvareid":
            node.import_from_location()
            types.update({name: (kind, node.parent) for name, kind in node.module_dict.items()})
    bare = {} if cfg.get("default_scope") == "mmvareid" else types
    for place, _, node in entries(cfg):
        if not isinstance(node, dict) or not isinstance(node.get("type"), str):
            continue
        scope, _, name = node["type"].rpartition(".")
        if scope == "mmvareid" and name not in types:
            raise ValueError(f"{place}.type {name!r} does not exist{did_you_mean(name, types)}")
        if scope == "mmvareid":
            _check_arguments(place, node, types[name][0])
        elif not scope and name in bare and types[name][1].get(name) is None:
            raise ValueError(f"{place}.type {name!r} has to be written 'mmvareid.{name}'")


def _check_arguments(place: str, node: dict[str, Any], kind: Any) -> None:
    known = inspect.signature(kind).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    for key in node.keys() - {"type", "_scope_", "priority", *known}:  # hooks have a priority
        hint = did_you_mean(key, known)
        raise ValueError(
            f"{place} has {key!r}, which {kind.__name__} does not know{hint}; if it is a base's, "
            "add _delete_=True"
        )


def _inherited(path: Path) -> tuple[set[str], Config]:
    """Return the names that a config file sets by itself, and the config of its bases."""
    own: dict[str, ast.expr] = {}
    if path.suffix == ".py":
        for line in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                own[line.targets[0].id] = line.value
    if "_base_" not in own:
        return set(), Config()
    bases = ast.literal_eval(own.pop("_base_"))
    bases = [bases] if isinstance(bases, str) else bases
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bases.py"
        whole = [base if "::" in base else str(path.absolute().parent / base) for base in bases]
        file.write_text(f"_base_ = {whole!r}\n", encoding="utf-8")
        return {*own}, Config.fromfile(file)
