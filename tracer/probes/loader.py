"""Programs into the kernel: from a file that was carried along, from this machine's cache, or compiled now."""

from __future__ import annotations

from typing import Self

from .carried.install import install
from .compiling import Compiler
from .request import Loaded, LoadRequest

COMPILED = "compiled"


class Loader:
    """Gets ready to load from here on, while its owner finds out what. A context manager."""

    def __init__(self) -> None:
        """Raises CannotTraceError where the compiler can't be started."""
        self._compiler: Compiler | None = Compiler()

    def load(self, request: LoadRequest) -> Loaded:
        """Do it, once. Raises CannotTraceError, CompileError among them."""
        with self:
            assert self._compiler is not None
            loaded = install(self._compiler.compile(request), request)
            loaded.way = COMPILED
            return loaded

    def close(self) -> None:
        """End the compiler if it is still there; idempotent."""
        if self._compiler is not None:
            self._compiler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
