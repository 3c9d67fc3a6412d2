"""Pictures as rows of a Milvus collection, and back."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .columns import COLUMNS
from .milvus_text import FIELDS, LONGEST, decode_path, encode_path
from .storage import Pictures

KNOWN = ["id", "path", *FIELDS.values()]  # all but the descriptor


def make_schema(client: Any, kinds: Any, width: int) -> Any:
    """Return the fields of a collection whose descriptors have ``width`` numbers.

    Args:
        client (MilvusClient): Of any database.
        kinds (type): ``pymilvus.DataType``.
        width (int): Numbers of a descriptor.
    """
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", kinds.INT64, is_primary=True)
    schema.add_field("descriptor", kinds.FLOAT_VECTOR, dim=width)
    schema.add_field("path", kinds.VARCHAR, max_length=LONGEST)
    for name, field in FIELDS.items():
        if COLUMNS[name][0] is np.int64:
            schema.add_field(field, kinds.INT64)
        else:  # a server takes no NaN
            schema.add_field(field, kinds.DOUBLE, nullable=True)
    return schema


def as_rows(pictures: Pictures, size: int) -> Iterator[list[dict[str, Any]]]:
    """Return all pictures as rows, which are made in parts of ``size``.

    Raises:
        ValueError: A path is too long; at once, before any part is made.
    """
    assert pictures.features is not None
    paths = [encode_path(path) for path in pictures.paths]
    fields = {
        FIELDS[name]: [None if one != one else one for one in values.tolist()]  # NaN
        for name, values in pictures.columns.items()
    }
    columns: dict[str, Any] = {"descriptor": pictures.features, "path": paths, **fields}
    ids = pictures.ids.tolist()
    return (
        [
            {"id": ids[row], **{name: values[row] for name, values in columns.items()}}
            for row in range(start, min(start + size, len(pictures)))
        ]
        for start in range(0, len(pictures), size)
    )


def as_pictures(rows: list[dict[str, Any]], width: int | None = None) -> Pictures:
    """Return rows as pictures, with descriptors (N, width) if a width is given."""
    features = None
    if width is not None:
        features = np.array([row["descriptor"] for row in rows], np.float32)
        features = features.reshape(len(rows), width)
    columns: dict[str, np.ndarray] = {
        name: np.array(
            [np.nan if row[field] is None else row[field] for row in rows], COLUMNS[name][0]
        )
        for name, field in FIELDS.items()
    }
    ids = np.array([row["id"] for row in rows], np.int64)
    return Pictures(ids, [decode_path(row["path"]) for row in rows], columns, features)
