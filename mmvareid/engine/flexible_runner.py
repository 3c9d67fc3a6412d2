"""MMEngine's runner with strategies, whose checkpoints say the epoch that they are of."""

from typing import Any

from mmengine.runner import FlexibleRunner as MMEngineFlexibleRunner


class FlexibleRunner(MMEngineFlexibleRunner):
    """``FlexibleRunner`` that resumes behind the epoch of its checkpoint.

    MMEngine's writes an epoch's checkpoint again when its score is the best, and counts the next
    epoch then, which a resumed run would leave out.
    """

    def save_checkpoint(self, *args: Any, meta: dict | None = None, **kwargs: Any) -> None:
        """Save what the hook asks for, under the epoch that it names."""
        self._asked = dict(meta or {})
        super().save_checkpoint(*args, meta=dict(self._asked), **kwargs)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; those that see a checkpoint see the right epoch."""
        if fn_name == "before_save_checkpoint":
            kwargs["checkpoint"]["meta"].update(self._asked)
        super().call_hook(fn_name, **kwargs)
