"""Randomness that starts anew."""

import random

import numpy as np
import torch


def seed_everything(*numbers: int) -> None:
    """Seed Python's, NumPy's and PyTorch's randomness of this process by whole numbers."""
    drawn = np.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(drawn[0]))
    np.random.seed(int(drawn[1]))
    torch.manual_seed(int(drawn[2]))
