"""What the pages say can be run, read and followed: commands, code, links, paths and names.

Commands are expanded by bash, and their arguments parsed by the tool's own parser, which is stopped
before it does anything.
"""

import argparse
import ast
import importlib
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import ROOT

from mmvareid.__main__ import COMMANDS
from mmvareid.config import load_config

PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "configs/va_reid/README.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("projects/*/README.md"),
    ]
)
# The inline commands of tables and sentences; without arguments they are but names.
INLINE = re.compile(
    r"`((?:[A-Z_]+=\S+ )*(?:python (?:tools|benchmarks)/|bash tools/|mmvareid )[^`\s]+\s[^`]+)`"
)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


class Parsed(BaseException):
    """Carries what a parser made of its arguments out of the tool."""

    def __init__(self, args):
        self.args_found = args


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def outside_blocks(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def commands(text):
    """The words of each command, with variables and braces expanded.

    bash finds no program, so it hands each command to the function that prints it.
    """
    inline = [" ".join(found.split()) for found in INLINE.findall(outside_blocks(text))]
    script = "\n".join([*blocks(text, "bash"), *inline]).replace(".pose/bin/python", "python")
    handler = r"command_not_found_handle() { printf '%s\x1f' " + '"$@"' + r"; printf '\x1e'; }"
    done = subprocess.run(
        ["/bin/bash", "-c", f"{handler}\n{script}"],
        env={"PATH": "/nowhere"}, capture_output=True, text=True,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    return [record.split("\x1f")[:-1] for record in done.stdout.split("\x1e")[:-1]]


def parse(run, argv, monkeypatch, capsys):
    """Parse the arguments as a program does, and stop it there; fails if they are refused."""
    original = argparse.ArgumentParser.parse_args

    def stop(self, args=None, namespace=None):
        raise Parsed(original(self, args, namespace))

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        patch.setattr(sys, "argv", argv)
        try:
            run()
        except Parsed as parsed:
            return parsed.args_found
        except SystemExit:
            pytest.fail(f"{' '.join(argv)}\n{capsys.readouterr().err}")
    return pytest.fail(f"{argv[0]} parses no arguments")


def check_script(argv, monkeypatch, capsys):
    """Check ``tools/x.py ...``: the file, its arguments, its configs and their options."""
    path = ROOT / argv[0]
    assert path.is_file(), f"there is no {argv[0]}"
    for word in argv[1:]:
        if re.match(r"configs/.*\.py$", word):
            assert (ROOT / word).is_file(), f"there is no {word}"
    monkeypatch.syspath_prepend(str(path.parent))
    args = parse(lambda: runpy.run_path(str(path), run_name="__main__"), argv, monkeypatch, capsys)
    configs = getattr(args, "config", None) or getattr(args, "configs", None) or []
    for config in [configs] if isinstance(configs, str | Path) else configs:
        if re.match(r"(configs|va_reid|viewpoint)/", str(config)):  # a file, or one of the package
            name = ROOT / config if (ROOT / config).is_file() else config
            load_config(str(name), getattr(args, "cfg_options", None))


def started_by(argv, tmp_path):
    """The Python command that a shell script starts, told by stubs of python and srun."""
    for name in ("python", "srun"):
        stub = tmp_path / name
        stub.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
        stub.chmod(0o755)
    env = {k: v for k, v in os.environ.items() if k != "PYTHON"}
    done = subprocess.run(
        ["bash", *argv], cwd=ROOT, capture_output=True, text=True,
        env={**env, "PATH": f"{tmp_path}{os.pathsep}{env['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stderr}"
    words = done.stdout.splitlines()
    first = next(i for i, word in enumerate(words) if re.match(r"tools/\w+\.py$", word))
    return words[first:]


def check_command(argv, monkeypatch, capsys, tmp_path):
    match argv:
        case ["python", script, *_] if script.endswith(".py"):
            check_script(argv[1:], monkeypatch, capsys)
        case ["bash", script, *_]:
            assert (ROOT / script).is_file(), f"there is no {script}"
            check_script(started_by(argv[1:], tmp_path), monkeypatch, capsys)
        case ["mmvareid", name, *words]:
            assert name in COMMANDS, f"mmvareid has no {name}"
            check_script([f"tools/{COMMANDS[name][0]}", *words], monkeypatch, capsys)
        case ["make", target]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), target
        case ["pip", "install", "-e", package, *_]:
            (extra,) = re.fullmatch(r"\.\[(\w+)\]", package).groups()
            assert f'"{extra}": [' in (ROOT / "setup.py").read_text(), extra
        case ["sha256sum", _]:
            pass
        case _:
            pytest.fail(f"a command that no check knows: {' '.join(argv)}")


@pages
def test_commands_are_accepted(page, monkeypatch, capsys, tmp_path):
    if page.parent.name == "gallery_demo":
        pytest.importorskip("gradio")  # a project's own, not of the extras
    for argv in commands(page.read_text()):
        check_command(argv, monkeypatch, capsys, tmp_path)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python tools/tran.py configs/va_reid/x.py", "there is no tools/tran.py"),
        ("python tools/train.py configs/va_reid/x.py", "there is no configs/va_reid/x.py"),
        ("python tools/train.py CONFIG --resum\\\nee", "unrecognized arguments: --resumee"),
        ("bash tools/dist_train.sh CONFIG 8 --auto-lr", "unrecognized arguments: --auto-lr"),
        ("bash tools/slurm_train.sh PARTITION JOB", "usage: bash tools/slurm_train.sh"),
        ("make dmo", "dmo"),
        ('pip install -e ".[oneld]"', "oneld"),
        ("conda install mmvareid", "a command that no check knows: conda"),
    ],
)  # fmt: skip
def test_wrong_commands_are_found(command, message, monkeypatch, capsys, tmp_path):
    (argv,) = commands(f"```bash\n{command}\n```\n")
    with pytest.raises((AssertionError, pytest.fail.Exception), match=message):
        check_command(argv, monkeypatch, capsys, tmp_path)


@pages
def test_python_compiles_and_its_names_exist(page):
    for code in blocks(page.read_text(), "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "mmvareid":
                module = importlib.import_module(node.module)
                for name in node.names:
                    assert hasattr(module, name.name), f"{node.module} has no {name.name}"


@pages
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", outside_blocks(page.read_text())):
        if re.match(r"https?:|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", outside_blocks(target.read_text()), re.M)
            slugs = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
            assert anchor in slugs, f"{page.name} links to {link}"


@pages
def test_files_and_tests_that_are_named_exist(page):
    for path, test in re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|sh))(?:::(\w+))?`", page.read_text()):
        found = [
            root / path for root in (ROOT, ROOT / "mmvareid", ROOT / "tests", ROOT / "configs")
        ]
        found = [file for file in found if file.is_file()]
        assert found, f"{page.name} names {path}"
        assert not test or f"def {test}(" in found[0].read_text(), f"{page.name} names {test}"


def test_equations_roles_and_links_of_the_site():
    render = runpy.run_path(str(ROOT / "docs/render.py"))
    page = render["on_page_markdown"](
        "```math\n\\frac{a}{b}\n```\n[x.json](../a/x.json) [y](../b.py)"
    )
    assert page.startswith('<div class="equation"><img class="equation" alt="\\dfrac{a}{b}"')
    assert page.endswith("</div>\n`a/x.json` y (`b.py`)")
