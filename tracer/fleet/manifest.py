"""Which recordings a fleet has: a folder's, those that match a pattern, or a manifest's, which labels them, too."""

from __future__ import annotations

import csv
import glob
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError, printable
from ..labels import check_label
from .places import file_system, is_url

SUFFIX: Final = ".rtrace"
MANIFESTS: Final = (".csv", ".json", ".jsonl")
_PATH: Final = ("path", "recording", "file")
"""Columns that name the recording, the first that there is."""
_PATTERN: Final = frozenset("*?[")
_PART: Final = re.compile(rf"(.+)\.[0-9]{{4,}}{re.escape(SUFFIX)}", re.DOTALL)
_MOST_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Entry:
    """A recording as it was named, and labels that its manifest gives it, which come before its own."""

    source: str
    labels: Mapping[str, str] = field(default_factory=dict)


def entries_of(named: Sequence[str]) -> list[Entry]:
    """All recordings, each once, in order of their names. Raises UsageError where there is none, or a manifest is none.

    A manifest's own paths are relative to it.
    """
    found: dict[str, Entry] = {}
    for word in named:
        for entry in _entries(word):
            known = found.get(entry.source)
            if known is not None and known.labels and entry.labels and known.labels != entry.labels:
                raise UsageError(f"{printable(entry.source)} is named twice, with different labels")
            if known is None or entry.labels:
                found[entry.source] = entry
    if not found:
        raise UsageError(f"no recording ({SUFFIX}) was found in {printable(', '.join(named))}")
    return [found[source] for source in sorted(found)]


def _entries(word: str) -> Iterable[Entry]:
    if is_url(word):
        return _remote(word)
    path = Path(word)
    if path.is_dir():
        return map(Entry, _whole(str(each) for each in path.rglob(f"*{SUFFIX}")))
    if path.suffix.lower() in MANIFESTS:
        return _manifest(path)
    if _PATTERN & {*word} and not path.exists():
        return map(Entry, _whole(glob.glob(word, recursive=True)))  # noqa: PTH207 - a pattern may be absolute
    return [Entry(word)]


def _whole(paths: Iterable[str]) -> Iterator[str]:
    """Names of recordings: the files of one in several have one name."""
    yield from {_of_part(path) for path in paths}


def _of_part(path: str) -> str:
    match = _PART.fullmatch(path)
    whole = match and f"{match[1]}{SUFFIX}"
    return whole if whole and not Path(whole).exists() else path


def _remote(url: str) -> Iterator[Entry]:
    system, path = file_system(url)
    if path.endswith(SUFFIX) and not _PATTERN & {*path}:
        yield Entry(url)
        return
    pattern = path if _PATTERN & {*path} else f"{path}/**/*{SUFFIX}"
    for each in sorted(system.glob(pattern)):
        yield Entry(system.unstrip_protocol(each))


def _manifest(path: Path) -> list[Entry]:
    """Raises UsageError."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{printable(str(path))}: is larger than {_MOST_BYTES >> 20} MiB, so it is no manifest")
        text = path.read_text("utf-8-sig")
        rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _json_rows(text)
        return [_entry(row, path, number) for number, row in enumerate(rows, 1)]
    except OSError as error:
        raise UsageError(f"{printable(str(path))}: {error.strerror}") from error
    except (ValueError, RecursionError, csv.Error) as error:
        raise UsageError(f"{printable(str(path))}: is no manifest: {printable(str(error))}") from error


def _csv_rows(text: str) -> Iterator[Mapping[str, Any]]:
    return iter(csv.DictReader(io.StringIO(text), strict=True))


def _json_rows(text: str) -> Iterator[Mapping[str, Any]]:
    """Objects of a list, or one a line."""
    whole = text.lstrip()
    rows: Any = (
        json.loads(whole) if whole.startswith("[") else [json.loads(line) for line in whole.splitlines() if line]
    )
    for row in rows:
        if not isinstance(row, dict):
            raise ValueError("each recording must be an object")
        yield row


def _entry(row: Mapping[str, Any], manifest: Path, number: int) -> Entry:
    name = next((column for column in _PATH if row.get(column)), None)
    if name is None:
        raise ValueError(f"row {number} names no recording: it needs a `path`")
    where = str(row[name])
    source = where if is_url(where) else str(manifest.parent / where)
    labels = {}
    for key, value in row.items():
        if key == name or value in (None, ""):
            continue
        if not isinstance(key, str) or isinstance(value, (list, dict)):
            raise ValueError(f"row {number} has more columns than the first line, or no plain values")
        told = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            check_label(key, told)
        except UsageError as error:
            raise ValueError(f"row {number}: {error}") from error
        labels[key] = told
    return Entry(source, labels)
