"""This machine's cache of compiled programs: one file, written after each compilation, read before the next.

Never read where somebody else may write, never an error of whoever records.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ...errors import TracerError
from ...kernel.answers import Answers, state_of_kernel
from ..request import LoadRequest
from .entry import Entry
from .file_format import ProgramsFileError, decode, encode
from .fit import does
from .programs_file import ProgramsFile
from .trust import read_trusted, why_unsafe

SYSTEM_FOLDER: Final = Path("/var/cache/reclaim-tracer")
MOST_ENTRIES: Final = 8
MOST_BYTES: Final = 4 << 20
_NAME: Final = "programs"
_ANSWERS: Final = "answers"
_READABLE: Final = 0o644
_PRIVATE: Final = 0o600
"""Where the kernel's functions are is a secret of whoever may read /proc/kallsyms: kptr_restrict."""


class Cache:
    """The file in a folder, by default root's, or the user's own."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or cache_folder()) / _NAME
        self._answers_path = self.path.with_name(_ANSWERS)
        self.refusal = ""

    def read(self) -> ProgramsFile | None:
        """The file, where there is one that can be used; `refusal` says why one that is there can't."""
        self.refusal = ""
        try:
            return ProgramsFile(self.path)
        except TracerError as error:
            self.refusal = str(error) if self.path.exists() else ""
            return None

    def find(self, request: LoadRequest) -> Entry | None:
        """An entry that serves a request; None where there is none, whatever the reason."""
        try:
            file = self.read()
            return file.find(request) if file else None
        except TracerError as error:
            self.refusal = str(error)
            return None

    def keep(self, entry: Entry) -> bool:
        """Put an entry first, and let go of what it replaces and of the oldest; False where that can't be."""
        try:
            self._write([entry, *(old for old in self._entries() if not does(entry.purpose, old.purpose))])
        except OSError:
            return False
        return True

    def answers(self) -> Answers:
        """What was found out about this kernel, in this state; none where it can't be read."""
        try:
            digest, _, text = read_trusted(self._answers_path).partition(b"\n")
        except TracerError:
            return Answers()
        known = _parsed(text) if hashlib.sha256(text).hexdigest().encode() == digest else {}
        return Answers(known["answers"] if known.get("state") == state_of_kernel() else {})

    def keep_answers(self, answers: Answers) -> None:
        """Have them for the next start; nothing happens where that can't be."""
        text = json.dumps({"state": state_of_kernel(), "answers": answers.asked}).encode()
        with suppress(OSError):
            self._replace(self._answers_path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text, _PRIVATE)

    def clean(self) -> int:
        """Remove the files; the bytes that they had. Raises OSError."""
        size = 0
        for path in (self.path, self._answers_path):
            with suppress(FileNotFoundError, NotADirectoryError):
                size += path.stat().st_size
                path.unlink()
        return size

    def _entries(self) -> list[Entry]:
        try:
            return decode(read_trusted(self.path))
        except (TracerError, ProgramsFileError):
            return []

    def _write(self, entries: list[Entry]) -> None:
        kept = entries[:MOST_ENTRIES]
        while len(data := encode(kept)) > MOST_BYTES and len(kept) > 1:
            kept.pop()
        self._replace(self.path, data, _READABLE)

    def _replace(self, path: Path, data: bytes, mode: int) -> None:
        """Under another name first: a reader finds the old file or the new one, whole. Raises OSError."""
        folder = path.parent
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if why_unsafe(folder.stat()):
            raise PermissionError(f"{folder}: others may write to it")
        fd, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=folder)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                os.fchmod(fd, mode)
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        known = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) and isinstance(known.get("answers"), dict) else {}


def cache_folder() -> Path:
    """Root's, also under sudo, or the user's own (XDG Base Directory Specification)."""
    if os.geteuid() == 0:
        return SYSTEM_FOLDER
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        return named / SYSTEM_FOLDER.name
    with suppress(KeyError):
        return Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".cache" / SYSTEM_FOLDER.name
    return Path(f"/nonexistent/{SYSTEM_FOLDER.name}")
