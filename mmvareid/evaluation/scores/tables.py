"""Scores as tables that a person can read."""

from rich.table import Table

SUMMARY = ("mean", "worst", "gap")


def score_tables(scores: dict[str, float]) -> list[Table]:
    """Return the scores of :class:`ReIDMetric` as tables: all images, by viewpoint, view pairs.

    Args:
        scores (dict[str, float]): As ``tools/test.py --out`` writes them, such as 'reid/mAP'; the
            first part is the metric's prefix.

    Returns:
        list[Table]: One table, one more of verification and two more by viewpoint if scored.
    """
    groups: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        path, _, key = name.rpartition("/")
        groups.setdefault(path.partition("/")[2], {})[key] = value
    unknown = groups.get("", {}).pop("unknown_viewpoints", 0)
    verification = groups.pop("verification", {})
    errors = groups.pop("errors", {})
    plain = {
        "": "all images",
        "rerank": "re-ranked",
        "expanded": "expanded queries",
        "single_shot": "single gallery shot",
    }
    whole: dict[str, dict[str, float]] = {}
    views: dict[str, dict[str, float]] = {}
    pairs: dict[str, dict[str, float]] = {}
    for group, found in groups.items():
        kind, _, name = group.partition("/")
        if kind == "pair":
            pairs[name] = found
        elif kind == "single":
            views[f"within {name}" if name not in SUMMARY else f"within, {name}"] = found
        elif kind == "cross":
            views[f"{name} to others" if name not in SUMMARY else f"to others, {name}"] = found
        else:
            whole[plain.get(group, group)] = found
    tables = [_table("", whole)]
    if verification:
        tables.append(_verification(verification))
    if views:
        tables.append(_table("By viewpoint", views))
        if errors:
            tables[-1].caption = (
                f"{errors['same_view']:.0f} % of the errors share the query's viewpoint, "
                f"{errors['by_chance']:.0f} % would by chance"
            )
    if pairs:
        tables.append(_matrix(pairs))
        tables[
            -1
        ].caption = f"{tables[-1].caption}\n{unknown:.0f} images of unknown viewpoint left out"
    return tables


def _table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    table = Table(title=title or None)
    table.add_column("%")
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name, row in rows.items():
        table.add_row(name, *(f"{row[key]:.2f}" if key in row else "-" for key in columns))
    return table


def _verification(scores: dict[str, float]) -> Table:
    """A row for each false positive rate: the true positive rate, and the threshold."""
    table = Table(title="Verification")
    for name in ("false positives", "true positives, %", "above cosine"):
        table.add_column(name, justify="right")
    for name, value in scores.items():
        kind, _, rate = name.partition("@FPR=")
        if kind == "TPR":
            threshold = scores.get(f"threshold@FPR={rate}")
            cosine = "-" if threshold is None else f"{threshold:.4f}"
            table.add_row(f"{100 * float(rate):g} %", f"{value:.2f}", cosine)
    return table


def _matrix(pairs: dict[str, dict[str, float]]) -> Table:
    """Cells 'mAP / Rank-1' of query view by gallery view."""
    summary = [f"{name} {_cell(pairs[name])}" for name in SUMMARY if name in pairs]
    cells = {name: found for name, found in pairs.items() if name not in SUMMARY}
    worst = min(cells, key=lambda name: cells[name]["mAP"])
    names = list(dict.fromkeys(part for pair in cells for part in pair.split("-")))
    table = Table(title="Query view by gallery view, mAP / Rank-1")
    table.add_column("query")
    for name in names:
        table.add_column(f"gallery {name}", justify="right")
    for query in names:
        row = [cells.get(f"{query}-{gallery}") for gallery in names]
        table.add_row(query, *(_cell(cell) for cell in row))
    table.caption = f"{', '.join(summary)}; worst by mAP: {worst}"
    return table


def _cell(found: dict[str, float] | None) -> str:
    return f"{found['mAP']:.2f} / {found['Rank-1']:.2f}" if found else "-"
