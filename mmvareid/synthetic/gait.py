"""The skeleton, and how it moves when walking."""

import math

import numpy as np

from .people import Person
from .solids import Array

TRUNK, HEAD, UPPER_ARM, FOREARM, THIGH, SHIN = 0, 1, 2, 4, 6, 8  # the last four: left, then right
NUM_BONES = 10
NECK_Y, SHOULDER_Y, ELBOW_Y, HIP_Y, KNEE_Y = 0.84, 0.80, 0.64, 0.50, 0.285
HIP_X = 0.045


def shoulder_x(person: Person) -> float:
    """Half the distance of the shoulder joints, in body heights."""
    return (0.103 if person.female else 0.116) * person.shoulders * (0.6 + 0.4 * person.girth)


def _rotation(forward: float, outward: float = 0.0) -> Array:
    """What hangs swings ``outward`` (to +x) about z, then ``forward`` about x; radians."""
    cx, sx, cz, sz = math.cos(forward), -math.sin(forward), math.cos(outward), math.sin(outward)
    return np.array([[cz, -sz, 0], [cx * sz, cx * cz, -sx], [sx * sz, sx * cz, cx]], np.float32)


def walk(
    person: Person, phase: float, stride: float, arms: float = 1.0, bend: float = 0.25
) -> Array:
    """(10, 3, 4) motion of the bones.

    Args:
        person: whose joints.
        phase: of the gait cycle, in radians; the left leg is most forward at pi / 2.
        stride: largest swing of a thigh, in radians.
        arms: swing of the arms relative to the legs.
        bend: flexion of the elbows, in radians.
    """
    bones: Array = np.zeros((NUM_BONES, 3, 4), np.float32)
    stride *= 0.7 if person.lower == "skirt" or person.upper == "coat" else 1.0

    def place(bone: int, rotation: Array, joint: Array, at: Array) -> None:
        bones[bone, :, :3] = rotation
        bones[bone, :, 3] = at - rotation @ joint

    lean = _rotation(-0.12 * stride)
    hip = np.array([0, HIP_Y, 0], np.float32)
    place(TRUNK, lean, hip, hip)
    neck = np.array([0, NECK_Y, 0], np.float32)
    place(HEAD, np.eye(3, dtype=np.float32), neck, lean @ (neck - hip) + hip)
    for side in (0, 1):
        sign = 1 - 2 * side
        swing = sign * stride * math.sin(phase)
        shoulder = np.array([sign * shoulder_x(person), SHOULDER_Y, 0], np.float32)
        elbow = np.array([sign * shoulder_x(person), ELBOW_Y, 0], np.float32)
        out = sign * (0.10 + 0.12 * (person.girth - 0.9))
        upper = _rotation(-0.8 * arms * swing, out)
        at = lean @ (shoulder - hip) + hip
        place(UPPER_ARM + side, upper, shoulder, at)
        flex = bend * (1.0 - 0.6 * sign * math.sin(phase))
        fore = _rotation(-0.8 * arms * swing + flex, out * 0.4)
        if person.bag == "hand" and sign == person.bag_side:  # a loaded arm hangs
            upper, fore = _rotation(-0.15 * swing, out * 1.4), _rotation(-0.1 * swing, out * 0.6)
            place(UPPER_ARM + side, upper, shoulder, at)
        place(FOREARM + side, fore, elbow, upper @ (elbow - shoulder) + at)

        joint = np.array([sign * HIP_X, HIP_Y, 0], np.float32)
        knee = np.array([sign * HIP_X, KNEE_Y, 0], np.float32)
        thigh = _rotation(swing)
        place(THIGH + side, thigh, joint, joint)
        forth, back = max(0.0, math.cos(phase) * sign), max(0.0, -math.sin(phase) * sign)
        lift = stride * (0.25 + 0.9 * forth + 0.5 * back)
        place(SHIN + side, _rotation(swing - lift), knee, thigh @ (knee - joint) + joint)
    sole = np.array([0.0, 0.0, 0.02], np.float32)
    soles = bones[SHIN : SHIN + 2, :, :3] @ sole + bones[SHIN : SHIN + 2, :, 3]
    bones[:, 1, 3] -= soles[:, 1].min()  # the lower foot stands on the ground
    return bones
