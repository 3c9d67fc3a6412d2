from .reid_head import ReIDHead
from .va_head import VAHead

__all__ = ["ReIDHead", "VAHead"]
