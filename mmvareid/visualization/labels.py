"""Names of runs and models in a picture."""

from collections.abc import Sequence
from pathlib import Path


def path_labels(paths: Sequence[Path], labels: Sequence[str] | None = None) -> list[str]:
    """Return a label for each path: the given ones, else the stems, or where those are equal parts.

    So ``a/x.json`` and ``a/y.json`` are 'x' and 'y', ``a/x.json`` and ``b/x.json`` 'a' and 'b'.

    Args:
        paths (Sequence[Path]): N paths.
        labels (Sequence[str] | None): N names.

    Raises:
        ValueError: There is not one label for each path, or two are equal.
    """
    number = len(paths)
    if labels is None:
        labels = _differing_parts(paths)
    if len(labels) != number or len(set(labels)) != number:
        raise ValueError(
            f"labels has to hold {number} names that differ, but got {list(labels)}; give --labels"
        )
    return list(labels)


def plain(text: str) -> str:
    """Return a text that matplotlib writes as it is, though dollars stand for formulas there."""
    return text.replace("$", r"\$")


def model_labels(
    models: Sequence[tuple[str, str]], labels: Sequence[str] | None = None
) -> list[str]:
    """Return a label for each model: the given ones, else the stems of the configs.

    Where those are equal, what differs in the checkpoints is added, as in :func:`path_labels`.

    Args:
        models (Sequence[tuple[str, str]]): Config and checkpoint of each.
        labels (Sequence[str] | None): A name each.

    Raises:
        ValueError: There is not one label for each model, or two are equal.
    """
    stems = [Path(config).stem for config, _ in models]
    if labels is None and len(set(stems)) == len(stems):
        return stems
    names = path_labels([Path(checkpoint) for _, checkpoint in models], labels)
    return names if labels else [" ".join(both) for both in zip(stems, names, strict=True)]


def _differing_parts(paths: Sequence[Path]) -> list[str]:
    """Return the ends of the paths that differ, as short as can be, without what all share."""
    known = (".json", ".pth")  # a dot in a folder's name starts no suffix
    parts = [(path.with_suffix("") if path.suffix in known else path).parts for path in paths]
    while len(parts) > 1 and any(parts) and len({part[-1:] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    for length in range(1, 1 + max(map(len, parts), default=0)):
        names = ["/".join(part[-length:]) for part in parts]
        if all(names) and len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
