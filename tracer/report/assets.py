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


@cache
def read(name: str) -> str:
    """A file of `reports/`. Raises TracerError when the installation lacks it."""
    path = resource_dir("reports") / name
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise TracerError(f"can't read {path}: {error.strerror}; install reclaim-tracer again") from error


@cache
def plotly_base64() -> str:
    """plotly.min.js, gzipped, as base64: 2 MB instead of 4.8. The Python package is looked up, not imported."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise TracerError("reports need plotly, which is not installed: pip install plotly")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    try:
        return base64.b64encode(gzip.compress(path.read_bytes(), 9, mtime=0)).decode("ascii")
    except OSError as error:
        raise TracerError(f"can't read {path}: {error.strerror}; install plotly again") from error


def csp_hash(script: str) -> str:
    """The Content-Security-Policy source that allows exactly this inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}'"
