"""Imports in tests: text in, events out, as lines that a person can compare with the text."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tracer.batch import Batch, LostStretch, Samples
from tracer.imports import ImportRequest, ImportResult, import_trace
from tracer.schema import KIND_BY_NUMBER
from tracer.store import Recording

DATA = Path(__file__).parent / "data" / "import"
GOLDEN = sorted(path for path in DATA.glob("*.txt"))
SYMBOL_FIELDS = ("shrink", "function", "cb")


@dataclass(frozen=True)
class Event:
    time_ns: int
    cpu: int
    tid: int
    tgid: int
    comm: str
    kind: str
    args: dict[str, int | str]

    def __str__(self) -> str:
        args = " ".join(f"{name}={value}" for name, value in self.args.items())
        return f"{self.time_ns} [{self.cpu}] {self.tid}/{self.tgid} {self.comm!r} {self.kind} {args}".rstrip()


@dataclass
class Imported:
    result: ImportResult
    recording: Recording
    events: list[Event]
    samples: list[Samples]
    lost: list[LostStretch]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def import_file(source: Path, target: Path, **options) -> Imported:
    result = import_trace(ImportRequest(str(source), target, force=True, **options))
    recording = Recording.open(target)
    items = list(recording.items())
    batch = Batch.concat([item for item in items if isinstance(item, Batch)])
    return Imported(
        result,
        recording,
        _events(batch, recording),
        [item for item in items if isinstance(item, Samples)],
        [item for item in items if isinstance(item, LostStretch)],
    )


def import_text(text: str | bytes, folder: Path, **options) -> Imported:
    source = folder / "trace.txt"
    source.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
    return import_file(source, folder / "out.rtrace", **options)


def _events(batch: Batch, recording: Recording) -> list[Event]:
    place = {name: {row: at for at, row in enumerate(rows.tolist())} for name, rows in batch.rows.items()}
    events = []
    for row in range(len(batch)):
        kind = KIND_BY_NUMBER[int(batch.header["kind"][row])].name
        at = place[kind][row]
        absent = recording.metadata.absent_fields.get(kind, ())
        args = {
            name: _shown(name, column[at].item(), recording.symbols)
            for name, column in batch.args[kind].items()
            if name not in absent
        }
        comm = batch.header["comm"][row].decode()
        numbers = (int(batch.header[name][row]) for name in ("time_ns", "cpu", "tid", "tgid"))
        events.append(Event(*numbers, comm, kind, args))
    return events


def _shown(name: str, value: int | bytes, symbols: dict[int, str]) -> int | str:
    if isinstance(value, bytes):
        return value.decode()
    if name in SYMBOL_FIELDS:
        return symbols.get(value, hex(value))
    return value


def golden_text(source: Path, folder: Path) -> str:
    imported = import_file(source, folder / "golden.rtrace")
    metadata = imported.recording.metadata
    absent = {kind: list(names) for kind, names in metadata.absent_fields.items()}
    head = [
        f"start {metadata.start_ns} cpus {metadata.cpus}",
        f"kernel {metadata.kernel_release or '-'} host {metadata.host or '-'}",
        *(f"{row.what}: {row.source} {row.reason}".rstrip() for row in metadata.plan if row.state.value == "used"),
        f"absent {absent}",
        f"unknown {dict(imported.result.unknown)}",
        *imported.result.remarks,
    ]
    return "\n".join([*head, "", *map(str, imported.events)]) + "\n"


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as scratch:
        for path in GOLDEN:
            path.with_suffix(".expected").write_text(golden_text(path, Path(scratch)))
            sys.stdout.write(f"{path.with_suffix('.expected')}\n")
