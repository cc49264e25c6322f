"""Programs into the kernel: from a file that was carried along, from this machine's cache, or compiled now."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from typing import Self

from ..errors import CannotTraceError, shown
from ..kernel.answers import Answers, remembering
from .carried.cache import Cache
from .carried.entry import Entry
from .carried.install import install
from .carried.programs_file import ProgramsFile
from .compiling import Compiler
from .finder import locate
from .request import Loaded, LoadRequest


class Way(StrEnum):
    """How programs came."""

    COMPILED = "compiled"
    CACHE = "cache"
    FILE = "file"


def may_compile(carried: ProgramsFile | None, cache: Cache | None) -> bool:
    """Whether programs will have to be compiled, as far as that can be said before it is known which are needed."""
    if carried is not None:
        return False
    file = cache.read() if cache else None
    return file is None or not any(made.release == os.uname().release for made in file.purposes)


class Loader:
    """Gets ready to load from here on, while its owner finds out what. A context manager.

    Without a file or a cache that may do, a compiler starts at once, so that it is ready when it is wanted. With a
    cache, what a plan asks about the kernel meanwhile is answered from the last start where it still holds.
    """

    def __init__(
        self,
        carried: ProgramsFile | None = None,
        cache: Cache | None = None,
        say: Callable[[str], None] = lambda _: None,
        before_compiling: Callable[[], None] = lambda: None,
    ) -> None:
        """`say` tells what deserves a line; `before_compiling` may object to a compiler that is needed after all.

        Raises CannotTraceError where the compiler can't be started.
        """
        self._carried, self._cache, self._say, self._before_compiling = carried, cache, say, before_compiling
        self._compiler: Compiler | None = None
        self._answers = cache.answers() if cache else Answers()
        self._asking = ExitStack()
        if cache:
            self._asking.enter_context(remembering(self._answers))
        if may_compile(carried, cache):
            self._compiler = Compiler()

    def load(self, request: LoadRequest) -> Loaded:
        """Do it, once. Raises CannotTraceError, CompileError among them, and RecordingError for a damaged file."""
        with self:
            entry, way = self._find(request)
            loaded = install(entry, request)
            loaded.way = way
            if self._cache and self._answers.is_new:
                self._cache.keep_answers(self._answers)
        return loaded

    def close(self) -> None:
        """End the compiler if it is still there, and let go of what was read; idempotent."""
        self._asking.close()
        self._answers, self._carried = Answers(), None
        if self._compiler is not None:
            self._compiler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find(self, request: LoadRequest) -> tuple[Entry, Way]:
        """A file that does not fit is told, and so is what comes instead."""
        misfit = ""
        if self._carried is not None:
            if entry := self._carried.find(request):
                return entry, Way.FILE
            misfit = f"{shown(self._carried.path)} does not fit: {self._carried.why_none(request)}"
        if self._cache and (entry := self._cache.find(request)):
            self._tell(misfit, "taking the cache's")
            return entry, Way.CACHE
        if misfit and locate()[0] is None:
            raise CannotTraceError(f"{misfit}; bcc, which could compile them, is not installed")
        self._tell(misfit, "compiling")
        return self._compile(request), Way.COMPILED

    def _compile(self, request: LoadRequest) -> Entry:
        if self._compiler is None:
            self._before_compiling()
            self._compiler = Compiler()
        entry = self._compiler.compile(request)
        if self._cache:
            self._cache.keep(entry)
        return entry

    def _tell(self, misfit: str, instead: str) -> None:
        if misfit:
            self._say(f"{misfit}; {instead}")
