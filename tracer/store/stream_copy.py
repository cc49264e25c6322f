"""A stream's blocks as they come, in a file that can be read again."""

from __future__ import annotations

from pathlib import Path

from .blocks import BlockFile
from .decoding import ITEM_TYPES
from .format import BlockHeader
from .kept import Facts, append_facts


class StreamCopy:
    """Writes the events, readings and losses of a stream to a new file; several files' streams become one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BlockFile | None = None

    def describe(self, description: bytes) -> None:
        """As `Keeper.describe`; of several files' the first one's counts. Raises TracerError."""
        self._file = self._file or BlockFile(self._path, bytes(description), force=False)

    def take(self, header: BlockHeader, payload: bytes) -> None:
        """As `Keeper.take`. Raises TracerError."""
        if self._file and header.type in ITEM_TYPES:
            self._file.append_packed(header, payload)

    def missed(self) -> None:
        """What is missing is missing here, too."""

    def finish(self, facts: Facts) -> Path:
        """The file, closed, with the names that the stream has told. Raises TracerError."""
        if self._file:
            append_facts(self._file, facts)
            self._file.append_end()
            self._file.close()
        return self._path
