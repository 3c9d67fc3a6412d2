"""A picture of people from all sides, to look at."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .people import CARRIED, Person, draw_person
from .photograph import Model, portrait

VIEWS = (("front", 0), ("front_side", 45), ("side", 90), ("back_side", 135), ("back", 180))
MARGIN, HEADER = 110, 24  # pixels


def contact_sheet(
    seed: int = 0, pids: Sequence[int] | None = None, height: int = 192
) -> NDArray[np.uint8]:
    """Draw one person a row and one view a column, undisturbed by a camera, in two halves.

    Args:
        seed: whose people.
        pids: person ids, of which the first half goes left; unless given, four people with
            different bags, two who share their front, and two who share their back.
        height: of one picture, in pixels.

    Returns:
        (H, W, 3) BGR.

    Raises:
        ValueError: if ``pids`` is empty.
    """
    pids = _telling(seed) if pids is None else list(pids)
    if not pids:
        raise ValueError("pids has to name at least 1 person, but got none")
    half = (len(pids) + 1) // 2
    halves = [_table(seed, part, height) for part in (pids[:half], pids[half:]) if part]
    tall = max(len(image) for image in halves)
    pad = [cv2.copyMakeBorder(h, 0, tall - len(h), 0, 0, cv2.BORDER_REPLICATE) for h in halves]
    return np.hstack(pad)


def _table(seed: int, pids: Sequence[int], height: int) -> NDArray[np.uint8]:
    width = height // 2
    top: NDArray[np.uint8] = np.full((HEADER, MARGIN + width * len(VIEWS), 3), 250, np.uint8)
    for column, (name, yaw) in enumerate(VIEWS):
        _label(top, f"{name} {yaw}", (MARGIN + column * width + 6, 16), 0.4)
    rows = [_row(draw_person(seed, pid), height, number % 2) for number, pid in enumerate(pids)]
    return np.vstack([top, *rows])


def _row(person: Person, height: int, shaded: int) -> NDArray[np.uint8]:
    model, width = Model.of(person), height // 2
    ground = np.array([226, 228, 226], np.float32) - 12 * shaded
    cells: list[NDArray[np.float32]] = [np.full((height, MARGIN, 3), ground, np.float32)]
    for column, (_, yaw) in enumerate(VIEWS):
        figure = portrait(model, yaw, phase=0.7 + 0.5 * column, size=(height, width))
        cells.append(figure[..., :3] + (1 - figure[..., 3:]) * ground)
    row = np.clip(np.hstack(cells), 0, 255).astype(np.uint8)
    _label(row, f"id {person.pid}", (8, height // 2), 0.48)
    if person.group:
        _label(row, f"{person.group} share", (8, height // 2 + 18), 0.38)
        _label(row, f"the {person.shares}", (8, height // 2 + 34), 0.38)
    return row


def _label(image: NDArray[np.uint8], text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (40, 40, 40), 1, cv2.LINE_AA)


def _telling(seed: int) -> list[int]:
    people = [draw_person(seed, pid) for pid in range(1, 400)]
    single = [p for p in people if not p.group]
    chosen = [next(p.pid for p in single if p.bag == bag) for bag in CARRIED]
    for shares in ("front", "back"):
        group = next(p.group for p in people if p.shares == shares)
        chosen += [p.pid for p in people if p.group == group][:2]
    return chosen
