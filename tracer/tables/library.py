"""The libraries that come with the extra `export`."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any

from ..errors import TracerError


class _Refusing(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:  # noqa: ARG002 - the interface
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


def without_pandas() -> None:
    """Keep pyarrow from loading pandas in this process, which hands it no pandas objects and asks for none.

    pyarrow loads it with the first value that it converts, in case that is one: half a second of CPU time and 31 MiB.
    """
    sys.meta_path.insert(0, refusing := _Refusing())
    try:
        with suppress(ModuleNotFoundError):
            import_module("pyarrow").scalar(0)
    finally:
        sys.meta_path.remove(refusing)


def library(name: str) -> Any:  # noqa: ANN401 - a module without types
    """A module that the extra brings. Raises TracerError where it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise TracerError(f"{package} is not installed: pip install 'reclaim-tracer[export]'") from None
