"""Where the files that are no Python are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from .errors import TracerError

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """The directory `bpf`, `docs` or `reports`. Raises TracerError when the installation lacks it."""
    candidates = (_PACKAGE / name, _PACKAGE.parent / name)
    for directory in candidates:
        if directory.is_dir():
            return directory
    raise TracerError(f"the installation is incomplete: no {name}/ in {_PACKAGE}; install reclaim-tracer again")
