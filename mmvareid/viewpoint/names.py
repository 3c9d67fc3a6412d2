"""What viewpoints are called."""

from collections import Counter
from collections.abc import Iterable

NAMES = ("front", "side", "back")


def view_names(number: int) -> tuple[str, ...]:
    """Names of V viewpoints: front, side and back if there are up to three."""
    return tuple(view_name(view, number) for view in range(number))


def view_name(view: int, number: int) -> str:
    """Name of one of V viewpoints, see :func:`view_names`."""
    return NAMES[view] if number <= len(NAMES) else f"view{view}"


def describe_views(labels: Iterable[int], views: int = 3) -> str:
    """Say how many images are of each view, as ``3 front, 1 side, 0 back``."""
    counts = Counter(labels)
    views = max([views, *(label + 1 for label in counts)])
    return ", ".join(f"{counts[view]} {name}" for view, name in enumerate(view_names(views)))
