"""The one walk through all that a config holds."""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A value of a config, and where it is."""

    place: str  # such as train_dataloader.dataset.pipeline.1.scale
    name: str  # the last part of it
    value: Any


def entries(node: Any, above: str = "") -> Iterator[Entry]:
    """Yield all that is below a dict, a list or a tuple, each before what is below it."""
    for name, value in node.items() if hasattr(node, "items") else enumerate(node):
        place = f"{above}{name}"
        yield Entry(place, str(name), value)
        if isinstance(value, dict | list | tuple):
            yield from entries(value, f"{place}.")


def kind(node: Any) -> str:
    """Return the type that a dict names, without its scope; '' if it is none or names none.

    >>> kind({"type": "mmvareid.MirrorViewpoint"})
    'MirrorViewpoint'
    """
    found = node.get("type", "") if isinstance(node, dict) else ""
    return getattr(found, "__name__", str(found)).rpartition(".")[2]
