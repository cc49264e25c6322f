"""Tracepoints as tracefs describes them: where it is mounted, each event's fields, what a kernel lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..schema import KERNEL_FIELD, OWN_FIELDS, Kind
from .paths import ROOT, mounts, under

_FIELD: Final = re.compile(
    r"field:(?P<declaration>[^;]+);\s*offset:(?P<offset>\d+);\s*size:(?P<size>\d+);(?:\s*signed:(?P<signed>[01]);)?"
)
_DECLARATION: Final = re.compile(r"(?P<type>.*?)\s*(?P<name>\w+)(?P<array>\[[^\]]*\])?$")
_ID: Final = re.compile(r"^ID:\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Field:
    """One field of a tracepoint's record. `offset` and `size` are bytes; never assume them across kernels."""

    name: str
    type: str
    offset: int
    size: int
    signed: bool

    @property
    def data_loc(self) -> bool:
        """The four bytes at `offset` say where in the record the value is (`__data_loc`, `__rel_loc`)."""
        return self.type.startswith(("__data_loc ", "__rel_loc "))


@dataclass(frozen=True)
class TracepointFormat:
    """A tracepoint as its `format` file describes it, without the `common_*` fields."""

    name: str
    id: int
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


def find_tracefs(root: Path = ROOT) -> Path | None:
    """Where tracefs is mounted for this process, below `root`; None where it isn't. Says nothing about permissions."""
    table = mounts(root)
    point = next((mount.point for mount in table if mount.fstype == "tracefs"), None)
    if point is None:
        # debugfs mounts tracefs below itself when somebody looks there.
        debugfs = next((mount.point for mount in table if mount.fstype == "debugfs"), None)
        if debugfs is None or not _visible(under(root, debugfs) / "tracing" / "events"):
            return None
        point = f"{debugfs}/tracing"
    return under(root, point)


def parse_format(tracepoint: str, text: str) -> TracepointFormat:
    """Parse a `format` file; raises ValueError where it has no ID."""
    number = _ID.search(text)
    if number is None:
        raise ValueError(f"{tracepoint}: not a tracepoint format")
    fields = tuple(_parse_field(match) for match in _FIELD.finditer(text))
    own = tuple(field for field in fields if not field.name.startswith("common_"))
    return TracepointFormat(tracepoint, int(number[1]), own)


def tracepoint_format(tracepoint: str, root: Path = ROOT) -> TracepointFormat | None:
    """The running kernel's format of `category:name`; None where it can't be had: `why_absent` tells."""
    text, _ = _read_format(tracepoint, root)
    return None if text is None else parse_format(tracepoint, text)


def format_text(tracepoint: str, root: Path = ROOT) -> str | None:
    """The `format` file itself; None where it can't be had."""
    return _read_format(tracepoint, root)[0]


def print_format(tracepoint: str, root: Path = ROOT) -> str:
    """How the kernel prints the tracepoint's events, a C expression; empty where that can't be had."""
    text, _ = _read_format(tracepoint, root)
    return (text or "").partition("print fmt:")[2].strip()


def why_absent(tracepoint: str, root: Path = ROOT) -> str:
    """Why `tracepoint_format` gives None, in a few words; empty where it doesn't."""
    return _read_format(tracepoint, root)[1]


def missing_fields(kind: Kind, fmt: TracepointFormat) -> tuple[str, ...]:
    """The fields of `kind` that this tracepoint lacks, by the schema's names."""
    present = {field.name for field in fmt.fields}
    named = (name for name, _ in kind.fields if (kind.name, name) not in OWN_FIELDS)
    return tuple(name for name in named if KERNEL_FIELD.get(name, name) not in present)


def _read_format(tracepoint: str, root: Path) -> tuple[str | None, str]:
    mount = find_tracefs(root)
    if mount is None:
        return None, "tracefs is not mounted"
    category, _, name = tracepoint.partition(":")
    try:
        return (mount / "events" / category / name / "format").read_text(), ""
    except FileNotFoundError:
        return None, "this kernel has no such tracepoint"
    except PermissionError:
        return None, "tracefs is not readable for this user"
    except OSError as error:
        return None, f"tracefs: {error.strerror}"


def _parse_field(match: re.Match[str]) -> Field:
    declaration = match["declaration"].strip()
    parts = _DECLARATION.match(declaration)
    name, type_ = (parts["name"], parts["type"] + (parts["array"] or "")) if parts else (declaration, declaration)
    return Field(name, type_, int(match["offset"]), int(match["size"]), match["signed"] == "1")


def _visible(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True
