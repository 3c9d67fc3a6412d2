"""Bodies as a camera sees them: points of a stiff figure turned by a yaw, with noise."""

import numpy as np

# x to the person's left, y down, z forward, of the fourteen points.
FIGURE = np.array(
    [(0, -80, 5), (0, -62, 0)]
    + [(-side, y, 0) for side, y in ((18, -55), (22, -30), (22, -5))]
    + [(side, y, 0) for side, y in ((18, -55), (22, -30), (22, -5))]
    + [(-side, y, 0) for side, y in ((10, 0), (10, 40), (10, 78))]
    + [(side, y, 0) for side, y in ((10, 0), (10, 40), (10, 78))],
    dtype=float,
)


def bodies(number, seed=0, noise=1.5):
    """Points (N, 14, 2) in pixels and views (N,): 0 front, 1 side, 2 back."""
    rng = np.random.default_rng(seed)
    views = rng.integers(0, 3, number)
    yaw = np.radians(
        np.choose(views, [0, 90, 180]) * rng.choice([-1, 1], number) + rng.normal(0, 15, number)
    )
    size = rng.uniform(0.5, 1.5, number)
    turned = np.cos(yaw)[:, None] * FIGURE[:, 0] + np.sin(yaw)[:, None] * FIGURE[:, 2]
    points = np.stack([turned, np.broadcast_to(FIGURE[:, 1], turned.shape)], axis=2)
    points = points + noise * rng.standard_normal(points.shape)
    return size[:, None, None] * points + [32, 64], views
