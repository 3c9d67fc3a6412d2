"""Rooms stand on each other, and none looks up."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmvareid

PACKAGE = Path(mmvareid.__file__).parent
# From the ground up: a room imports from those before it and from itself.
ROOMS = """
    stack registry fileio config viewpoint synthetic datasets models evaluation search apis
    visualization engine
""".split()  # noqa: SIM905  # reads as a line
EVALUATION = ("ranking", "stripe_histogram", "table", "scores", "metric")  # in turn, likewise
DOORS = ("__init__", "__main__", "moved")  # what leads in: they know all rooms or none
# What the issue on the house named, and what it would be today.
WRONG = [
    ("datasets", "evaluation"),  # for the names of viewpoints
    ("viewpoint", "evaluation"),
    ("viewpoint", "datasets"),  # for reading viewpoint files and images
    ("fileio", "datasets"),  # for reading an image
    ("evaluation", "config.checks"),  # for a hint on a name
    ("apis", "datasets.reid_dataset"),  # for a tuple of suffixes
    ("apis", "datasets.tolerant_dataset"),
    ("viewpoint", "datasets.tolerant_dataset"),
    ("engine", "datasets.tolerant_dataset"),
    ("engine.hooks.center_angle_hook", "engine.hooks.data_check_hook"),  # for infos
    ("models.heads", "models.losses"),  # for their inner parts
]


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


FILES = {module_name(path): path for path in PACKAGE.rglob("*.py") if ".mim" not in path.parts}


def imported(name: str) -> set[str]:
    """Our modules that one imports, at its top or within a function; not for type hints alone."""
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    hints = {
        node
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
        for node in ast.walk(guard)
    }
    package = ["mmvareid", *name.split(".")]  # and one level up where the file is no package
    package = package if FILES[name].stem == "__init__" else package[:-1]
    package = package if name != "__init__" else package[:-1]
    found = set()
    for node in [node for node in ast.walk(tree) if node not in hints]:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            place = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{place}.{alias.name}" for alias in node.names}
    ours = {one.removeprefix("mmvareid.") for one in found if one.startswith("mmvareid.")}
    # `from mmvareid.x import y` names a module, or what one holds.
    return {one if one in FILES else one.rpartition(".")[0] or "__init__" for one in ours}


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def test_every_file_stands_in_a_room():
    assert {name.split(".")[0] for name in FILES} == {*ROOMS, *DOORS}


@pytest.mark.parametrize("name", [name for name in FILES if name not in DOORS])
def test_no_import_from_a_higher_room(name):
    own = ROOMS.index(name.split(".")[0])
    for other in imported(name) - {*DOORS}:
        assert ROOMS.index(other.split(".")[0]) <= own, f"{name} imports {other}"


def test_evaluation_goes_from_ranking_to_the_metric():
    for name in FILES:
        if within(name, "evaluation") and name != "evaluation":
            own = EVALUATION.index(name.split(".")[1])
            for other in imported(name):
                if within(other, "evaluation"):
                    assert EVALUATION.index(other.split(".")[1]) <= own, f"{name} imports {other}"


def test_datasets_come_without_what_is_above_them():
    code = "import sys, mmvareid.datasets; assert sys.stdout; print(*sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for room in ("mmvareid.evaluation", "mmvareid.models", "mmpretrain.models", "sklearn"):
        assert room not in done.stdout.split()


@pytest.mark.parametrize(("low", "high"), WRONG, ids=lambda room: room)
def test_arrows_that_pointed_at_the_wrong_thing(low, high):
    for name in FILES:
        if within(name, low):
            assert not [other for other in imported(name) if within(other, high)], name


def test_imports_are_found_wherever_they_stand():
    assert imported("evaluation.metric") == {
        "fileio.outputs",
        "evaluation.scores.scoring",
        "evaluation.table",
        "registry",
    }
    assert {"config", "moved", "stack"} <= imported("__init__")
