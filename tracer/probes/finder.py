"""Finding the distribution's bcc from any Python 3, and telling it from the unrelated package of that name on PyPI."""

from __future__ import annotations

import importlib.util
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

from ..errors import RAISE_MEMORY_LIMIT, CannotTraceError, is_out_of_memory

SYSTEM_PACKAGES: Final = (
    "/usr/lib/python3/dist-packages",
    "/usr/lib/python3.*/dist-packages",
    "/usr/lib/python3.*/site-packages",
    "/usr/lib64/python3.*/site-packages",
    "/usr/local/lib/python3.*/dist-packages",
    "/usr/local/lib/python3.*/site-packages",
)
"""Where distributions (Debian's first, then Fedora's and Arch's) and `make install` put bcc's Python part."""

_PRIVATE_NAME: Final = "_reclaim_tracer_bcc"
"""bcc is loaded under a name of our own, so that another package called bcc can stay what it is."""
_VERSION: Final = re.compile(r"__version__\s*=\s*['\"]([^'\"]+)")


@dataclass(frozen=True)
class BccStatus:
    """Whether bcc can be used. `path` is its package directory; `impostor_path` that of another package named bcc."""

    found: bool
    version: str = ""
    path: Path | None = None
    impostor_path: Path | None = None
    reason: str = ""
    fix: str = ""


def bcc_status() -> BccStatus:
    """How bcc stands on this machine; loads its library to know, and imports no impostor."""
    genuine, impostor = locate()
    if genuine is None:
        return BccStatus(False, impostor_path=impostor, reason=_why_missing(impostor), fix=_fix())
    version = _version(genuine)
    try:
        _load(genuine)
    except (ImportError, OSError, AttributeError, SyntaxError, MemoryError) as error:
        reason = f"{genuine} does not load: {error}"
        fix = RAISE_MEMORY_LIMIT if is_out_of_memory(error) else _fix()
        return BccStatus(False, version, genuine, impostor, reason, fix)
    return BccStatus(True, version, genuine, impostor)


def load_bcc() -> ModuleType:
    """bcc's Python module. Raises CannotTraceError with what to install."""
    status = bcc_status()
    if not status.found or status.path is None:
        install = f"install it with: {status.fix} (or carry compiled programs along: record --programs)"
        advice = status.fix if status.fix == RAISE_MEMORY_LIMIT else install
        raise CannotTraceError(f"bcc: {status.reason}; {advice}")
    return _load(status.path)


def locate(
    own_path: Iterable[str] | None = None, system: Iterable[str] = SYSTEM_PACKAGES
) -> tuple[Path | None, Path | None]:
    """bcc's package directory and an impostor's, without importing anything; this Python's own path comes first."""
    genuine = impostor = None
    for parent in (*map(Path, sys.path if own_path is None else own_path), *_expand(system)):
        package = parent / "bcc"
        if not (package / "__init__.py").is_file():
            continue
        if (package / "libbcc.py").is_file():
            genuine = genuine or package
        else:
            impostor = impostor or package
    return genuine, impostor


def _expand(patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)


@cache
def _load(package: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        _PRIVATE_NAME, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    if spec is None or spec.loader is None:
        raise ImportError("not a Python package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PRIVATE_NAME] = module
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn about escape sequences in bcc's source.
            warnings.simplefilter("ignore", SyntaxWarning)
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_PRIVATE_NAME]
        raise
    if not hasattr(module, "BPF"):
        raise ImportError("it has no BPF class")
    return module


def _version(package: Path) -> str:
    try:
        match = _VERSION.search((package / "version.py").read_text())
    except OSError:
        return ""
    return match[1] if match else ""


def _why_missing(impostor: Path | None) -> str:
    if impostor is None:
        return "not installed"
    return f"not installed ({impostor} is an unrelated PyPI package of that name)"


def _fix() -> str:
    # It brings the schema and with it numpy, which the compiling child has no use for.
    from ..kernel.remedies import install_bcc_command

    return install_bcc_command()
