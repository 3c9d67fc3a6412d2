"""The people of several datasets, to be trained together."""

from collections.abc import Sequence, Sized
from typing import Any

from mmengine.logging import print_log

from mmvareid.registry import DATASETS

from .infos import dataset_infos
from .joining import check_mirror
from .tolerant_dataset import TolerantDataset

_NUMBERED = ("gt_label", "person_id", "camera_id")  # by each dataset from its own 0 or 1 on


@DATASETS.register_module()
class ConcatReIDDataset(TolerantDataset):
    """Several datasets as one, in which nobody shares a label or a camera with another set.

    Each dataset numbers its people and cameras by itself. Here those of a set are moved behind
    those of the sets before it: ``gt_label`` is 0 .. K-1 with K the people of all sets, which is
    the head's ``num_classes``, and ``person_id`` and ``camera_id`` differ from set to set. -1 stays
    -1. Each sample also has ``set_index`` (int), the position of its set. The log says what was
    joined.

    Args:
        datasets: Two or more :class:`ReIDDataset` or others whose samples have ``img_path`` and
            ``gt_label``, or their configs. They have no pipeline: one serves all.
        pipeline: Transforms.
        leave_out: Positions of sets that are left out, as to train on all but the one to test on.
        **kwargs: As for :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        ValueError: Nothing is left to join, a set has a pipeline or an image that another set has
            too, or no set is at a position of ``leave_out``.
    """

    def __init__(
        self,
        datasets: Sequence[Sized | dict],
        pipeline: Sequence = (),
        leave_out: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        beyond = [i for i in leave_out if not 0 <= i < len(datasets)]
        if beyond or len({*leave_out}) == len(datasets):
            raise ValueError(
                f"leave_out has to leave one or more of datasets 0 to {len(datasets) - 1}, but got "
                f"{list(leave_out)}"
            )
        self.parts = [_build(part, i) for i, part in enumerate(datasets) if i not in leave_out]
        soft = [getattr(part, "soft_viewpoints", None) or {} for part in self.parts]
        self.soft_viewpoints = next((one for one in soft if one.get("all_round")), None)
        if self.soft_viewpoints:
            check_mirror(pipeline)
        super().__init__(ann_file="", pipeline=pipeline, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images of all sets, numbered anew; log what was joined."""
        joined: list[dict] = []
        starts = dict.fromkeys(_NUMBERED, 0)
        seen: set[str] = set()
        lines = []
        for i, part in enumerate(self.parts):
            infos = dataset_infos(part)
            name = f"{type(part).__name__} '{getattr(part, 'data_root', '')}'"
            again = next((info["img_path"] for info in infos if info["img_path"] in seen), None)
            if again is not None:
                raise ValueError(
                    f"sets that are joined have to differ, but {name} has '{again}' too, whose "
                    "person would have two labels; name each set once"
                )
            seen.update(info["img_path"] for info in infos)
            moved = [{**info, **_moved(info, starts), "set_index": i} for info in infos]
            joined += moved
            lines.append(
                f"{len(infos)} images of {name}, {_span(moved, 'gt_label')}, "
                f"{_span(moved, 'camera_id')}"
            )
            ends = (max((info.get(key, -1) for info in moved), default=-1) for key in _NUMBERED)
            starts = {
                key: max(starts[key], 1 + end) for key, end in zip(_NUMBERED, ends, strict=True)
            }
        self._metainfo.setdefault("dataset_name", type(self).__name__)
        self._metainfo.setdefault("classes", tuple(map(str, range(starts["gt_label"]))))
        print_log(
            f"{type(self).__name__}: {len(joined)} images of {starts['gt_label']} people, which is "
            f"the head's num_classes: {'; '.join(lines)}",
            logger="current",
        )
        return joined


def _build(part: Sized | dict, position: int) -> Sized:
    if not isinstance(part, dict):
        return part
    if part.get("pipeline"):
        raise ValueError(
            f"datasets.{position} has to have no pipeline, since that of the joined dataset serves "
            "all, but got one; remove it"
        )
    return DATASETS.build(part)


def _moved(info: dict, starts: dict[str, int]) -> dict[str, int]:
    """Return a sample's numbers, behind those of the sets before."""
    known = {key: info[key] for key in _NUMBERED if key in info}
    return {key: starts[key] + value if value >= 0 else value for key, value in known.items()}


def _span(infos: list[dict], key: str) -> str:
    numbers = {info.get(key, -1) for info in infos} - {-1}
    return f"{key} {min(numbers)} to {max(numbers)}" if numbers else f"no {key}"
