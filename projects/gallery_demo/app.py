"""A web page that searches pictures of people in a gallery; on this machine alone by default."""

import argparse
import base64
import os
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr
from search import MAX_PICTURES, Search

from mmvareid.apis import Gallery, ReIDInferencer


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, or the name of one of the package")
    parser.add_argument("checkpoint", help="checkpoint file, the gallery's")
    parser.add_argument("gallery", help=".npz file of `mmvareid extract`")
    parser.add_argument("root", type=Path, help="folder of its pictures; no other is shown")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets others see the page")
    parser.add_argument("--port", type=int, default=7860)
    args = parser.parse_args()
    if not args.root.is_dir():
        parser.error(f"root has to be a folder, but got '{args.root}'")
    return args


def grid(found: list[tuple[np.ndarray, str]]) -> str:
    """Return thumbnails (RGB) with their captions as HTML; no file of the gallery is served."""
    cells = []
    for picture, caption in found:
        data = base64.b64encode(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()).decode()
        text = escape(caption).replace(", ", "<br>")
        image = f'<img src="data:image/jpeg;base64,{data}" style="width:100%" alt="">'
        cells.append(f'<figure style="margin:0;font-size:.85rem">{image}{text}</figure>')
    columns = "repeat(auto-fill, minmax(104px, 1fr))"
    return (
        f'<div style="display:grid;gap:12px;grid-template-columns:{columns}">{"".join(cells)}</div>'
    )


def make_page(search: Search) -> gr.Blocks:
    """Return the page of a search."""

    def show(*given: Any) -> tuple[str, str]:
        found, message = search(*given)
        return grid(found), message

    # Uploads are pictures of people: they go within twenty minutes.
    with gr.Blocks(title="Search people", delete_cache=(600, 600)) as page:
        gr.Markdown(
            "# Search people\nDrop a picture of a person, or several of the same one. Use pictures "
            "of people who agreed to it."
        )
        with gr.Row():
            with gr.Column(scale=1, min_width=260):
                files = gr.File(
                    file_count="multiple",
                    file_types=[".jpg", ".jpeg", ".png", ".bmp"],
                    label=f"Pictures, {MAX_PICTURES} at most",
                )
                cameras = gr.Dropdown(
                    search.cameras(), multiselect=True, label="Cameras; none is all"
                )
                viewpoints = gr.CheckboxGroup(search.viewpoints(), label="Viewpoints; none is all")
                number = gr.Slider(1, 50, value=12, step=1, label="How many")
                rerank = gr.Checkbox(label="Re-rank the nearest hundred")
                button = gr.Button("Search", variant="primary")
            with gr.Column(scale=3):
                message = gr.Markdown("Nothing was searched yet.")
                found = gr.HTML()
        given = [files, cameras, viewpoints, number, rerank]
        button.click(show, given, [found, message])
        files.upload(show, given, [found, message])
    return page


def main() -> None:
    args = parse_args()
    inferencer = ReIDInferencer(args.config, args.checkpoint, progress=False)
    gallery = Gallery.open(args.gallery, inferencer.fingerprint, create=False)
    make_page(Search(inferencer, gallery, args.root)).launch(
        server_name=args.host, server_port=args.port, max_file_size="20mb", share=False
    )


if __name__ == "__main__":
    main()
