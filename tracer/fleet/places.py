"""Where fragments lie: a folder here, or one on any file system that fsspec knows (`s3://bucket/fleet`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from ..errors import TracerError, printable
from ..outputs import make_folders, write_file

_SCHEME: Final = "://"


class Place(Protocol):
    """Files by their path below it. What is written is there whole, or not at all."""

    def write(self, name: str, data: bytes) -> None:
        """A file; it replaces what had its name. Raises TracerError."""

    def read(self, name: str) -> bytes:
        """All of a file. Raises OSError."""

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""

    def names(self, folder: str) -> Iterator[str]:
        """Names of the files in a folder, or in folders in it, as paths below it."""


def is_url(text: str) -> bool:
    """Whether it names something that only fsspec reaches."""
    return _SCHEME in text


def place(where: str) -> Place:
    """The place of that name. Raises TracerError where fsspec is needed and not there."""
    return _Remote(where) if is_url(where) else _Folder(Path(where))


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:
        path = self._root / name
        try:
            make_folders(path.parent)
        except OSError as error:
            raise TracerError(f"{printable(str(path.parent))}: can't make the folder: {error.strerror}") from error
        write_file(path, data, force=True, what="a fragment")

    def read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def holds(self, name: str) -> bool:
        return (self._root / name).is_file()

    def names(self, folder: str) -> Iterator[str]:
        top = str(self._root / folder)
        for at, _, files in os.walk(top):
            below = f"{at[len(top) + 1 :]}/" if len(at) > len(top) else ""
            for file in files:
                yield below + file


class _Remote:
    def __init__(self, url: str) -> None:
        self._system, self._root = file_system(url)

    def write(self, name: str, data: bytes) -> None:
        path, beside = f"{self._root}/{name}", f"{self._root}/{name}.{os.urandom(4).hex()}.part"
        try:
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(beside, data)
            self._system.mv(beside, path)
        except OSError as error:
            raise TracerError(f"{printable(path)}: can't write a fragment there: {error}") from error

    def read(self, name: str) -> bytes:
        data: bytes = self._system.cat_file(f"{self._root}/{name}")
        return data

    def holds(self, name: str) -> bool:
        return bool(self._system.isfile(f"{self._root}/{name}"))

    def names(self, folder: str) -> Iterator[str]:
        top = f"{self._root}/{folder}"
        found = self._system.find(top) if self._system.exists(top) else []
        cut = len(self._system._strip_protocol(top)) + 1  # noqa: SLF001 - fsspec's own way to a bare path
        for path in found:
            yield self._system._strip_protocol(path)[cut:]  # noqa: SLF001


def file_system(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL and the path in it. Raises TracerError where it, or what it needs, is not there."""
    try:
        core = import_module("fsspec.core")
    except ModuleNotFoundError:
        raise TracerError("fsspec is not installed: pip install 'reclaim-tracer[fleet]'") from None
    try:
        system, path = core.url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:
        raise TracerError(f"{printable(url)}: {error}") from error
    return system, path.rstrip("/")
