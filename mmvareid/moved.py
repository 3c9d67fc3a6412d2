"""Modules that have moved: their old names work for one release, with a warning."""

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_HOOKS = (
    "center_angle channels_last data_check epoch_seed non_finite resume retrieval_visualization "
    "synced_ema unreadable_images"
)
_RANKING = "counting neighbours query_expansion reciprocal_encoding reranking similarity"
_SCORES = "query_pooling single_shot tables verification viewpoint_scores"
_SYNTHETIC = (
    "body cameras contact_sheet dataset gait garments people photograph render shots solids "
    "textures"
)
# Old module -> those that have its names now, all below mmvareid. 0.2 leaves this file out.
MOVED: dict[str, tuple[str, ...]] = {
    "apis.gallery": ("search.gallery",),
    "apis.gallery_columns": ("search.columns",),
    "apis.images": ("fileio.images", "fileio.image_paths"),
    "apis.search_filtered": ("search.filtered",),
    "apis.search_index": ("search.engines",),
    "array_files": ("fileio.arrays",),
    "checkpoints": ("fileio.newest_checkpoint", "fileio.whole_files"),
    "compat": ("fileio.checkpoints", "fileio.weights", "engine.processes"),
    "config_checks": ("config.checks", "config.suggest"),
    "datasets.label_noise": ("viewpoint.noise",),
    "datasets.mirror_viewpoint": ("datasets.transforms.mirror_viewpoint",),
    "datasets.soft_viewpoints": ("viewpoint.soft",),
    "datasets.uint8_batch": ("datasets.transforms.uint8_batch",),
    "datasets.viewpoint_dataset": ("datasets.reid_dataset", "datasets.joining"),
    "datasets.viewpoints": ("viewpoint.reading",),
    "evaluation.protocols": ("evaluation.scores.protocols", "viewpoint.names"),
    "evaluation.descriptors": ("evaluation.table",),
    "evaluation.reid_metric": ("evaluation.metric",),
    "memory": ("engine.processes",),
    "models.losses.label_range": ("models.labels",),
    "viewpoint.body_shape": ("viewpoint.pose.body_shape",),
    "viewpoint.label_files": ("viewpoint.writing", "viewpoint.names"),
    "viewpoint.pose_files": ("viewpoint.pose.files",),
    "viewpoint.shoulder_mixture": ("viewpoint.pose.shoulder_mixture",),
    "viewpoint.skeletons": ("viewpoint.pose.skeletons",),
    "whole_files": ("fileio.whole_files",),
    "datasets.synthetic": ("synthetic",),
    **{f"datasets.synthetic.{name}": (f"synthetic.{name}",) for name in _SYNTHETIC.split()},
    **{f"engine.{name}_hook": (f"engine.hooks.{name}_hook",) for name in _HOOKS.split()},
    **{f"evaluation.{name}": (f"evaluation.ranking.{name}",) for name in _RANKING.split()},
    **{f"evaluation.{name}": (f"evaluation.scores.{name}",) for name in _SCORES.split()},
}
# Names that are others now.
RENAMED = {"check_weights": "match_weights", "ViewpointDataset": "ReIDDataset"}


class _Module(ModuleType):
    """An import binds a module's name in its package, over a function that has the same name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return vars(self)[self.__name__.rpartition(".")[2]](*args, **kwargs)


class _OldNames(MetaPathFinder, Loader):
    """Asked first, and knows nothing but the table."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, rest = name.partition(".")
        if package != "mmvareid" or rest not in MOVED:
            return None
        return ModuleSpec(name, self, is_package=rest == "datasets.synthetic")

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module."""
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give an old module the names of the new ones."""
        places = [f"mmvareid.{place}" for place in MOVED[module.__name__.partition(".")[2]]]
        warnings.warn(
            f"{module.__name__} has moved to {' and '.join(places)}; the old name goes in 0.2",
            DeprecationWarning,
            stacklevel=2,  # the importing line; Python leaves its own import frames out
        )
        for place in places:
            names = vars(import_module(place))
            vars(module).update({k: v for k, v in names.items() if not k.startswith("__")})
            vars(module).update({old: names[new] for old, new in RENAMED.items() if new in names})


def old_names(module: str, place: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module some of whose names have moved to another."""

    def look_up(name: str) -> Any:
        found = import_module(f"mmvareid.{place}")
        if name.startswith("__") or not hasattr(found, name):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            f"{name} of {module} has moved to mmvareid.{place}; the old name goes in 0.2",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(found, name)

    return look_up


def keep_old_names() -> None:
    """Have Python find the modules of :data:`MOVED` by their old names."""
    sys.meta_path.insert(0, _OldNames())
