"""Batches in, findings out: the one engine behind live view, replay, summary and report.

The names are loaded when they are first used: what findings mean (`findings.registry`) is to be had without numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bounds import numbers_of
    from .engine import Engine
    from .model import Analysis
    from .options import Options
    from .stream.fields_read import NEVER_READ
    from .stream.pieces import Pieces, in_pieces
    from .summary import summary_dict

__all__ = ["NEVER_READ", "Analysis", "Engine", "Options", "Pieces", "in_pieces", "numbers_of", "summary_dict"]

_MODULES = {
    "NEVER_READ": "stream.fields_read",
    "Engine": "engine",
    "Analysis": "model",
    "Options": "options",
    "Pieces": "stream.pieces",
    "in_pieces": "stream.pieces",
    "numbers_of": "bounds",
    "summary_dict": "summary",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
