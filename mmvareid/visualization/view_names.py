"""Names of viewpoints for people to read."""

THREE = ("front", "side", "back")


def view_name(view: int, num_views: int = 3) -> str:
    """Return the name of a viewpoint: front, side or back of three, else its number."""
    if view < 0:
        return "unknown"
    return THREE[view] if num_views == len(THREE) and view < len(THREE) else f"view {view}"
