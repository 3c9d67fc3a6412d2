"""What the site needs besides Markdown: equations, roles of docstrings, links out of docs/.

mkdocs.yml names this file as a hook of MkDocs and as an extension of griffe, which reads the code.
Equations become pictures when the site is built, so that a reader's browser asks no network for a
script; GitHub draws the same ```` ```math ```` blocks itself.
"""

import base64
import html
import io
import re
from functools import cache
from typing import Any

import griffe
import matplotlib
from matplotlib.mathtext import math_to_image

FENCE = re.compile(r"^```math\n(?P<latex>.*?)\n```$", re.M | re.S)
OUTSIDE = re.compile(r"\[(?P<text>[^\]]+)\]\(\.\./(?P<path>[^)\s]+)\)")
DIRECTIVE = re.compile(
    r"^(?P<indent> *)\.\. math::(?P<latex>.*(?:\n(?P=indent) +\S.*|\n(?= *\n +\S))*)", re.M
)
MATH = re.compile(r":math:`(?P<latex>[^`]+)`")
ROLE = re.compile(r":(?:class|func|meth):`\.?(?P<name>[\w.]+)`")


@cache
def equation(latex: str, display: bool = False) -> str:
    """Return an <img> of what matplotlib's mathtext makes of LaTeX."""
    picture = io.BytesIO()
    latex = " ".join(latex.split())
    latex = latex.replace(r"\frac", r"\dfrac") if display else latex
    style = {"mathtext.fontset": "stix", "svg.hashsalt": "equation", "savefig.facecolor": "none"}
    with matplotlib.rc_context(style):
        depth = math_to_image(f"${latex}$", picture, dpi=72, format="svg")
    height, width = (
        float(re.search(rf'{side}="([\d.]+)pt"', picture.getvalue().decode())[1])
        for side in ("height", "width")
    )
    data = base64.b64encode(picture.getvalue()).decode()
    em = 1 / 10  # pictures are drawn at 10 points
    size = f"width:{width * em:.2f}em;height:{height * em:.2f}em"
    size += "" if display else f";vertical-align:{-depth * em:.2f}em"
    return (
        f'<img class="equation" alt="{html.escape(latex)}" style="{size}" '
        f'src="data:image/svg+xml;base64,{data}">'
    )


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Draw equations, and turn links to files outside docs/, which the site lacks, into names."""
    markdown = FENCE.sub(
        lambda m: f'<div class="equation">{equation(m["latex"], True)}</div>', markdown
    )
    return OUTSIDE.sub(_name, markdown)


def _name(link: re.Match) -> str:
    text, path = link["text"], link["path"]
    return f"`{path}`" if f"/{path}".endswith(f"/{text}") else f"{text} (`{path}`)"


class Roles(griffe.Extension):
    """Turn the roles of Sphinx, in which docstrings are written, into what Markdown knows."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite an object's docstring."""
        if obj.docstring is None:
            return
        text = DIRECTIVE.sub(
            lambda m: f"{m['indent']}{equation(m['latex'], True)}\n", obj.docstring.value
        )
        text = MATH.sub(lambda m: equation(m["latex"]), text)
        obj.docstring.value = ROLE.sub(lambda m: _reference(obj, m["name"]), text)


def _reference(obj: griffe.Object, name: str) -> str:
    try:
        path = obj.resolve(name)
    except griffe.NameResolutionError:
        path = name
    return f'<autoref identifier="{path}" optional><code>{name}</code></autoref>'
