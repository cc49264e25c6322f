"""Compiled programs for guests without a compiler: described there, built here, kept beside the images."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .debian import run
from .guest import Guest
from .images import ROOT, cache_dir, kept, locked

PLACE: Final = "/run/reclaim-tracer.programs"
"""In the guest: only root may write there."""
_FACTS: Final = "/run/guest.facts"
_SOURCES: Final = ("bpf/**/*", "tracer/kernel/**/*.py", "tracer/probes/**/*.py", "tracer/*.py")
"""What a build depends on, and more: one too many takes seconds, one too few fits no kernel."""
_DESCRIBE_S: Final = 300


def carry(guest: Guest) -> None:
    """Put the programs for its kernel and its balloon's driver at PLACE, built where the cache lacks them.

    Raises LabError.
    """
    with locked():  # another checkout's run takes away what is not its own
        programs = _kept(guest).read_bytes()
    guest.write(PLACE, programs)


def _kept(guest: Guest) -> Path:
    family = f"programs-{guest.image.release}-{type(guest).__name__}"
    folder = kept(cache_dir() / f"{family}-{_digest()}", lambda into: _build(guest, into))
    for other in set(cache_dir().glob(f"{family}-*")) - {folder}:
        shutil.rmtree(other, ignore_errors=True)
    return folder / "programs"


def _build(guest: Guest, into: Path) -> None:
    guest.run("reclaim-tracer", "programs", "describe", "-o", _FACTS, timeout_s=_DESCRIBE_S)
    with tempfile.TemporaryDirectory(dir=into) as folder:
        facts = Path(folder) / "guest.facts"
        guest.fetch(_FACTS, facts)
        run([sys.executable, "-m", "tracer", "programs", "build", "-o", str(into / "programs"), "--for", str(facts)],
            cwd=ROOT)  # fmt: skip


def _digest() -> str:
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:10]


def _sources() -> Iterator[Path]:
    return (path for pattern in _SOURCES for path in sorted(ROOT.glob(pattern)) if path.is_file())
