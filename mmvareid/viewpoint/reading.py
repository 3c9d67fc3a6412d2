"""Viewpoint files: an authors' pickle, JSON or CSV, read as {image name: label}."""

import csv
import io
import json
import pickle
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

# The authors' fine names. `noise` (hidden, cut off, several people) is filed under side by them.
FINE_NAMES = {"front": 0, "front_side": 0, "side": 1, "back_side": 2, "back": 2, "noise": 1}
MAX_VIEWS = 360  # a view per degree of yaw; a larger label is a mistake in the file
AUTO_FILES = ("*_image_map_direction.pkl", "viewpoints.json", "viewpoints.csv")

Pairs = Iterable[tuple[object, object]]  # (image name, viewpoint), neither checked yet


def load_viewpoints(path: str | PathLike, noise: str = "side") -> dict[str, int]:
    """Read a viewpoint file.

    Accepted are

    - ``.pkl``: the authors' ``{image: (label, fine name)}`` or ``{fine name: [images]}``. A pickle
      may run code when it is read, so one that asks for any class or function is refused.
    - ``.json``: either of these, ``{image: label or fine name}``, or
      ``{image: {"viewpoint": label, "name": fine name}}``.
    - ``.csv``: a header with the columns ``filename`` (or ``image``, or ``name``) and ``viewpoint``
      (label or fine name). Beside ``filename``, a column ``name`` is the fine name.

    Labels are 0 front, 1 side, 2 back in the authors' files, any 0, 1, ... in yours, and -1 where
    unknown. Fine names: front, front_side, side, back_side, back, noise. Images are joined by base
    name, so folders in front of it are dropped.

    Args:
        path: The file.
        noise: What to make of images with the fine name ``noise``: ``'side'`` keeps the authors'
            label 1, ``'unknown'`` gives -1.

    Returns:
        Base name of each image -> label.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is empty, damaged, of another shape, refused, has a label that is
            none, or gives an image two labels.
    """
    if noise not in ("side", "unknown"):
        raise ValueError(f"noise has to be 'side' or 'unknown', but got {noise!r}")
    unknown = noise == "unknown"
    return {
        name: -1 if fine == "noise" and unknown else label
        for name, (label, fine) in load_fine_viewpoints(path).items()
    }


def load_fine_viewpoints(path: str | PathLike) -> dict[str, tuple[int, str | None]]:
    """Read a viewpoint file with the fine names, None where it has none.

    See :func:`load_viewpoints` for formats and errors.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"viewpoint_file has to be an existing file, but got '{path}'")
    if path.suffix.lower() not in READERS:
        raise ValueError(
            f"viewpoint_file has to end in {', '.join(READERS)}, but got '{path}'; "
            "write {image name: label} as JSON"
        )
    data = path.read_bytes()
    if not data.strip():
        raise ValueError(f"viewpoint_file has to map images to viewpoints, but '{path}' is empty")

    viewpoints: dict[str, tuple[int, str | None]] = {}
    try:
        for name, value in READERS[path.suffix.lower()](data):
            base, (label, fine) = base_name(name), _label(name, value)
            if viewpoints.setdefault(base, (label, fine))[0] != label:
                raise ValueError(
                    f"{base} has to have one viewpoint, but got {viewpoints[base][0]} and {label}"
                )
    except ValueError as error:
        raise ValueError(f"viewpoint_file '{path}': {error}") from error
    if not viewpoints:
        raise ValueError(f"viewpoint_file '{path}' has to name images, but it names none")
    return viewpoints


def find_viewpoint_file(folder: Path) -> Path | None:
    """Return the one viewpoint file with a customary name in ``folder``, None without one.

    Raises:
        ValueError: If there are several.
    """
    found = sorted({path for pattern in AUTO_FILES for path in folder.glob(pattern)})
    if len(found) > 1:
        raise ValueError(
            f"viewpoint_file='auto' needs one viewpoint file in '{folder}', but got "
            f"{', '.join(path.name for path in found)}; name one of them as viewpoint_file"
        )
    return found[0] if found else None


def base_name(name: object) -> str:
    """File name of an image, by which viewpoints are joined, without its folders."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1] if isinstance(name, str) else ""
    if not base:
        raise ValueError(f"an image name has to be a non-empty string, but got {_show(name)}")
    return base


def _label(name: object, value: object) -> tuple[int, str | None]:
    match value:
        case {"viewpoint": label, "name": fine}:
            pass
        case {"viewpoint": label}:
            fine = None
        case [label, fine]:
            pass
        case label:
            fine = None
    if isinstance(label, str):
        label, fine = FINE_NAMES.get(label), label
    # `type() is int` and not isinstance, since True would pass for 1.
    if type(label) is not int or not -1 <= label < MAX_VIEWS or not isinstance(fine, str | None):
        raise ValueError(
            f"the viewpoint of {_show(name)} has to be a whole number from 0 to {MAX_VIEWS - 1}, "
            f"-1 for unknown, or one of {', '.join(FINE_NAMES)}, but got {_show(value)}"
        )
    return label, fine


def _show(value: object) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:  # Python refuses to print an int of more than 4300 digits
        return f"a {type(value).__name__} too long to print"


def _pairs(content: object) -> Pairs:
    if not isinstance(content, dict):
        raise ValueError(
            "the content has to be {image: viewpoint}, {image: (label, fine name)} or "
            f"{{fine name: [images]}}, but got a {type(content).__name__}"
        )
    if set(content) <= set(FINE_NAMES) and all(isinstance(v, list) for v in content.values()):
        return [(name, fine) for fine, names in content.items() for name in names]
    return content.items()


def _with_plain_keys(load: Callable) -> Callable:
    """Return a step of the unpickler that makes entries of a dict, with a look at their keys."""

    def step(unpickler: Any) -> None:
        stack = unpickler.stack
        keys = stack[-2:-1] if load.__name__ == "load_setitem" else stack[::2]
        if not all(isinstance(key, str | bytes | int) for key in keys):
            raise ValueError("a name in it is no text")
        load(unpickler)

    return step


# What a file may make besides dicts. Sets, whose members are hashed, and objects are left out.
_STEPS = """
    append appends binbytes binbytes8 binfloat binget binint binint1 binint2 binput binstring
    binunicode binunicode8 dup empty_dictionary empty_list empty_tuple false float frame get global
    inst int list long long1 long4 long_binget long_binput mark memoize none pop pop_mark proto put
    short_binbytes short_binstring short_binunicode stack_global stop string true tuple tuple1
    tuple2 tuple3 unicode
""".split()  # noqa: SIM905  # reads as a line


class _PlainUnpickler(pickle._Unpickler):
    """Reads dict, list, tuple, str and numbers alone, and no tuples as keys.

    It is the one in Python. That in C makes room for any index that a file claims (a flipped bit
    takes 30 GB), and to hash tuples of tuples may take it for ever, deaf to Ctrl-C.
    """

    dispatch = {
        code: step if step.__name__[5:] in _STEPS else _with_plain_keys(step)
        for code, step in pickle._Unpickler.dispatch.items()
        if step.__name__[5:] in (*_STEPS, "setitem", "setitems", "dict")
    }

    def find_class(self, module: str, name: str) -> object:
        raise PermissionError(f"it asks for {module}.{name}")


def _read_pickle(data: bytes) -> Pairs:
    try:
        # Python 2 wrote its `str` as bytes; file names are ASCII, of which UTF-8 is a superset.
        content = _PlainUnpickler(io.BytesIO(data), encoding="utf-8").load()
    except PermissionError as error:
        raise ValueError(
            f"refused, since a pickle that needs a class may run any code and {error}; it has to "
            "hold nothing but dict, list, tuple, str and int. Convert it to JSON where you trust it"
        ) from error
    except Exception as error:  # what a damaged pickle raises is not declared anywhere
        raise ValueError(f"it has to be a whole pickle, but reading it failed: {error}") from error
    return _pairs(content)


def _read_json(data: bytes) -> Pairs:
    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_dict_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it has to be valid JSON, but reading it failed: {error}") from error
    return _pairs(content)


def _dict_without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):  # json alone would keep the last one without a word
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{name} stands there twice")
    return content


def _read_csv(data: bytes) -> Iterator[tuple[object, object]]:
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"it has to be a CSV in UTF-8, but reading it failed: {error}") from error
    header = list(rows[0]) if rows else []
    images = [c for c in ("filename", "image", "name") if c in header]
    if "viewpoint" not in header or not images or images == ["image", "name"]:
        raise ValueError(
            "it has to have rows below a header with the columns filename and viewpoint, but got "
            f"{_show(header)}"
        )
    has_fine = images[0] == "filename" and "name" in images
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"row {number} has to have as many fields as the header")
        text = row["viewpoint"].strip()
        label = int(text) if text.removeprefix("-").isdecimal() and len(text) < 9 else text
        yield row[images[0]], (label, row["name"].strip() or None) if has_fine else label


READERS = {".pkl": _read_pickle, ".json": _read_json, ".csv": _read_csv}
