"""A gallery as an .npz file."""

import os
from typing import Any

import numpy as np

from mmvareid.fileio.arrays import load_arrays, save_arrays

from .columns import (
    COLUMNS,
    LAST_ID,
    as_column,
    as_ids,
    check_features,
    check_paths,
    decode_paths,
    encode_paths,
)
from .memory import MemoryStorage
from .storage import Pictures, Storage

FORMAT = 1


def save(storage: Storage, path: str | os.PathLike) -> None:
    """Write all pictures; an older file stays whole until the new one is on the disk."""
    whole = Pictures.join([*storage.batches()])
    assert whole.features is not None
    next_id = max(getattr(storage, "next_id", 0), int(whole.ids.max(initial=-1)) + 1)
    save_arrays(
        path,
        {
            "format": np.array(FORMAT),
            "fingerprint": np.array(storage.fingerprint),
            "next_id": np.array(next_id),
            "features": whole.features,
            "ids": whole.ids,
            "paths": encode_paths(whole.paths),
            **whole.columns,
        },
    )


def load(path: str | os.PathLike, fingerprint: str | None, engine: str) -> MemoryStorage:
    """Read what :func:`save` wrote, see :meth:`.Gallery.load`."""
    arrays = load_arrays(path)
    try:
        if int(arrays["format"]) != FORMAT:
            raise ValueError(f"its format is {arrays['format']}, and {FORMAT} can be read")
        storage = MemoryStorage(str(arrays["fingerprint"]), engine)
        pictures, next_id = _pictures(arrays), int(arrays["next_id"])
        if arrays["next_id"].dtype.kind != "i" or not 0 <= next_id <= LAST_ID:
            raise ValueError(f"next_id is {arrays['next_id']} {arrays['next_id'].dtype}")
        if pictures.ids.max(initial=-1) >= next_id:
            raise ValueError("its ids are not below next_id")
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{path} has to be a gallery of mmvareid, but: {error}") from error
    if len(pictures):
        storage.add(pictures)
    storage.next_id = next_id
    if fingerprint is not None and fingerprint != storage.fingerprint:
        raise ValueError(
            f"the gallery {path} has descriptors of the model {storage.fingerprint!r}, but the "
            f"queries are of {fingerprint!r}; make it anew from its pictures"
        )
    return storage


def _pictures(arrays: dict[str, np.ndarray]) -> Pictures:
    number = len(arrays["ids"])
    if not number:
        return Pictures.empty()
    features: Any = check_features(arrays["features"], None)
    paths = check_paths(decode_paths(arrays["paths"]), len(features))
    return Pictures(
        as_ids(arrays["ids"], len(features)),
        paths,
        {name: as_column(name, arrays[name], len(features)) for name in COLUMNS},
        features,
    )
