"""The one primitive that everybody is made of.

A solid is ``x^2 + (z / depth)^2 < r^2(y)`` cut at two heights, ``r^2`` being quadratic in ``y``.
Three radii give the quadratic, so one formula draws ellipsoids, cylinders, cones and waists.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]


class Solid(NamedTuple):
    """One primitive in the rest pose; lengths in body heights, x to the person's left, z forward.

    ``radii`` are half widths at the bottom, in the middle and at the top; half depths are
    ``depth`` times those. ``v`` is the texture's height (0 bottom, 1 top) at both ends.
    """

    bone: int
    bottom: tuple[float, float, float]
    top: tuple[float, float, float]
    radii: tuple[float, float, float]
    depth: float
    texture: int
    v: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Body:
    """P solids as arrays: ``local = to_local @ rest + offset``, surface ``x^2 + z^2 = r^2(y)``."""

    bone: NDArray[np.intp]  # (P,)
    to_local: Array  # (P, 3, 3)
    offset: Array  # (P, 3)
    profile: Array  # (P, 3): r^2 = profile @ (1, y, y^2)
    corners: Array  # (P, 8, 3): bounding box, rest coordinates
    surface: Array  # (P, 5): length, depth, texture, v at local y = 0, and v's slope

    @classmethod
    def build(cls, solids: list[Solid]) -> "Body":
        bottom = np.array([s.bottom for s in solids])
        axis = np.array([s.top for s in solids]) - bottom
        length = np.linalg.norm(axis, axis=1)
        y_axis = axis / length[:, None]
        x_axis = np.cross(y_axis, [0.0, 0.0, 1.0])
        x_axis /= np.linalg.norm(x_axis, axis=1, keepdims=True)
        axes = np.stack([x_axis, y_axis, np.cross(x_axis, y_axis)], axis=1)
        depth = np.array([s.depth for s in solids])
        to_local = axes / np.stack([np.ones_like(depth), np.ones_like(depth), depth], 1)[..., None]

        low, middle, high = np.array([s.radii for s in solids]).T ** 2
        bend = 2 * (low + high - 2 * middle)
        profile = np.stack([low, (high - low - bend) / length, bend / length**2], axis=1)

        widest = np.sqrt(_peak(low, high - low - bend, bend))
        signs = np.array([(x, y, z) for x in (-1, 1) for y in (0, 1) for z in (-1, 1)])
        reach = np.stack([widest, length, widest * depth], axis=1)
        corners = bottom[:, None] + np.einsum("cj,pj,pji->pci", signs, reach, axes)
        v = np.array([s.v for s in solids])
        return cls(
            bone=np.array([s.bone for s in solids]),
            to_local=to_local.astype(np.float32),
            offset=-np.einsum("pij,pj->pi", to_local, bottom).astype(np.float32),
            profile=profile.astype(np.float32),
            corners=corners.astype(np.float32),
            surface=np.stack(
                [length, depth, [s.texture for s in solids], v[:, 0], (v[:, 1] - v[:, 0]) / length],
                axis=1,
            ).astype(np.float32),
        )


def _peak(constant: Array, linear: Array, bend: Array) -> Array:
    """Largest value on [0, 1] of each quadratic."""
    apex = np.where(bend < 0, np.clip(-linear / np.minimum(2 * bend, -1e-12), 0, 1), 0)
    values = [constant + linear * y + bend * y**2 for y in (0.0, 1.0, apex)]
    return np.max(values, axis=0)
