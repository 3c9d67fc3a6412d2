"""Who there is: an identity is a function of the seed and its number.

Four consecutive identities of one split are a block. In 60 % of the blocks three or four of them
share everything but their back (``shares='front'``) or everything but their front (``'back'``), so
that a picture from one side does not tell them apart.
"""

from dataclasses import dataclass, replace

import numpy as np

Color = tuple[int, int, int]  # blue, green, red
BLOCK = 4


def bgr(hex_rgb: str) -> Color:
    """'#rrggbb' as OpenCV wants it."""
    return int(hex_rgb[5:7], 16), int(hex_rgb[3:5], 16), int(hex_rgb[1:3], 16)


CLOTH = {
    "black": "#1c1c20", "charcoal": "#3c3f45", "grey": "#85878b", "white": "#e4e3de",
    "navy": "#1f2b4d", "blue": "#2f5c9e", "sky": "#86aed3", "red": "#b0272d",
    "burgundy": "#5f1f2c", "green": "#2f6b45", "olive": "#5d5f36", "beige": "#c5b190",
    "brown": "#6b4a32", "yellow": "#d8b53a", "pink": "#d58fa3", "purple": "#5f3f7d",
    "orange": "#cf6a2b", "teal": "#2b7c80",
}  # fmt: skip
UPPERS = list(CLOTH)
LOWERS = ["black", "charcoal", "grey", "navy", "blue", "beige", "olive", "brown", "white", "sky",
          "burgundy", "green", "teal", "pink"]  # fmt: skip
SHOES = ["black", "white", "brown", "grey", "red", "navy"]
CARRIED = ["none", "backpack", "shoulder", "hand"]
BAGS = ["black", "charcoal", "navy", "brown", "red", "olive", "purple", "beige"]
SKINS = ["#f0cdb0", "#e3b18d", "#c98f66", "#a06a45", "#70472e", "#4e3222"]
HAIRS = ["#17130f", "#2b1d14", "#4a2f1c", "#7a5230", "#c19a5b", "#8c8782", "#7b2e1b"]

FRONTS = ["plain", "logo", "ring", "stripes", "open", "zip", "buttons", "chest", "vest", "tie"]
BACKS = ["plain", "diamond", "yoke", "band", "number", "loin", "column", "stripes"]


@dataclass(frozen=True)
class Front:
    """What only the front shows."""

    design: str
    color: Color
    inner: Color
    beard: bool
    glasses: bool


@dataclass(frozen=True)
class Back:
    """What only the back shows."""

    design: str
    color: Color
    number: int
    backpack: Color
    pocket: Color


@dataclass(frozen=True)
class Person:
    pid: int
    group: str
    shares: str  # 'front', 'back' or 'none'
    female: bool
    girth: float
    shoulders: float
    skin: Color
    hair: str
    hair_color: Color
    upper: str
    upper_color: Color
    sleeve: str
    lower: str
    lower_color: Color
    shoes: Color
    bag: str
    bag_side: int  # +1 left, -1 right
    bag_color: Color
    front: Front
    back: Back
    words: str


def draw_person(seed: int, pid: int) -> Person:
    """The identity ``pid`` (from 1) of a seed; nothing else has a say, not the other identities."""
    block, member = divmod((pid - 1) // 2, BLOCK)
    split = pid % 2
    rng = np.random.default_rng([seed, 1, split, block])
    shares = str(rng.choice(["front", "back", "none"], p=[0.3, 0.3, 0.4]))
    three = rng.random() < 0.5  # of the block's four share the look
    if shares == "none" or (three and member == BLOCK - 1):
        return _draw(np.random.default_rng([seed, 2, pid]), pid)

    person = replace(_draw(rng, pid), group=f"{('test', 'train')[split]}{block:03d}", shares=shares)
    fronts, backs = rng.permutation(FRONTS), rng.permutation(BACKS)
    colors = rng.permutation(_accents(person.upper_color))
    own = np.random.default_rng([seed, 3, pid])
    accent = str(colors[member])
    if shares == "front":
        return replace(person, back=_back(own, str(backs[member]), accent))
    return replace(person, front=_front(own, person, str(fronts[member]), accent))


def _draw(rng: np.random.Generator, pid: int) -> Person:
    female = bool(rng.random() < 0.5)
    hairs = ["long", "bun", "tail", "short"] if female else ["short", "crop", "bald", "cap"]
    weights = [0.4, 0.2, 0.25, 0.15] if female else [0.4, 0.3, 0.1, 0.2]
    hair = str(rng.choice(hairs, p=weights))
    hair_names = HAIRS[:4] * 2 + HAIRS[4:]
    upper = str(rng.choice(["tee", "jumper", "jacket", "coat"], p=[0.4, 0.25, 0.25, 0.1]))
    upper_name = str(rng.choice(UPPERS))
    lowers = ["trousers", "shorts", "skirt"]
    lower = str(rng.choice(lowers, p=[0.5, 0.2, 0.3] if female else [0.7, 0.3, 0.0]))
    if upper == "coat" and lower == "shorts":
        lower = "trousers"
    lower_name = str(rng.choice(LOWERS))
    bag = str(rng.choice(CARRIED, p=[0.35, 0.3, 0.2, 0.15]))
    upper_color = _jitter(rng, CLOTH[upper_name])
    person = Person(
        pid=pid,
        group="",
        shares="none",
        female=female,
        girth=float(rng.uniform(0.92, 1.24)),
        shoulders=float(rng.uniform(0.95, 1.05)),
        skin=bgr(str(rng.choice(SKINS, p=[0.25, 0.25, 0.2, 0.12, 0.1, 0.08]))),
        hair=hair,
        hair_color=bgr(CLOTH[str(rng.choice(UPPERS))] if hair == "cap" else rng.choice(hair_names)),
        upper=upper,
        upper_color=upper_color,
        sleeve="short" if upper == "tee" else "long",
        lower=lower,
        lower_color=_jitter(rng, CLOTH[lower_name]),
        shoes=_jitter(rng, CLOTH[str(rng.choice(SHOES))]),
        bag=bag,
        bag_side=int(rng.choice([-1, 1])),
        bag_color=_jitter(rng, CLOTH[str(rng.choice(BAGS))]),
        front=Front("plain", (0, 0, 0), (0, 0, 0), False, False),
        back=Back("plain", (0, 0, 0), 0, (0, 0, 0), (0, 0, 0)),
        words=f"{hair} hair, {upper_name} {upper}, {lower_name} {lower}, {bag} bag",
    )
    accents = _accents(upper_color)
    front = _front(rng, person, str(rng.choice(FRONTS)), str(rng.choice(accents)))
    back = _back(rng, str(rng.choice(BACKS)), str(rng.choice(accents)))
    return replace(person, front=front, back=back)


def _front(rng: np.random.Generator, person: Person, design: str, accent: str) -> Front:
    if person.upper == "tee" and design in ("open", "zip"):
        design = {"open": "ring", "zip": "stripes"}[design]
    inner = CLOTH[str(rng.choice(["white", "grey", "sky", "black", "pink", "beige"]))]
    beard = not person.female and bool(rng.random() < 0.35)
    return Front(design, _jitter(rng, CLOTH[accent]), bgr(inner), beard, bool(rng.random() < 0.3))


def _back(rng: np.random.Generator, design: str, accent: str) -> Back:
    backpack, pocket = rng.choice(BAGS, 2, replace=False)
    return Back(
        design,
        _jitter(rng, CLOTH[accent]),
        int(rng.integers(1, 10)),
        _jitter(rng, CLOTH[str(backpack)]),
        _jitter(rng, CLOTH[str(pocket)]),
    )


def _accents(color: Color) -> list[str]:
    """Colours that stand out on ``color``."""
    return [name for name in UPPERS if np.linalg.norm(np.subtract(bgr(CLOTH[name]), color)) > 90]


def _jitter(rng: np.random.Generator, hex_rgb: str) -> Color:
    noisy = np.clip(np.array(bgr(hex_rgb)) + rng.integers(-14, 15, 3), 0, 255)
    return int(noisy[0]), int(noisy[1]), int(noisy[2])
