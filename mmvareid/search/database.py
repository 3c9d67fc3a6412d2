"""Pictures of a gallery in a Milvus database: a file (Milvus Lite), a server or a cluster."""

import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from .columns import check_width
from .engines import ENGINES
from .milvus_connection import MilvusConnection
from .milvus_rows import KNOWN, as_pictures, as_rows, make_schema
from .milvus_text import FIELDS, filter_expression
from .storage import Filters, Found, Pictures

FORMAT = "1"  # of a collection
MOST = 16_384  # pictures that Milvus gives a query
_PREFIX = "mmvareid."
_WRITTEN, _ASKED = 1_000, 64  # pictures and queries in one message
_WAITS = (0.5, 2.0, 5.0)  # seconds before what failed is written again
# Candidates that HNSW looks at. Filters keep it from most of them: where a hundredth of 20,000 was
# left, it found 0.78 of the ten nearest by 128, 0.99 by 512 and all by 1,024.
_WIDTH, _WIDTH_FILTERED = 128, 2_048
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
        if engine not in ENGINES:
            raise ValueError(f"engine has to be one of {', '.join(ENGINES)}, but got {engine!r}")
        self.collection, self._engine = collection, engine
        self.most: int | None = MOST
        self.width: int | None = None
        self._creating = threading.Lock()
        self._connection = MilvusConnection(address, token, create)
        self._client = self._connection.client
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
        parts = as_rows(pictures, _WRITTEN)
        with self._creating:
            if not self._is_there():
                self._create(pictures.features.shape[1])
        check_width(pictures.features, self.width)  # another process may have begun it
        written = 0
        for rows in parts:
            try:
                self._upsert(rows)
            except OSError as error:
                raise OSError(
                    f"{written} of {len(pictures)} pictures were written, then {error}; those that "
                    "you add again with ids of your own will be there once"
                ) from error
            written += len(rows)

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
        starts = range(0, len(ids), MOST) if self._is_there() else ()
        parts = [ids[start : start + MOST].tolist() for start in starts]
        found = {
            row["id"]
            for part in parts
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
                output_fields=KNOWN + ["descriptor"] * with_features,
                search_params={"metric_type": "COSINE", "params": options},
            )
        return [self._found(hits, with_features) for hits in found]

    def distinct(self, name: str) -> list[int]:
        """Return the different values of a column, sorted; this reads the whole column."""
        field = FIELDS[name]
        return sorted({row[field] for part in self._iterate([field]) for row in part})

    def batches(self) -> Iterator[Pictures]:
        """Yield all pictures with their descriptors, in parts."""
        for part in self._iterate([*KNOWN, "descriptor"]):
            yield as_pictures(part, self.width)

    def close(self) -> None:
        """Close the connection; a file that no other gallery has open is free again."""
        self._connection.close()

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
        where = f"the collection {self.collection} of {self._connection.address}"
        own, version = said.get(f"{_PREFIX}fingerprint"), said.get(f"{_PREFIX}format")
        fields = {field["name"]: field for field in found["fields"]}
        if own is None or not {*KNOWN, "descriptor"} <= fields.keys():
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
        properties = {f"{_PREFIX}fingerprint": self.fingerprint, f"{_PREFIX}format": FORMAT}
        try:
            self._ask(
                "create_collection",
                schema=make_schema(self._client, self._connection.milvus.DataType, width),
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
            while part := self._connection.call(rows.next):
                yield part
        finally:
            rows.close()

    def _found(self, hits: list[dict[str, Any]], with_features: bool) -> Found:
        similarities = np.array([hit["distance"] for hit in hits], np.float32)
        rows = [{"id": hit["id"], **hit["entity"]} for hit in hits]
        return similarities, as_pictures(rows, self.width or 0 if with_features else None)

    def _ask(self, method: str, **arguments: Any) -> Any:
        """Call the client about the collection."""
        return self._connection.call(
            getattr(self._client, method), collection_name=self.collection, **arguments
        )
