"""One HTML page that needs no other file: text is escaped, pictures are inside."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from io import StringIO

import cv2
import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.table import Table

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { border-bottom: 1px solid var(--line); margin-top: 2rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
.scroll { overflow-x: auto; } .row { display: flex; flex-wrap: wrap; gap: 1rem; }
img, svg { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.wide img { max-width: none; }
pre { background: var(--soft); padding: .7rem; overflow-x: auto; font-size: 12px; }
td.text, th.text { text-align: left; overflow-wrap: anywhere; }
@media print { details { display: none; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return the whole page; ``parts`` are HTML."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def heading(text: str) -> str:
    """Return the heading of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table; the first column is to the left, and texts are escaped."""
    cells = "".join(f"<th>{escape(text)}</th>" for text in headers)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{title}<thead><tr>{cells}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def rich_table(found: Table, caption: str = "") -> str:
    """Return a table of rich's as HTML."""
    columns = [[str(cell) for cell in column.cells] for column in found.columns]
    headers = [str(column.header) for column in found.columns]
    return table(headers, zip(*columns, strict=True), str(found.title or caption))


def details(summary: str, text: str) -> str:
    """Return a long text that is shown on demand."""
    return f"<details><summary>{escape(summary)}</summary><pre>{escape(text)}</pre></details>"


def photograph(rgb: np.ndarray, alt: str) -> str:
    """Return pixels (H, W, 3) uint8 RGB as a JPEG inside the page, in its own width."""
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert done
    source = base64.b64encode(data.tobytes()).decode()
    return (
        f'<div class="scroll wide"><img src="data:image/jpeg;base64,{source}" '
        f'width="{rgb.shape[1]}" height="{rgb.shape[0]}" alt="{escape(alt)}"></div>'
    )


def drawing(figure: Figure) -> str:
    """Return a matplotlib figure as SVG inside the page."""
    text = StringIO()
    with rc_context({"svg.hashsalt": "mmvareid"}):  # the same file for the same figures
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue().partition("<!DOCTYPE")[2].partition(">")[2].strip()
