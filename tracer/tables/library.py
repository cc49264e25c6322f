"""The libraries that come with the extra `export`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import TracerError


def library(name: str) -> Any:  # noqa: ANN401 - a module without types
    """A module that the extra brings. Raises TracerError where it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise TracerError(f"{package} is not installed: pip install 'reclaim-tracer[export]'") from None
