"""Front, side and back from the width between the shoulders, with no label."""

import numpy as np

# Where shoulders are in people as they walk by, in units of the vertical spread of the body's
# points; from Market-1501's training images. Few images say too little by themselves.
_WIDTH, _SPREAD, _SIDE = 0.92, 0.16, 0.54
_STRENGTH = 30  # images that this counts for
_STEPS = 200


def shoulder_posteriors(width: np.ndarray) -> np.ndarray:
    r"""Probabilities ``(N, 3)`` of front, side and back.

    ``width`` (N,) is the left shoulder's x less the right one's, so it is positive where a person
    faces the camera and negative from behind. From the side it is about 0. It is modelled as a
    mixture of three normal distributions, of which front and back mirror each other:
    :math:`N(m, s), N(0, t), N(-m, s)`, with shares of their own, fitted by expectation
    maximisation. Beyond :math:`\pm m` it is front or back, whatever the broad distribution of the
    side says.
    """
    mean, spread, side = _WIDTH, _SPREAD, _SIDE
    shares = np.full(3, 1 / 3)
    for _ in range(_STEPS):
        front, middle, back = _posteriors(width, mean, spread, side, shares).T
        ends = front.sum() + back.sum() + _STRENGTH
        mean = ((front - back) @ width + _STRENGTH * _WIDTH) / ends
        squares = front @ (width - mean) ** 2 + back @ (width + mean) ** 2
        spread = np.sqrt((squares + _STRENGTH * _SPREAD**2) / ends)
        side = np.sqrt((middle @ width**2 + _STRENGTH * _SIDE**2) / (middle.sum() + _STRENGTH))
        shares = np.array([x.sum() + _STRENGTH for x in (front, middle, back)])
        shares /= shares.sum()
    return _posteriors(width.clip(-mean, mean), mean, spread, side, shares)


def _posteriors(
    width: np.ndarray, mean: float, spread: float, side: float, shares: np.ndarray
) -> np.ndarray:
    means, spreads = np.array([mean, 0, -mean]), np.array([spread, side, spread])
    logs = np.log(shares / spreads) - ((width[:, None] - means) / spreads) ** 2 / 2
    likely = np.exp(logs - logs.max(axis=1, keepdims=True))
    return likely / likely.sum(axis=1, keepdims=True)
