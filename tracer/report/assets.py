"""The files a report is made of: template, style and script from `reports/`, and plotly from its Python package."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ..errors import TracerError
from ..resources import resource_dir
from .bundle import starting_with


@cache
def read(name: str) -> str:
    """A file of `reports/`. Raises TracerError when the installation lacks it."""
    path = resource_dir("reports") / name
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise TracerError(f"can't read {path}: {error.strerror}; install reclaim-tracer again") from error


@cache
def plotly_base64(kinds: frozenset[str]) -> str:
    """plotly.min.js for these kinds of chart, gzipped, as base64: 2 MB instead of 4.8.

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
