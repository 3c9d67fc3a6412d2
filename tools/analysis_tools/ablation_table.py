"""Results of runs as a table: mean and spread over seeds, and gains over a baseline."""

import statistics
from collections.abc import Mapping, Sequence

Scores = Mapping[str, float]


def summarize(
    scores: Mapping[str, Mapping[int, Scores | None]], baseline: str | None = None
) -> dict[str, dict]:
    """Mean and sample standard deviation of each row's metrics over its seeds.

    Args:
        scores (Mapping): Row -> seed -> metrics, None where that was not run.
        baseline (str | None): Row over which gains are told too, seed by seed.

    Returns:
        dict[str, dict]: Row -> ``seeds``, ``not_run``, and ``metrics`` and ``gain``, which map the
        name of a metric to its ``mean`` and ``std`` (None of a single seed).
    """
    done = {
        row: {seed: found for seed, found in seeds.items() if found is not None}
        for row, seeds in scores.items()
    }
    table = {}
    for row, mine in done.items():
        table[row] = {
            "seeds": [*mine],
            "not_run": [seed for seed in scores[row] if seed not in mine],
            "metrics": _spread([*mine.values()]),
        }
        if baseline:
            pairs = [(mine[seed], done[baseline][seed]) for seed in mine if seed in done[baseline]]
            gains = [
                {k: ours[k] - theirs[k] for k in ours if k in theirs} for ours, theirs in pairs
            ]
            table[row]["gain"] = _spread(gains)
    return table


def _spread(scores: Sequence[Scores]) -> dict[str, dict[str, float | None]]:
    """Mean and sample standard deviation of what all have, by name."""
    names = [name for name in scores[0] if all(name in one for one in scores)] if scores else []
    values = {name: [one[name] for one in scores] for name in names}
    return {
        name: {
            "mean": statistics.mean(many),
            "std": statistics.stdev(many) if len(many) > 1 else None,
        }
        for name, many in values.items()
    }


def markdown(table: Sequence[dict], metrics: Sequence[str], baseline: str | None = None) -> str:
    """The table for people; what was not run is said."""
    titles = [name.removeprefix("reid/") for name in metrics]
    if baseline:
        titles += [f"Δ {title}" for title in titles]
    lines = [f"| row | seeds | {' | '.join(titles)} |", "|---|---|" + "---|" * len(titles)]
    for row in table:
        cells = [_cell(row["metrics"].get(name), row["seeds"]) for name in metrics]
        if baseline:
            cells += [_cell(row["gain"].get(name), row["seeds"], "+") for name in metrics]
        missing = f" ({len(row['not_run'])} not run)" if row["not_run"] else ""
        name = row["row"]
        if row["sweep"] and "=" not in name:
            name += f" ({row['sweep'][0]}={row['sweep'][1]:g})"
        lines.append(f"| {name} | {len(row['seeds'])}{missing} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(found: dict | None, seeds: list[int], sign: str = "") -> str:
    if not found:
        return "-" if seeds else "not run"
    spread = "" if found["std"] is None else f" ± {found['std']:.2f}"
    return f"{found['mean']:{sign}.2f}{spread}"
