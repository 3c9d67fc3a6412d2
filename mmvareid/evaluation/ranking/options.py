"""Options that are off, at their defaults, or given."""

from typing import Any


def switched_options(
    name: str, switch: bool | dict[str, Any], **defaults: Any
) -> dict[str, Any] | None:
    """Return the options that a switch stands for: None (off), the defaults (True), or its own.

    Args:
        name (str): Of the switch, for messages.
        switch (bool | dict): True, False, or options that replace some defaults.
        **defaults: All options.

    Raises:
        ValueError: The switch is something else, or has an option that is unknown.
    """
    if switch is False:
        return None
    if switch is not True and not isinstance(switch, dict):
        raise ValueError(f"{name} has to be True, False or a dict, but got {switch!r}")
    given = {} if switch is True else switch
    if unknown := given.keys() - defaults.keys():
        raise ValueError(f"{name} has to be of {[*defaults]}, but got {sorted(unknown)}")
    return {**defaults, **given}
