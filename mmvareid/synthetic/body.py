"""How a person is put together from solids.

Lengths are in body heights, found by looking at the pictures. The person stands at the
origin, looks along z, and has x to the left.
"""

from collections.abc import Callable

from .gait import FOREARM, HEAD, HIP_X, SHIN, THIGH, TRUNK, UPPER_ARM, shoulder_x
from .people import Person
from .solids import Body, Solid
from .textures import TEXTURES, texture_range

Add = Callable[..., None]


def build_body(person: Person) -> Body:
    """The solids of a person, in the rest pose."""
    solids: list[Solid] = []
    ranges = texture_range(person)

    def add(
        bone: int,
        texture: str,
        x: float,
        z: float,
        y: tuple[float, float],
        radii: tuple[float, float, float],
        depth: float = 1.0,
        lean: float = 0.0,
    ) -> None:
        low, high = ranges.get(texture, y)
        v = (y[0] - low) / (high - low), (y[1] - low) / (high - low)
        bottom, top = (x, y[0], z), (x, y[1], z + lean)
        solids.append(Solid(bone, bottom, top, radii, depth, TEXTURES.index(texture), v))

    g, s = person.girth, shoulder_x(person)
    _head(person, add)
    # Trunk: yoke from neck to shoulders, chest to hem, hips below.
    waist, hem = (0.075, 0.098) if person.female else (0.088, 0.098)
    thick = 0.58 + 0.25 * (g - 1)
    add(TRUNK, "skin", 0, -0.004, (0.80, 0.885), (0.034, 0.027, 0.027))
    add(TRUNK, "torso", 0, -0.005, (0.792, 0.862), (s * 1.08, 0.084, 0.034), thick * 0.95)
    add(TRUNK, "torso", 0, 0, (0.73, 0.832), (s * 0.84, s * 0.98, s * 0.5), thick)
    add(TRUNK, "torso", 0, 0, (0.478, 0.775), (hem * g, waist * g * 1.06, s * 0.88), thick * 1.2)
    if person.female:
        add(TRUNK, "torso", 0, 0.014, (0.675, 0.785), (0.05, s * 0.84, 0.05), 0.82)
    add(TRUNK, "hips", 0, 0, (0.45, 0.56), (0.07 * g, 0.083 * g, 0.066 * g), thick * 1.05)
    if person.upper == "coat":
        add(TRUNK, "torso", 0, -0.005, (0.30, 0.5), (0.136 * g, 0.116 * g, 0.095 * g), 0.8)
    if person.lower == "skirt":
        add(TRUNK, "skirt", 0, -0.003, (0.27, 0.515), (0.128 * g, 0.108 * g, 0.082 * g), 0.78)

    loose = 1.25 if person.sleeve == "long" else 1.0
    leg = {"trousers": (0.03, 0.037, 0.042), "shorts": (0.021, 0.033, 0.034)}
    calf = leg.get(person.lower, (0.018, 0.031, 0.03))
    for side in (0, 1):
        sign = 1 - 2 * side
        x = sign * s * 0.95
        add(UPPER_ARM + side, "arm", x, 0, (0.725, 0.817), (0.03 * g, 0.033 * g, 0.0))
        add(UPPER_ARM + side, "arm", x, 0, (0.625, 0.775), (0.024 * g * loose, 0.03 * g, 0.031 * g))
        if person.sleeve == "short":
            add(UPPER_ARM + side, "arm", x, 0, (0.69, 0.775), (0.037 * g, 0.036 * g, 0.033 * g))
        wrist, elbow = 0.017 * loose, 0.025 * loose
        add(FOREARM + side, "arm", x, 0, (0.475, 0.65), (wrist, 0.024 * loose, elbow))
        add(FOREARM + side, "skin", x, 0.004, (0.412, 0.487), (0.008, 0.017, 0.012), 1.5)
        x = sign * HIP_X
        add(THIGH + side, "leg", x, 0, (0.265, 0.515), (0.037, 0.049 * g, 0.034 * g), 1.05)
        if person.lower == "shorts":
            add(THIGH + side, "leg", x, 0, (0.315, 0.495), (0.05 * g, 0.051 * g, 0.038 * g), 1.08)
        add(SHIN + side, "leg", x, -0.004, (0.025, 0.305), calf, 1.08)
        add(SHIN + side, "shoe", x, 0.024, (0.0, 0.046), (0.03, 0.029, 0.012), 2.4)
        add(SHIN + side, "shoe", x, -0.012, (0.0, 0.065), (0.029, 0.028, 0.024), 1.2)
    _bag(person, add)
    return Body.build(solids)


def _head(person: Person, add: Add) -> None:
    add(HEAD, "head", 0, 0.006, (0.868, 0.998), (0.03, 0.048, 0.0), 1.15)
    add(HEAD, "skin", 0, 0.058, (0.916, 0.944), (0.009, 0.008, 0.003), 1.1)
    for sign in (-1, 1):
        add(HEAD, "skin", sign * 0.048, 0.0, (0.915, 0.948), (0.0, 0.007, 0.0), 1.6)
    if person.hair == "bald":
        return
    if person.hair == "cap":
        add(HEAD, "hair", 0, -0.002, (0.948, 1.012), (0.054, 0.05, 0.0), 1.2)
        add(HEAD, "hair", 0, 0.07, (0.95, 0.962), (0.038, 0.036, 0.03), 1.3)
        return
    if person.hair == "crop":
        add(HEAD, "hair", 0, -0.012, (0.9, 1.004), (0.0, 0.05, 0.0), 1.08)
        return
    add(HEAD, "hair", 0, -0.014, (0.884, 1.010), (0.0, 0.053, 0.0), 1.08)
    if person.hair == "long":
        add(HEAD, "hair", 0, -0.042, (0.79, 0.965), (0.042, 0.056, 0.044), 0.6)
    if person.hair == "bun":
        add(HEAD, "hair", 0, -0.08, (0.945, 1.01), (0.0, 0.032, 0.0))
    if person.hair == "tail":
        add(HEAD, "hair", 0, -0.085, (0.80, 0.975), (0.012, 0.024, 0.012), 1.1, lean=0.02)


def _bag(person: Person, add: Add) -> None:
    x = person.bag_side * (shoulder_x(person) + 0.012)
    if person.bag == "backpack":
        thick = 0.062 * person.girth
        add(TRUNK, "backpack", 0, -thick - 0.032, (0.56, 0.815), (0.074, 0.078, 0.05), 0.66)
        add(TRUNK, "pocket", 0, -thick - 0.075, (0.575, 0.68), (0.055, 0.06, 0.05), 0.4)
    if person.bag == "shoulder":
        add(TRUNK, "bag", x * 0.92, 0.0, (0.45, 0.575), (0.032, 0.034, 0.026), 2.3)
    if person.bag == "hand":
        x = person.bag_side * shoulder_x(person)
        hand = FOREARM + (person.bag_side < 0)
        add(hand, "bag", x, 0.01, (0.29, 0.40), (0.026, 0.026, 0.02), 2.8)
        add(hand, "bag", x, 0.01, (0.39, 0.45), (0.006, 0.005, 0.004), 5.5)
