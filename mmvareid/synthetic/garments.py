"""Designs of garments: how the front and the back of a torso are painted, flat, as seen."""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from .people import Back, Color, Front, Person

Image: TypeAlias = NDArray[np.uint8]
ROWS, FLAT = 64, 48  # pixels of one side
MIDDLE = FLAT // 2


def blank(color: Color) -> Image:
    """(64, 48, 3) one side in one colour."""
    return np.full((ROWS, FLAT, 3), color, np.uint8)


def darker(color: Color, factor: float = 0.6) -> Color:
    blue, green, red = (int(c * factor) for c in color)
    return blue, green, red


def garment_front(person: Person) -> Image:
    """(64, 48, 3) the torso from the front."""
    side, hips = blank(person.upper_color), _hips(person)
    FRONT_DESIGNS[person.front.design](side, person.front, hips)
    collar = person.skin if person.upper == "tee" else darker(person.upper_color)
    cv2.ellipse(side, (MIDDLE, 0), (9, 7), 0, 0, 180, collar, -1)
    _strap(person, side, mirror=1)
    if person.bag == "backpack":
        for x in (8, 34):
            cv2.rectangle(side, (x, 0), (x + 5, hips * 2 // 3), (28, 28, 30), -1)
    return side


def garment_back(person: Person) -> Image:
    """(64, 48, 3) the torso from behind."""
    side = blank(person.upper_color)
    BACK_DESIGNS[person.back.design](side, person.back, _hips(person))
    _strap(person, side, mirror=-1)
    return side


def _hips(person: Person) -> int:
    """Rows from the neck down to the hips; below them hangs a coat."""
    return int(ROWS * 0.68) if person.upper == "coat" else ROWS


def _strap(person: Person, side: Image, mirror: int) -> None:
    """The strap of a shoulder bag, from the far shoulder to the bag; ``mirror`` -1 from behind."""
    if person.bag == "shoulder":
        reach = person.bag_side * mirror * 22
        start, end = (MIDDLE - reach * 7 // 10, 0), (MIDDLE + reach, ROWS * 3 // 4)
        cv2.line(side, start, end, darker(person.bag_color, 0.8), 4)


def _plain(side: Image, look: Front | Back, hips: int) -> None:
    pass


def _stripes(side: Image, look: Front | Back, hips: int) -> None:
    for y in range(10, ROWS, 12):
        side[y : y + 6] = look.color


def _logo(side: Image, look: Front, hips: int) -> None:
    side[16:25, 28:37] = look.color


def _ring(side: Image, look: Front, hips: int) -> None:
    cv2.circle(side, (MIDDLE, hips // 2 - 4), 11, look.color, -1)
    cv2.circle(side, (MIDDLE, hips // 2 - 4), 5, look.inner, -1)


def _open(side: Image, look: Front, hips: int) -> None:
    side[:, MIDDLE - 10 : MIDDLE + 10] = side[:, MIDDLE - 10 : MIDDLE + 10] * 0.6  # lapels
    side[:, MIDDLE - 8 : MIDDLE + 8] = look.inner


def _zip(side: Image, look: Front, hips: int) -> None:
    side[4:, MIDDLE - 2 : MIDDLE + 2] = look.color
    for x in (8, 30):  # pockets
        side[hips - 22 : hips - 18, x : x + 10] = look.color


def _buttons(side: Image, look: Front, hips: int) -> None:
    for y in range(10, ROWS, 9):
        cv2.circle(side, (MIDDLE, y), 2, look.color, -1)
    side[18:29, 29:39] = look.color  # breast pocket


def _chest(side: Image, look: Front, hips: int) -> None:
    side[: hips // 2] = look.color


def _vest(side: Image, look: Front, hips: int) -> None:
    side[:, 7 : FLAT - 7] = look.color
    side[:26, MIDDLE - 6 : MIDDLE + 6] = look.inner


def _tie(side: Image, look: Front, hips: int) -> None:
    triangle = np.array([(MIDDLE - 13, 0), (MIDDLE + 12, 0), (MIDDLE, 38)])
    cv2.fillConvexPoly(side, triangle, look.inner)
    side[3:36, MIDDLE - 3 : MIDDLE + 3] = look.color


def _diamond(side: Image, look: Back, hips: int) -> None:
    corners = [(MIDDLE, 10), (40, hips // 2), (MIDDLE, hips - 12), (8, hips // 2)]
    cv2.fillConvexPoly(side, np.array(corners), look.color)


def _yoke(side: Image, look: Back, hips: int) -> None:
    side[:20] = look.color


def _band(side: Image, look: Back, hips: int) -> None:
    side[hips // 2 - 6 : hips // 2 + 7] = look.color


def _number(side: Image, look: Back, hips: int) -> None:
    text = str(look.number)
    cv2.putText(side, text, (10, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.3, look.color, 6)


def _loin(side: Image, look: Back, hips: int) -> None:
    side[hips // 2 :] = look.color


def _column(side: Image, look: Back, hips: int) -> None:
    side[6:, 15:33] = look.color


FRONT_DESIGNS: dict[str, Callable[[Image, Front, int], None]] = {
    "plain": _plain, "logo": _logo, "ring": _ring, "stripes": _stripes, "open": _open,
    "zip": _zip, "buttons": _buttons, "chest": _chest, "vest": _vest, "tie": _tie,
}  # fmt: skip
BACK_DESIGNS: dict[str, Callable[[Image, Back, int], None]] = {
    "plain": _plain, "diamond": _diamond, "yoke": _yoke, "band": _band, "number": _number,
    "loin": _loin, "column": _column, "stripes": _stripes,
}  # fmt: skip
