"""Reading small kernel files below a root that tests can replace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

ROOT: Final = Path("/")

_OCTAL_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def under(root: Path, path: str) -> Path:
    """`path`, absolute on the machine, below `root`."""
    return root / path.lstrip("/")


def read_text(root: Path, path: str) -> str | None:
    """The file's text without surrounding blanks, or None where it can't be read."""
    try:
        return under(root, path).read_text(errors="replace").strip()
    except OSError:
        return None


@dataclass(frozen=True)
class Mount:
    """One line of /proc/self/mountinfo; `subtree` is the part of the file system that is mounted."""

    point: str
    subtree: str
    fstype: str
    options: tuple[str, ...]


def mounts(root: Path = ROOT) -> tuple[Mount, ...]:
    """What is mounted in this process's mount namespace, in the kernel's order; empty where /proc isn't."""
    return _parse_mounts(read_text(root, "/proc/self/mountinfo") or "")


@lru_cache(maxsize=1)
def _parse_mounts(text: str) -> tuple[Mount, ...]:
    """Who looks for tracefs looks for each tracepoint's."""
    return tuple(mount for mount in map(_parse_mount, text.splitlines()) if mount is not None)


def _parse_mount(line: str) -> Mount | None:
    fields, _, rest = line.partition(" - ")
    places, source = fields.split(), rest.split()
    if len(places) < 5 or len(source) < 3:
        return None
    return Mount(_unescape(places[4]), _unescape(places[3]), source[0], tuple(source[-1].split(",")))


def _unescape(path: str) -> str:
    return _OCTAL_ESCAPE.sub(lambda match: chr(int(match[1], 8)), path)


def number_list(text: str) -> tuple[int, ...]:
    """The numbers of a kernel list such as `0-3,8`; raises ValueError where it isn't one."""
    numbers: list[int] = []
    for part in text.replace(",", " ").split():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return tuple(numbers)
