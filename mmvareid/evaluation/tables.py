"""Scores as tables that a person can read."""

from rich.table import Table


def score_tables(scores: dict[str, float], prefix: str = "reid/") -> list[Table]:
    """Return the scores of :class:`ReIDMetric` as tables: all images, by viewpoint, view pairs.

    Args:
        scores (dict[str, float]): As ``tools/test.py --out`` writes them.
        prefix (str): What names start with.

    Returns:
        list[Table]: One table, and two more if there are scores by viewpoint.
    """
    groups: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        group, _, key = name.removeprefix(prefix).rpartition("/")
        groups.setdefault(group, {})[key] = value
    plain = {"": "all images", "rerank": "re-ranked"}
    tables = [_table("", {plain[g]: groups[g] for g in plain if g in groups})]
    views = {
        f"within {group[7:]}" if group.startswith("single/") else f"{group[6:]} to others": found
        for group, found in groups.items()
        if group.startswith(("single/", "cross/"))
    }
    if views:
        tables.append(_table("By viewpoint", views))
    pairs = {g[5:]: found for g, found in groups.items() if g.startswith("pair/")}
    if pairs:
        tables.append(_matrix(pairs))
    return tables


def _table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    table = Table(title=title or None)
    table.add_column("%")
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[key]:.2f}" if key in row else "-" for key in columns))
    return table


def _matrix(pairs: dict[str, dict[str, float]]) -> Table:
    """Cells 'mAP / Rank-1' of query view by gallery view."""
    summary = {name: pairs.pop(name) for name in ("worst", "gap") if name in pairs}
    names = list(dict.fromkeys(part for pair in pairs for part in pair.split("-")))
    table = Table(title="Query view by gallery view, mAP / Rank-1")
    table.add_column("query")
    for name in names:
        table.add_column(f"gallery {name}", justify="right")
    for query in names:
        cells = [pairs.get(f"{query}-{gallery}") for gallery in names]
        table.add_row(query, *(_cell(cell) for cell in cells))
    table.caption = ", ".join(f"{name} {_cell(found)}" for name, found in summary.items())
    return table


def _cell(found: dict[str, float] | None) -> str:
    return f"{found['mAP']:.2f} / {found['Rank-1']:.2f}" if found else "-"
