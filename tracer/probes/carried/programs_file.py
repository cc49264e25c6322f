"""A file of compiled programs on disk: opened only where it is safe and whole, searched for what a request wants."""

from __future__ import annotations

from pathlib import Path

from ...errors import RecordingError, shown
from ..request import LoadRequest
from .entry import Entry, Purpose
from .file_format import ProgramsFileError, decode, decode_purposes
from .fit import does, has_all, purpose_of, why_none_fits
from .trust import read_trusted


class ProgramsFile:
    """What was read of it when it was opened: nobody changes it afterwards."""

    def __init__(self, path: Path) -> None:
        """Raises UnsafeFileError, CannotTraceError, RecordingError where it is damaged."""
        self.path = path
        self._data = read_trusted(path)
        try:
            self.purposes: list[Purpose] = decode_purposes(self._data)
        except ProgramsFileError as error:
            raise damaged(path, error) from error

    def find(self, request: LoadRequest) -> Entry | None:
        """An entry that serves a request; None where there is none. Raises RecordingError where one is damaged."""
        wanted = purpose_of(request)
        try:
            found = decode(self._data, lambda made: does(made, wanted))
        except ProgramsFileError as error:
            raise damaged(self.path, error) from error
        return next((entry for entry in found if has_all(entry, request)), None)

    def why_none(self, request: LoadRequest) -> str:
        """Why there is none, in words."""
        return why_none_fits(self.purposes, purpose_of(request))


def damaged(path: Path, error: ProgramsFileError) -> RecordingError:
    """The error that names the file."""
    return RecordingError(f"{shown(path)}: {error}")
