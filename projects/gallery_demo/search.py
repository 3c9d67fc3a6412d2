"""What the page asks for, without the page: pictures in, pictures with captions out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmvareid.apis import Gallery, Hit, ReIDInferencer
from mmvareid.evaluation import view_name
from mmvareid.fileio.images import UnreadableImageError, read_image

MAX_PICTURES = 8  # of one query
HEIGHT, WIDTH = 256, 128  # of a thumbnail
UNKNOWN = "unknown"


@dataclass
class Search:
    """A gallery, the model of its descriptors, and the folder that its pictures lie in.

    Pictures are given as pixels, so the page never learns a path, and one that a gallery names
    outside of ``root`` is not read.
    """

    inferencer: ReIDInferencer
    gallery: Gallery
    root: Path

    def cameras(self) -> list[int]:
        """Return the cameras that one may choose."""
        return [camera for camera in self.gallery.distinct("cameras") if camera >= 0]

    def viewpoints(self) -> list[str]:
        """Return the viewpoints that one may choose."""
        return [*self.names()]

    def names(self) -> dict[str, int]:
        """Return the viewpoints of the gallery by name."""
        found = self.gallery.distinct("viewpoints")
        number = max(found, default=-1) + 1
        return {view_name(view, number) if view >= 0 else UNKNOWN: view for view in found}

    def __call__(
        self,
        paths: Sequence[str] | None,
        cameras: Sequence[int],
        viewpoints: Sequence[str],
        k: int,
        rerank: bool,
    ) -> tuple[list[tuple[np.ndarray, str]], str]:
        """Return thumbnails (RGB) with captions, and a line that says what came of it.

        Args:
            paths (Sequence[str] | None): Uploaded pictures, of one person.
            cameras (Sequence[int]): Only these; none is all.
            viewpoints (Sequence[str]): Only these, by name; none is all.
            k (int): How many to find.
            rerank (bool): Whether to re-rank.
        """
        if not paths:
            return [], "Drop a picture of a person, or several of the same one."
        if len(paths) > MAX_PICTURES:
            return [], f"At most {MAX_PICTURES} pictures make a query; {len(paths)} came."
        try:
            # One by one, since a small file may unpack to 200 MB.
            features = np.concatenate([self.inferencer(path) for path in paths])
        except UnreadableImageError:
            return [], "One of the files is no picture, is cut off, or is too large."
        names = self.names()
        (hits,) = self.gallery.search(
            features,
            int(k),
            cameras or None,
            [names[name] for name in viewpoints] or None,
            together=True,
            rerank=rerank,
        )
        if not hits:
            return [], "Nothing in the gallery is left by these filters."
        views = {view: name for name, view in names.items()}
        shown = [
            (self.thumbnail(hit), caption(rank, hit, views[hit.viewpoint]))
            for rank, hit in enumerate(hits, 1)
        ]
        return shown, f"{len(hits)} of {len(self.gallery)} pictures, the most similar first."

    def thumbnail(self, hit: Hit) -> np.ndarray:
        """Return a picture of the gallery, or a grey one if it is not to be had."""
        root = self.root.resolve()
        try:
            path = Path(hit.path).resolve()
            if not path.is_relative_to(root):
                raise UnreadableImageError(f"{path} is not below {root}")
            image = read_image(path)
        except (OSError, ValueError):  # a name may hold anything
            return np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        return cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)[..., ::-1]


def caption(rank: int, hit: Hit, view: str) -> str:
    """Return rank, similarity and what is known of a picture."""
    facts = [f"{rank}: {hit.similarity:.3f}"]
    facts += [f"person {hit.person}"] if hit.person >= 0 else []
    facts += [f"camera {hit.camera}"] if hit.camera >= 0 else []
    facts += [view] if hit.viewpoint >= 0 else []
    return ", ".join(facts)
