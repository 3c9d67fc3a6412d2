"""What PyTorch is asked to do, operator by operator."""

from collections import Counter

from torch.utils._python_dispatch import TorchDispatchMode


class Operators(TorchDispatchMode):
    """Counts the operators that are dispatched within, by name; ``calls`` has each.

    ``_local_scalar_dense`` is what ``.item()``, ``bool()`` and ``int()`` of a tensor end in: on a
    GPU, a wait. So is ``nonzero``, of masks as indices.
    """

    def __init__(self):
        super().__init__()
        self.counts, self.calls = Counter(), []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.counts[name] += 1
        self.calls.append((name, args, kwargs or {}))
        return function(*args, **(kwargs or {}))
