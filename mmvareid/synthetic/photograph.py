"""One picture: a person at a yaw before a camera, with what goes wrong in a detector's crop."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .body import build_body
from .cameras import SCENE_HEIGHT, SCENE_WIDTH, Camera
from .gait import walk
from .people import Person
from .render import render
from .solids import Array, Body
from .textures import paint

HEIGHT, WIDTH = 128, 64
STUDIO_LIGHT = np.array([-0.35, 0.75, 0.55], np.float32)


@dataclass(frozen=True)
class Model:
    """A person with solids and textures, to be drawn many times."""

    person: Person
    body: Body
    atlas: NDArray[np.uint8]

    @classmethod
    def of(cls, person: Person) -> "Model":
        return cls(person, build_body(person), paint(person))


def view_matrix(yaw: float, elevation: float) -> Array:
    """(3, 3) body to view. At yaw 0 the person faces the camera, at 90 the right of the picture."""
    y, e = math.radians(yaw), math.radians(elevation)
    turn = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    tilt = np.array([[1, 0, 0], [0, math.cos(e), -math.sin(e)], [0, math.sin(e), math.cos(e)]])
    return (tilt @ turn).astype(np.float32)


def portrait(
    model: Model,
    yaw: float,
    elevation: float = 8.0,
    phase: float = 0.9,
    stride: float = 0.36,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Array:
    """(height, width, 4) the person alone and undisturbed, as ``render`` gives it."""
    height, width = size
    bones = walk(model.person, phase, stride)
    view = view_matrix(yaw, elevation)
    feet = width / 2, height * 0.955
    return render(model.body, bones, view, model.atlas, STUDIO_LIGHT, size, height * 0.915, feet)


def photograph(model: Model, camera: Camera, yaw: float, rng: np.random.Generator) -> bytes:
    """The person as a 128 x 64 JPEG; one in ten is occluded, and one in ten badly cropped."""
    fill, x, y = rng.uniform(0.88, 0.97), rng.normal(WIDTH / 2, 1.5), rng.normal(124, 1.0)
    if rng.random() < 0.1:
        fill, x, y = _bad_crop(rng)
    picture = _backdrop(camera, rng)
    _stand(picture, model, camera, yaw, rng, fill, (x, y))
    if rng.random() < 0.1:
        _occlude(picture, camera, rng)
    return _develop(picture, camera, rng)


def false_alarm(model: Model, camera: Camera, yaw: float, rng: np.random.Generator) -> bytes:
    """A detector's mistake as a 128 x 64 JPEG: nobody, a limb, or half of the person."""
    picture = _backdrop(camera, rng)
    if rng.random() < 0.75:
        fill, side = rng.uniform(0.9, 2.2), rng.choice([-1, 1])
        x = WIDTH / 2 + side * rng.uniform(0.2, 0.3) * fill * HEIGHT
        y = rng.uniform(0.9, 1.2) * fill * HEIGHT
        _stand(picture, model, camera, yaw, rng, fill, (x, y))
    else:
        _occlude(picture, camera, rng)
    return _develop(picture, camera, rng)


def _bad_crop(rng: np.random.Generator) -> tuple[float, float, float]:
    """Fill of the height, and feet in pixels, where the box misses the legs, the head or a side."""
    fault = rng.integers(4)
    if fault == 0:  # no legs
        fill = rng.uniform(1.2, 1.6)
        return fill, WIDTH / 2, HEIGHT * (fill + 0.04)
    if fault == 1:  # no head
        return rng.uniform(1.1, 1.25), WIDTH / 2, HEIGHT * 0.96
    if fault == 2:  # far too large a box
        return rng.uniform(0.6, 0.75), WIDTH / 2, HEIGHT * rng.uniform(0.8, 0.95)
    return 0.92, WIDTH / 2 + rng.choice([-1, 1]) * rng.uniform(9, 15), HEIGHT * 0.96


def _backdrop(camera: Camera, rng: np.random.Generator) -> Array:
    x = int(rng.integers(0, SCENE_WIDTH - WIDTH + 1))
    y = int(rng.integers(0, SCENE_HEIGHT - HEIGHT + 1))
    crop = camera.scene[y : y + HEIGHT, x : x + WIDTH] * np.float32(rng.uniform(0.92, 1.08))
    return crop[:, ::-1].copy() if rng.random() < 0.5 else crop


def _stand(
    picture: Array,
    model: Model,
    camera: Camera,
    yaw: float,
    rng: np.random.Generator,
    fill: float,
    feet: tuple[float, float],
) -> None:
    """Draw the person and a shadow into ``picture``, in place."""
    scale, ground = fill * HEIGHT, (int(feet[0]), int(feet[1]))
    if ground[1] < HEIGHT + 8:
        shadow: Array = np.ones((HEIGHT, WIDTH), np.float32)
        axes = (
            int(0.16 * scale),
            max(2, int(0.16 * scale * math.sin(math.radians(camera.elevation)))),
        )
        cv2.ellipse(shadow, ground, axes, 0, 0, 360, 0.62, -1)
        picture *= cv2.GaussianBlur(shadow, (0, 0), 2)[..., None]
    bones = walk(
        model.person,
        phase=rng.uniform(0, 2 * np.pi),
        stride=rng.uniform(0.1, 0.5),
        arms=rng.uniform(0.5, 1.2),
        bend=rng.uniform(0.1, 0.5),
    )
    view = view_matrix(yaw, camera.elevation + rng.normal(0, 1.5))
    light = camera.light * np.float32(rng.uniform(0.8, 1.1))
    figure = render(model.body, bones, view, model.atlas, light, (HEIGHT, WIDTH), scale, feet)
    picture *= 1 - figure[..., 3:]
    picture += figure[..., :3]


def _occlude(picture: Array, camera: Camera, rng: np.random.Generator) -> None:
    """Put a post, a wall or a bush before the person, in place."""
    kind = rng.integers(3)
    x = int(rng.integers(0, WIDTH))
    color = rng.uniform(40, 190) * rng.uniform(0.85, 1.15, 3)
    if kind == 0:
        width = int(rng.integers(6, 16))
        shade = np.sin(np.linspace(0.5, 2.4, width))[:, None]
        picture[:, x : x + width] = (color * shade)[: WIDTH - x]
    elif kind == 1:
        picture[int(rng.integers(70, 105)) :] = color
    else:
        for _ in range(22):
            center = int(rng.normal(x, 9)), int(rng.normal(112, 12))
            green = (rng.uniform(20, 60), rng.uniform(60, 125), rng.uniform(35, 80))
            cv2.ellipse(picture, center, (6, 4), rng.uniform(0, 180), 0, 360, green, -1)


def _develop(picture: Array, camera: Camera, rng: np.random.Generator) -> bytes:
    """Lens, sensor and JPEG."""
    picture = np.asarray(
        cv2.GaussianBlur(picture, (0, 0), camera.blur * rng.uniform(0.7, 1.4)), np.float32
    )
    picture += camera.noise * rng.standard_normal(picture.shape, np.float32)
    levels = np.clip(picture, 0, 255).astype(np.uint8)
    ok, code = cv2.imencode(
        ".jpg", cv2.LUT(levels, camera.curve), [cv2.IMWRITE_JPEG_QUALITY, camera.quality]
    )
    assert ok
    return code.tobytes()
