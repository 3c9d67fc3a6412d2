"""Pictures of a gallery in a Milvus database: a file (Milvus Lite), a server or a cluster."""

import importlib
import importlib.util
import logging
import os
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .columns import COLUMNS
from .engines import ENGINES
from .storage import Filters, Found, Pictures

FORMAT = "1"  # of a collection
MOST = 16_384  # pictures that Milvus gives a query
_PREFIX = "mmvareid."
_FIELDS = {"persons": "person", "cameras": "camera", "viewpoints": "viewpoint", "times": "time"}
_KNOWN = ["id", "path", *_FIELDS.values()]
_WRITTEN, _ASKED = 1_000, 64  # pictures and queries in one message
_LONGEST = 65_535  # bytes of a path
_WAITS = (0.5, 2.0, 5.0)  # seconds before what failed is written again
_SECONDS = 10.0  # to wait for an answer when opening
# Candidates that HNSW looks at. Filters keep it from most of them: where a hundredth of 20,000 was
# left, it found 0.78 of the ten nearest by 128, 0.99 by 512 and all by 1,024.
_WIDTH, _WIDTH_FILTERED = 128, 2_048
_OPEN: Counter[str] = Counter()  # galleries of this process, by address
_OPENING = threading.Lock()
_INDEX = {
    "flat": ("FLAT", {}),
    "hnsw": ("HNSW", {"M": 32, "efConstruction": 200}),
    "ivf": ("IVF_FLAT", {"nlist": 4_096}),
}


class MilvusStorage:
    """A collection of a Milvus database.

    Several threads may use it, and of a server several processes; what one has added the others
    find. A database file takes one process at a time.

    Args:
        address (str): A file's path that ends in .db, or ``http://host:19530``.
        fingerprint (str | None): Of the model; None takes the collection's.
        collection (str): Its name.
        engine (str): Index of a collection that is yet to be made: 'auto' and 'hnsw' are HNSW,
            'ivf' is IVF, 'flat' is exact.
        token (str): ``user:password``, where the server asks for it.
        create (bool): Begin a collection that is not there.

    Raises:
        FileNotFoundError: The collection is not there, and is not to be created.
        ImportError: pymilvus is not installed.
        OSError: The database does not answer, is no database, or another process has it open.
        ValueError: The collection is of another model, of a later format, or not a gallery.
    """

    def __init__(
        self,
        address: str,
        fingerprint: str | None,
        collection: str = "people",
        engine: str = "auto",
        token: str = "",
        create: bool = True,
    ) -> None:
        self._is_file = "://" not in address
        self.address = os.path.realpath(address) if self._is_file else address
        self.collection = collection
        self._milvus = _import_milvus(self._is_file)
        if engine not in ENGINES:
            raise ValueError(f"engine has to be one of {', '.join(ENGINES)}, but got {engine!r}")
        self._engine = engine
        if self._is_file and not create and not os.path.exists(self.address):
            raise FileNotFoundError(f"the gallery {address} does not exist; extract makes one")
        self._closed = False
        self._client = self._open(token)
        self.most: int | None = MOST
        self._creating = threading.Lock()
        self.width: int | None = None
        try:
            self.fingerprint = self._check(fingerprint)
            if self.width is None and not create:
                known = ", ".join(self._client.list_collections()) or "none"
                raise FileNotFoundError(f"{address} has no collection {collection}, but {known}")
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        if not self._is_there():
            return 0
        found = self._ask("query", filter="", output_fields=["count(*)"])
        return int(found[0]["count(*)"])

    def new_ids(self, number: int) -> np.ndarray:
        """Return random ids (number,), since other processes draw theirs at the same time."""
        return np.array([secrets.randbits(61) for _ in range(number)], np.int64)

    def add(self, pictures: Pictures) -> None:
        """Write pictures, which are durable when this returns; one whose id is there is replaced.

        Raises:
            OSError: The database fails; how many were written is told.
            ValueError: A path is too long. Nothing is written then.
        """
        assert pictures.features is not None
        paths = [encode_path(path) for path in pictures.paths]
        with self._creating:
            if not self._is_there():
                self._create(pictures.features.shape[1])
        if pictures.features.shape[1] != self.width:
            raise ValueError(
                f"features have to have the gallery's {self.width} numbers, but got "
                f"{pictures.features.shape[1]}; another process began it with those"
            )
        fields = {
            _FIELDS[name]: [None if one != one else one for one in values.tolist()]  # NaN
            for name, values in pictures.columns.items()
        }
        for start in range(0, len(pictures), _WRITTEN):
            part = range(start, min(start + _WRITTEN, len(pictures)))
            rows = [
                {
                    "id": int(pictures.ids[row]),
                    "descriptor": pictures.features[row],
                    "path": paths[row],
                    **{name: values[row] for name, values in fields.items()},
                }
                for row in part
            ]
            try:
                self._upsert(rows)
            except OSError as error:
                raise OSError(
                    f"{start} of {len(pictures)} pictures were written, then {error}; those that "
                    "you add again with ids of your own will be there once"
                ) from error

    def _upsert(self, rows: list[dict[str, Any]]) -> None:
        """Write pictures; again after a while where the database fails, which adds none twice."""
        for seconds in _WAITS:
            try:
                return self._ask("upsert", data=rows)
            except OSError:
                time.sleep(seconds)
        return self._ask("upsert", data=rows)

    def remove(self, ids: np.ndarray) -> None:
        """Remove pictures, or raise KeyError if one is not there, and remove none."""
        parts = [ids[start : start + MOST].tolist() for start in range(0, len(ids), MOST)]
        found = {
            row["id"]
            for part in parts
            if self._is_there()
            for row in self._ask("query", filter=f"id in {part}", output_fields=["id"])
        }
        lost = [one for one in ids.tolist() if one not in found]
        if lost:
            raise KeyError(f"the gallery has no picture {lost[0]} ({len(lost)} such)")
        for part in parts:
            self._ask("delete", ids=part)

    def nearest(
        self, query: np.ndarray, k: int, filters: Filters, with_features: bool = False
    ) -> list[Found]:
        """Return up to k pictures for each query (Q, D).

        Raises:
            ValueError: k is more than Milvus gives.
        """
        if k > MOST:
            raise ValueError(f"k has to be at most {MOST} in a database, but got {k}")
        expression = filter_expression(filters)
        if expression is None or not self._is_there():
            return [self._found([], with_features) for _ in query]
        width = _WIDTH_FILTERED if expression else _WIDTH
        options = {"ef": max(k, width), "nprobe": width // 2}  # of HNSW, of IVF
        found = []
        for start in range(0, len(query), _ASKED):
            found += self._ask(
                "search",
                data=list(query[start : start + _ASKED]),
                limit=k,
                filter=expression,
                output_fields=_KNOWN + ["descriptor"] * with_features,
                search_params={"metric_type": "COSINE", "params": options},
            )
        return [self._found(hits, with_features) for hits in found]

    def distinct(self, name: str) -> list[int]:
        """Return the different values of a column, sorted; this reads the whole column."""
        field = _FIELDS[name]
        return sorted({row[field] for part in self._iterate([field]) for row in part})

    def batches(self) -> Iterator[Pictures]:
        """Yield all pictures with their descriptors, in parts."""
        for part in self._iterate([*_KNOWN, "descriptor"]):
            yield self._pictures(part, True)

    def close(self) -> None:
        """Close the connection; a file that no other gallery has open is free again."""
        self._client.close()
        with _OPENING:
            if self._is_file and not self._closed:
                self._closed = True
                _OPEN[self.address] -= 1
                if not _OPEN[self.address]:
                    # MilvusClient leaves the file's server running until the process ends.
                    manager = importlib.import_module("milvus_lite.server_manager")
                    manager.server_manager_instance.release_server(self.address)

    def _open(self, token: str) -> Any:
        if self._is_file and not self.address.endswith(".db"):
            raise ValueError(
                f"a database has to be a file that ends in .db or an address such as "
                f"http://localhost:19530, but got {self.address}"
            )
        if self._is_file and not Path(self.address).parent.is_dir():
            raise FileNotFoundError(f"the folder of {self.address} does not exist; make it first")
        why = (
            "has another process opened it? A file takes one at a time, a server many"
            if self._is_file
            else "is the server running, and the address right?"
        )
        try:
            with _OPENING:
                client = self._milvus.MilvusClient(self.address, token=token, timeout=_SECONDS)
                _OPEN[self.address] += self._is_file
                return client
        except self._milvus.MilvusException as error:
            raise OSError(f"{self.address} cannot be opened ({_said(error)}); {why}") from error

    def _is_there(self) -> bool:
        """Whether the collection exists; it may be another process that has begun it."""
        if self.width is None:
            self.fingerprint = self._check(self.fingerprint or None)
        return self.width is not None

    def _check(self, fingerprint: str | None) -> str:
        """Compare a collection that is there with what is expected; return its fingerprint."""
        if not self._ask("has_collection"):
            return fingerprint or ""
        found = self._ask("describe_collection")
        said = found.get("properties", {})
        where = f"the collection {self.collection} of {self.address}"
        own, version = said.get(f"{_PREFIX}fingerprint"), said.get(f"{_PREFIX}format")
        fields = {field["name"]: field for field in found["fields"]}
        if own is None or not {*_KNOWN, "descriptor"} <= fields.keys():
            raise ValueError(f"{where} has to be a gallery of mmvareid, but is not; take another")
        if version != FORMAT:
            raise ValueError(f"{where} is of format {version}, and {FORMAT} can be read")
        if fingerprint and own and fingerprint != own:  # '' is not known
            raise ValueError(
                f"{where} has descriptors of the model {own!r}, but got the model {fingerprint!r}; "
                "take another collection, or make it anew from its pictures"
            )
        self.width = int(fields["descriptor"]["params"]["dim"])
        if not self._ask("list_indexes"):  # another process was stopped while it began
            self._ask("create_index", index_params=self._index())
        self._ask("load_collection")
        return own

    def _create(self, width: int) -> None:
        kind = self._milvus.DataType
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", kind.INT64, is_primary=True)
        schema.add_field("descriptor", kind.FLOAT_VECTOR, dim=width)
        schema.add_field("path", kind.VARCHAR, max_length=_LONGEST)
        for name, field in _FIELDS.items():
            if COLUMNS[name][0] is np.int64:
                schema.add_field(field, kind.INT64)
            else:  # a server takes no NaN
                schema.add_field(field, kind.DOUBLE, nullable=True)
        properties = {f"{_PREFIX}fingerprint": self.fingerprint, f"{_PREFIX}format": FORMAT}
        try:
            self._ask(
                "create_collection",
                schema=schema,
                index_params=self._index(),
                properties=properties,
                consistency_level="Strong",  # what one process has added, another finds
            )
        except OSError:
            if not self._is_there():  # else another process was faster
                raise
        self._is_there()

    def _index(self) -> Any:
        index_type, options = _INDEX["hnsw" if self._engine == "auto" else self._engine]
        index = self._client.prepare_index_params()
        index.add_index("descriptor", index_type=index_type, metric_type="COSINE", params=options)
        return index

    def _iterate(self, fields: list[str]) -> Iterator[list[dict[str, Any]]]:
        if not self._is_there():
            return
        rows = self._ask("query_iterator", batch_size=_WRITTEN, output_fields=fields)
        try:
            while part := self._call(rows.next):
                yield part
        finally:
            rows.close()

    def _found(self, hits: list[dict[str, Any]], with_features: bool) -> Found:
        similarities = np.array([hit["distance"] for hit in hits], np.float32)
        rows = [{"id": hit["id"], **hit["entity"]} for hit in hits]
        return similarities, self._pictures(rows, with_features)

    def _pictures(self, rows: list[dict[str, Any]], with_features: bool) -> Pictures:
        return Pictures(
            np.array([row["id"] for row in rows], np.int64),
            [decode_path(row["path"]) for row in rows],
            {
                name: np.array(
                    [np.nan if row[field] is None else row[field] for row in rows],
                    COLUMNS[name][0],
                )
                for name, field in _FIELDS.items()
            },
            np.array([row["descriptor"] for row in rows], np.float32).reshape(
                len(rows), self.width or 0
            )
            if with_features
            else None,
        )

    def _ask(self, method: str, **arguments: Any) -> Any:
        """Call the client about the collection."""
        return self._call(
            getattr(self._client, method), collection_name=self.collection, **arguments
        )

    def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """Call the client; its errors become one that names the database."""
        try:
            return method(**arguments)
        except self._milvus.MilvusException as error:
            raise OSError(f"the database {self.address} failed: {_said(error)}") from error


def filter_expression(filters: Filters) -> str | None:
    """Return filters in Milvus's language; None where nothing can pass.

    >>> filter_expression(Filters.of((1, float("inf")), cameras=[1, 2]))
    'camera in [1, 2] and time >= 1.0'
    """
    parts = []
    for name, values in filters.members.items():
        if not len(values):
            return None
        parts.append(f"{_FIELDS[name]} in {values.tolist()}")
    if filters.not_cameras is not None:
        parts.append(f"camera not in {filters.not_cameras.tolist()}")
    if filters.times is not None:
        most = np.finfo(np.float64).max
        first, last = np.clip(filters.times, -most, most).tolist()
        if first > -most or last == most:  # one of both, so that unknown times do not pass
            parts.append(f"time >= {first!r}")
        if last < most:
            parts.append(f"time <= {last!r}")
    return " and ".join(parts)


def encode_path(path: str) -> str:
    """Return a path as UTF-8 can hold it: names of other bytes, and backslashes, are escaped.

    Raises:
        ValueError: It is too long.
    """
    text = path.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text.encode()) > _LONGEST:
        raise ValueError(f"a path has to have at most {_LONGEST} bytes, but got {path[:60]}...")
    return text


def decode_path(text: str) -> str:
    """Return the path of :func:`encode_path`."""
    return re.sub(r"\\(\\|u([0-9a-f]{4}))", lambda m: chr(int(m[2], 16)) if m[2] else "\\", text)


def _said(error: Exception) -> str:
    return str(getattr(error, "message", "")).strip() or type(error).__name__


def _import_milvus(is_file: bool) -> Any:
    for name in ("pymilvus", *["milvus_lite"] * is_file):
        if importlib.util.find_spec(name) is None:
            raise ImportError(f"this gallery needs {name}: pip install pymilvus milvus-lite")
    module = importlib.import_module("pymilvus")  # sets its level itself
    for name in ("pymilvus", "grpc._server"):  # they print what is also raised
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return module
