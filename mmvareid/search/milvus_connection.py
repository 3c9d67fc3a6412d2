"""A connection to a Milvus database, and its errors."""

import importlib
import importlib.util
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SECONDS = 10.0  # to wait for an answer when opening
_OPEN: Counter[str] = Counter()  # connections of this process to a file, by its path
_OPENING = threading.Lock()


class MilvusConnection:
    """A client of a database file, which takes one process at a time, or of a server.

    Args:
        address (str): A file's path that ends in .db, or ``http://host:19530``.
        token (str): ``user:password``, where the server asks for it.
        create (bool): Begin a file that is not there.

    Raises:
        FileNotFoundError: The file is not there, and is not to be created, or its folder is not.
        ImportError: pymilvus is not installed.
        OSError: The database does not answer, is no database, or another process has it open.
        ValueError: The address is of neither kind.
    """

    def __init__(self, address: str, token: str, create: bool) -> None:
        self._is_file, self._closed = "://" not in address, False
        self.milvus = _import_milvus(self._is_file)
        self.address = os.path.realpath(address) if self._is_file else address
        if self._is_file:
            _check_file(self.address, create)
        why = (
            "has another process opened it? A file takes one at a time, a server many"
            if self._is_file
            else "is the server running, and the address right?"
        )
        try:
            with _OPENING:
                self.client = self.milvus.MilvusClient(self.address, token=token, timeout=_SECONDS)
                _OPEN[self.address] += self._is_file
        except self.milvus.MilvusException as error:
            raise OSError(f"{self.address} cannot be opened ({_said(error)}); {why}") from error

    def call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """Call the client; its errors become an OSError that names the database."""
        try:
            return method(**arguments)
        except self.milvus.MilvusException as error:
            raise OSError(f"the database {self.address} failed: {_said(error)}") from error

    def close(self) -> None:
        """Close it; a file to which there is no other connection is free again."""
        self.client.close()
        with _OPENING:
            if self._is_file and not self._closed:
                self._closed = True
                _OPEN[self.address] -= 1
                if not _OPEN[self.address]:
                    # MilvusClient leaves the file's server running until the process ends.
                    manager = importlib.import_module("milvus_lite.server_manager")
                    manager.server_manager_instance.release_server(self.address)


def _check_file(path: str, create: bool) -> None:
    if not create and not os.path.exists(path):
        raise FileNotFoundError(f"the gallery {path} does not exist; extract makes one")
    if not path.endswith(".db"):
        raise ValueError(
            "a database has to be a file that ends in .db or an address such as "
            f"http://localhost:19530, but got {path}"
        )
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(f"the folder of {path} does not exist; make it first")


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
