"""What is painted on the solids: each person's atlas of garments, face and bag.

A texture's columns are the angle about the solid's axis: the middle half is the front, the outer
quarters are the back. Both halves are painted flat, as seen, and wrapped around afterwards.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .garments import FLAT, ROWS, Image, blank, darker, garment_back, garment_front
from .people import Person

COLUMNS = 2 * FLAT
NAPE = (30, 35, 45)  # hair under a cap
TEXTURES = ("skin", "head", "hair", "torso", "arm", "hips", "leg", "skirt", "shoe",
            "bag", "backpack", "pocket")  # fmt: skip


def texture_range(person: Person) -> dict[str, tuple[float, float]]:
    """Heights (rest pose) of a texture's last and first row, where several solids share it."""
    hem = 0.30 if person.upper == "coat" else 0.478
    return {"torso": (hem, 0.862), "arm": (0.475, 0.835), "leg": (0.025, 0.53)}


def paint(person: Person) -> Image:
    """(T, 64, 96, 3) the person's atlas, in the order of ``TEXTURES``."""
    plain = {
        "skin": person.skin,
        "hair": person.hair_color,
        "hips": person.lower_color,
        "skirt": person.lower_color,
        "shoe": person.shoes,
        "bag": person.bag_color,
        "backpack": person.back.backpack,
        "pocket": person.back.pocket,
    }
    atlas: Image = np.empty((len(TEXTURES), ROWS, COLUMNS, 3), np.uint8)
    for name, color in plain.items():
        atlas[TEXTURES.index(name)] = color
    atlas[TEXTURES.index("head")] = _wrap(_face(person), _nape(person))
    atlas[TEXTURES.index("torso")] = _wrap(garment_front(person), garment_back(person))
    atlas[TEXTURES.index("arm")] = _arm(person)
    atlas[TEXTURES.index("leg")] = _leg(person)
    atlas[TEXTURES.index("shoe"), -10:] = (
        (200, 200, 200) if sum(person.shoes) < 380 else (90, 90, 90)
    )
    cloth = [TEXTURES.index(name) for name in ("torso", "arm", "hips", "leg", "skirt")]
    atlas[cloth] = np.clip(atlas[cloth] * _folds(), 0, 255).astype(np.uint8)
    strands = TEXTURES.index("hair")
    atlas[strands] = np.clip(atlas[strands] * _strands(), 0, 255).astype(np.uint8)
    return atlas


def _wrap(front: Image, back: Image) -> Image:
    """Two flat sides (64, 48, 3), as seen, to one texture by angle."""
    angle = (np.arange(FLAT) + 0.5) / FLAT * np.pi - np.pi / 2
    seen = ((np.sin(angle) + 1) / 2 * FLAT).astype(int)
    front, back = front[:, seen], back[:, seen]
    return np.concatenate([back[:, FLAT // 2 :], front, back[:, : FLAT // 2]], axis=1)


@lru_cache(maxsize=1)
def _folds() -> NDArray[np.float32]:
    """(64, 96, 1) brightness of creased cloth; the same for all, so that it tells nobody apart."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(0, 1, (10, 16)).astype(np.float32)
    coarse[:, -2:] = coarse[:, :2]
    smooth = cv2.resize(coarse, (COLUMNS, ROWS), interpolation=cv2.INTER_CUBIC)
    return (1 + 0.06 * smooth)[..., None]


@lru_cache(maxsize=1)
def _strands() -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return (1 + 0.16 * rng.normal(0, 1, (1, COLUMNS, 1))).astype(np.float32)


def _face(person: Person) -> Image:
    face = blank(person.skin)
    shade, line = darker(person.skin, 0.72), darker(person.skin, 0.45)
    if person.hair not in ("bald", "cap"):
        cv2.rectangle(
            face, (0, 0), (FLAT, 15 if person.hair == "crop" else 18), person.hair_color, -1
        )
        if person.hair != "crop":
            cv2.rectangle(face, (0, 0), (5, 40), person.hair_color, -1)
            cv2.rectangle(face, (FLAT - 6, 0), (FLAT, 40), person.hair_color, -1)
    if person.front.beard:
        beard = NAPE if person.hair == "cap" else darker(person.hair_color, 0.9)
        cv2.rectangle(face, (3, 46), (FLAT - 4, ROWS), beard, -1)
    for x in (14, 33):
        cv2.rectangle(face, (x - 5, 23), (x + 5, 25), line, -1)
        cv2.ellipse(face, (x, 31), (5, 4), 0, 0, 360, (235, 235, 235), -1)
        cv2.ellipse(face, (x, 31), (3, 4), 0, 0, 360, (30, 25, 25), -1)
        if person.front.glasses:
            cv2.rectangle(face, (x - 8, 26), (x + 8, 37), (20, 20, 20), 2)
    cv2.rectangle(face, (18, 40), (29, 43), shade, -1)
    cv2.rectangle(face, (15, 49), (32, 52), (70, 60, 150) if person.female else line, -1)
    return face


def _nape(person: Person) -> Image:
    nape = blank(person.skin)
    if person.hair not in ("bald", "cap"):
        cv2.rectangle(nape, (0, 0), (FLAT, 50), person.hair_color, -1)
    if person.hair == "cap":
        cv2.rectangle(nape, (0, 20), (FLAT, 48), NAPE, -1)
    return nape


def _arm(person: Person) -> Image:
    arm: Image = np.full((ROWS, COLUMNS, 3), person.upper_color, np.uint8)
    if person.sleeve == "short":
        arm[25:] = person.skin
    else:
        arm[60:] = darker(person.upper_color)
    return arm


def _leg(person: Person) -> Image:
    leg: Image = np.full((ROWS, COLUMNS, 3), person.lower_color, np.uint8)
    if person.lower == "shorts":
        leg[27:] = person.skin
        leg[58:] = (215, 215, 215)
    elif person.lower == "skirt":
        leg[34:] = person.skin  # above, a knee that lifts the skirt is skirt
    return leg
