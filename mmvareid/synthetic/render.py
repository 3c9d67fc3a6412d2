"""How a pile of solids becomes a picture: rays against quadrics, with a depth buffer.

The camera is orthographic. Then a ray's quadratic has a constant leading coefficient and a
discriminant that is a polynomial in the pixel, which is what makes numpy fast enough.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from .solids import Array, Body

SUPERSAMPLING = 1.5
# Brightness: everywhere, by the light, and towards the camera (so that outlines are darker).
AMBIENT, LAMBERT, RIM = np.float32(0.62), np.float32(0.3), np.float32(0.16)


def render(
    body: Body,
    bones: Array,
    view: Array,
    atlas: NDArray[np.uint8],
    light: Array,
    size: tuple[int, int],
    scale: float,
    feet: tuple[float, float],
) -> Array:
    """Draw a posed body.

    Args:
        body: its solids in the rest pose.
        bones: (B, 3, 4) rigid motion of each bone, from rest to body coordinates.
        view: (3, 3) rotation from body to view: x right, y up, z to the camera.
        atlas: (T, h, w, 3) textures; columns are the angle about a solid's axis, front in the
            middle, and the first row is at the top.
        light: (3,) direction to the light in view coordinates, its length the strength.
        size: height and width of the picture in pixels.
        scale: pixels a body height.
        feet: where the body's origin falls, in pixels from the left and from the top.

    Returns:
        (height, width, 4) float32: colour in 0..255 times alpha, and alpha in 0..1.
    """
    height, width = (int(n * SUPERSAMPLING) for n in size)
    scale, left, down = (float(n) * SUPERSAMPLING for n in (scale, *feet))  # no float64 scalars
    x = ((np.arange(width, dtype=np.float32) + 0.5) - left) / scale
    y = (down - (np.arange(height, dtype=np.float32) + 0.5)) / scale

    turn = view @ bones[body.bone, :, :3]  # (P, 3, 3) rest -> view
    move = bones[body.bone, :, 3] @ view.T  # (P, 3)
    to_local = body.to_local @ turn.transpose(0, 2, 1)  # (P, 3, 3) view -> local
    offset = body.offset - np.einsum("pij,pj->pi", to_local, move)
    corners = body.corners @ turn.transpose(0, 2, 1) + move[:, None]
    columns = _window(corners[..., 0] * scale + left, width)
    rows = _window(down - corners[..., 1] * scale, height)
    depth, owner = _trace(body, to_local, offset, x, y, columns, rows)

    picture: Array = np.zeros((height * width, 4), np.float32)
    seen = np.flatnonzero(owner >= 0)
    point = x[seen % width], y[seen // width], depth.ravel()[seen]
    light = light * LAMBERT + np.array([0, 0, RIM], np.float32)
    picture[seen, :3] = _paint(body, to_local, offset, light, atlas, owner.ravel()[seen], point)
    picture[seen, 3] = 1
    picture = picture.reshape(height, width, 4)
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _window(places: Array, end: int) -> list[slice]:
    """The pixels that each solid's corners (P, 8) span, within 0..end."""
    low = np.clip(np.floor(places.min(1)), 0, end).astype(int).tolist()
    high = np.clip(np.ceil(places.max(1)) + 1, 0, end).astype(int).tolist()
    return [slice(a, b) for a, b in zip(low, high, strict=True)]


def _trace(
    body: Body,
    to_local: Array,
    offset: Array,
    x: Array,
    y: Array,
    columns: list[slice],
    rows: list[slice],
) -> tuple[Array, NDArray[np.int16]]:
    """(H, W) depth towards the camera, and the number of the solid seen there, or -1."""
    # On a ray, Z solves a Z^2 + 2 (b @ (X, Y, 1)) Z + c = 0, c a quadratic form in (X, Y, 1).
    base, slope = np.stack([to_local[:, :, 0], to_local[:, :, 1], offset], 2), to_local[:, :, 2]
    constant, linear, bend = body.profile.T
    signs = np.stack([np.ones_like(bend), -bend, np.ones_like(bend)], axis=1)
    a = np.einsum("pi,pi->p", signs, slope**2)  # positive: elevations are far from 90 degrees
    b = np.einsum("pi,pij->pj", signs * slope, base)
    b[:, 2] -= linear * slope[:, 1] / 2
    c = np.einsum("pij,pi,pik->pjk", base, signs, base)
    half = linear[:, None] * base[:, 1] / 2
    c[:, 2] -= half
    c[:, :, 2] -= half
    c[:, 2, 2] -= constant
    form = (b[:, :, None] * b[:, None] - a[:, None, None] * c) / (a**2)[:, None, None]
    b /= -a[:, None]
    # The cuts at y = 0 and y = length are planes Z = plane @ (X, Y, 1), `gap` apart.
    steep = np.where(np.abs(slope[:, 1]) < 1e-4, np.float32(1e-4), slope[:, 1])
    plane, span = -base[:, 1] / steep[:, None], body.surface[:, 0] / steep
    plane[:, 2] += np.minimum(span, 0)
    gap = np.abs(span)

    # What depends on the column only, on the row only, and on both by a product.
    f = form[..., None]
    root_x = (f[:, 0, 0] * x + 2 * f[:, 0, 2]) * x
    root_y = (f[:, 1, 1] * y + 2 * f[:, 1, 2]) * y + f[:, 2, 2]
    root_xy = 2 * f[:, 0, 1] * y
    middle_x, middle_y = b[:, 0, None] * x, b[:, 1, None] * y + b[:, 2, None]
    cut_x, cut_y = plane[:, 0, None] * x, plane[:, 1, None] * y + plane[:, 2, None]

    depth: Array = np.full((len(y), len(x)), -np.inf, np.float32)
    owner: NDArray[np.int16] = np.full((len(y), len(x)), -1, np.int16)
    with np.errstate(invalid="ignore"):
        for p, (i, j) in enumerate(zip(rows, columns, strict=True)):
            root = root_xy[p, i, None] * x[j]
            root += root_x[p, j]
            root += root_y[p, i, None]
            np.sqrt(root, out=root)  # nan beside the solid: no comparison with nan holds
            middle = middle_x[p, j] + middle_y[p, i, None]
            back = cut_x[p, j] + cut_y[p, i, None]
            front = np.minimum(middle + root, back + gap[p])
            np.maximum(back, middle - root, out=back)
            hit = front > np.maximum(back, depth[i, j])
            np.copyto(depth[i, j], front, where=hit)
            np.copyto(owner[i, j], p, where=hit)
    return depth, owner


def _paint(
    body: Body,
    to_local: Array,
    offset: Array,
    light: Array,
    atlas: NDArray[np.uint8],
    owner: NDArray[np.int16],
    point: tuple[Array, Array, Array],
) -> Array:
    """(N, 3) shaded colours of points in view coordinates, on the solids ``owner`` (N,)."""
    table = [*to_local.reshape(-1, 9).T, *offset.T, *(to_local @ light).T]
    m = np.take(np.stack([*table, *body.profile.T, *body.surface.T]), owner, axis=1)  # (23, N)
    x, y, z = (
        m[3 * i] * point[0] + m[3 * i + 1] * point[1] + m[3 * i + 2] * point[2] + m[9 + i]
        for i in range(3)
    )
    constant, linear, bend, length, depth, texture, v, slope = m[15:]

    # Normal: the gradient of the quadric, or the axis where the point lies on a cut.
    on_cut = x * x + z * z - (constant + (linear + bend * y) * y) < -2e-5
    up = np.where(y > length / 2, np.float32(1), np.float32(-1))
    ny = np.where(on_cut, up, -(linear / 2 + bend * y))
    nx, nz = x * ~on_cut, z * ~on_cut
    norm = np.sqrt(nx * nx + ny * ny + (nz / depth) ** 2) + np.float32(1e-9)
    shade = AMBIENT + (nx * m[12] + ny * m[13] + nz * m[14]) / norm

    _, rows, columns, _ = atlas.shape
    angle = np.arctan2(x, z) * np.float32(columns / (2 * np.pi)) + np.float32(columns / 2)
    column = np.clip(angle.astype(np.int32), 0, columns - 1)
    row = np.clip(((1 - v - slope * y) * rows).astype(np.int32), 0, rows - 1)
    texel = (texture.astype(np.int32) * rows + row) * columns + column
    return np.take(atlas.reshape(-1, 3), texel, axis=0) * shade[:, None]
