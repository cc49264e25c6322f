"""The files a page is made of: styles and scripts from `reports/`, and plotly from its Python package."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ..errors import TracerError
from ..resources import resource_dir
from .bundle import starting_with

_STYLES: Final = ("palette.css", "base.css", "tables.css", "charts.css")
_LAST_STYLES: Final = ("narrow.css", "print.css")
_SCRIPTS: Final = (
    "data.js",
    "view.js",
    "charts.js",
    "tables.js",
    "levels.js",
    "axis.js",
    "gestures.js",
    "rows.js",
    "diagram.js",
)
_LAST_SCRIPTS: Final = ("start.js",)


def styles(own: Iterable[str]) -> str:
    """The page's style: what all pages share, `own` files, then what small screens and paper change."""
    return "".join(_read("style", name) for name in (*_STYLES, *own, *_LAST_STYLES))


def scripts(own: Iterable[str]) -> str:
    """The page's script, one scope for all files: what all pages share, `own` files, then the start."""
    files = "".join(_read("script", name) for name in (*_SCRIPTS, *own, *_LAST_SCRIPTS))
    return f'"use strict";\n(() => {{\n{files}}})();\n'


@cache
def _read(folder: str, name: str) -> str:
    path = resource_dir("reports") / folder / name
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise TracerError(f"can't read {path}: {error.strerror}; install reclaim-tracer again") from error


@cache
def plotly_base64(kinds: frozenset[str]) -> str:
    """plotly.min.js for these kinds of chart, gzipped, as base64: 0.5 MB instead of 4.8.

    The Python package is looked up, not imported. Raises TracerError where there is none.
    """
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise TracerError("reports need plotly, which is not installed: pip install plotly")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    try:
        source = path.read_text("utf-8")
    except OSError as error:
        raise TracerError(f"can't read {path}: {error.strerror}; install plotly again") from error
    packed = gzip.compress(starting_with(source, kinds).encode(), 9, mtime=0)
    return base64.b64encode(packed).decode("ascii")


def csp_hash(script: str) -> str:
    """The Content-Security-Policy source that allows exactly this inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}'"
