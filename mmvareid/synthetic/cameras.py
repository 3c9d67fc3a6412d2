"""What makes one camera's pictures unlike another's: its place, scene, colour and noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .solids import Array

SCENE_HEIGHT, SCENE_WIDTH = 150, 640
# Concrete, brick, plaster, glass, hedge; asphalt, slabs, sand, grass: blue, green, red.
WALLS = np.array([[122, 134, 150], [70, 88, 132], [170, 186, 206], [138, 116, 92], [48, 84, 66]])
GROUNDS = np.array([[94, 104, 120], [138, 150, 168], [112, 140, 166], [58, 104, 88]])


@dataclass(frozen=True)
class Camera:
    elevation: float  # degrees above the horizon
    light: Array  # (3,) in view coordinates
    scene: Array  # (150, 640, 3) background
    curve: NDArray[np.uint8]  # (256, 1, 3) response: white balance, gain and gamma
    blur: float  # sigma, pixels
    noise: float  # standard deviation, grey levels
    quality: int  # of the JPEG


def draw_camera(seed: int, number: int) -> Camera:
    """Camera ``number`` (from 1) of a seed."""
    rng = np.random.default_rng([seed, 4, number])
    azimuth, height = rng.uniform(-np.pi, np.pi), rng.uniform(0.5, 1.0)
    light = np.array([0.8 * np.sin(azimuth), height, 0.3 + 0.3 * np.cos(azimuth)])
    balance = rng.uniform(0.975, 1.025, 3) * rng.uniform(0.94, 1.06)
    level = np.arange(256)[:, None] / 255 * balance
    curve = 255 * np.clip(level, 0, 1) ** rng.uniform(0.95, 1.06)
    return Camera(
        elevation=float(rng.uniform(3, 24)),
        light=(light / np.linalg.norm(light)).astype(np.float32),
        scene=_scene(rng),
        curve=curve.round().astype(np.uint8)[:, None],
        blur=float(rng.uniform(0.2, 0.75)),
        noise=float(rng.uniform(2, 5)),
        quality=int(rng.integers(70, 95)),
    )


def _scene(rng: np.random.Generator) -> Array:
    """Walls, doors and greenery above a paved ground, all from materials that cameras share."""
    horizon = int(rng.integers(66, 90))
    scene: Array = np.empty((SCENE_HEIGHT, SCENE_WIDTH, 3), np.float32)
    for top, bottom, materials in ((0, horizon, WALLS), (horizon, SCENE_HEIGHT, GROUNDS)):
        x = 0
        while x < SCENE_WIDTH:
            width = int(rng.integers(8, 32))
            scene[top:bottom, x : x + width] = rng.choice(materials) * rng.uniform(0.6, 1.25)
            x += width
    for _ in range(40):  # doors, windows, posts
        x, width = int(rng.integers(-20, SCENE_WIDTH)), int(rng.integers(3, 24))
        top = int(rng.integers(-20, horizon - 10))
        bottom = horizon if rng.random() < 0.5 else int(rng.integers(top + 8, horizon))
        color = (rng.choice(WALLS) * rng.uniform(0.3, 1.3)).tolist()
        cv2.rectangle(scene, (x, top), (x + width, bottom), color, -1)
    for _ in range(int(rng.integers(220, 420))):  # leaves
        center = int(rng.integers(0, SCENE_WIDTH)), int(rng.integers(0, horizon + 6))
        color = (np.array([45, 85, 65]) * rng.uniform(0.4, 1.5)).tolist()
        axes = int(rng.integers(2, 11)), int(rng.integers(2, 8))
        cv2.ellipse(scene, center, axes, rng.uniform(0, 180), 0, 360, color, -1)
    for _ in range(30):  # joints and shadows on the ground
        y = int(horizon + (SCENE_HEIGHT - horizon) * rng.uniform(0, 1) ** 1.5)
        x, length = int(rng.integers(0, SCENE_WIDTH)), int(rng.integers(10, 90))
        scene[y : y + int(rng.integers(1, 9)), x : x + length] *= rng.uniform(0.6, 0.95)
    for step, strength in ((3, 8.0), (20, 14.0)):
        shape = SCENE_HEIGHT // step + 2, SCENE_WIDTH // step + 2
        coarse = rng.normal(0, strength, shape).astype(np.float32)
        size = SCENE_WIDTH, SCENE_HEIGHT
        scene += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(cv2.GaussianBlur(scene, (0, 0), 0.8), 0, 255)
