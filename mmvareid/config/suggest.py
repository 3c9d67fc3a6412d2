"""What was meant by a name that is unknown."""

import difflib
from collections.abc import Iterable


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that is most like a given one, None where none is."""
    return next(iter(difflib.get_close_matches(name, [*known], n=1, cutoff=cutoff)), None)


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return '; did you mean ...?' with the closest known name, or nothing."""
    close = closest(name, known, cutoff)
    return f"; did you mean {close!r}?" if close else ""
