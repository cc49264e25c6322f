"""What fuzzing feeds the importers, and what must hold of anything that they read.

An input is made by a number alone, so a finding is told by its kind and number. Every kind begins with what a tracer,
a host or a guest really writes; then bytes, numbers, values and lines are replaced by hostile ones.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import zstandard
from import_cases import DATA
from trace_dat import hostile_trace_dat

from tracer.batch import Batch
from tracer.errors import TracerError
from tracer.imports import ImportRequest, import_trace
from tracer.imports.lines import MOST_LINE_BYTES
from tracer.store import Recording

TEXTS = sorted(DATA.glob("*.txt"))
TRACE = "".join(
    f"   kworker/0:1-7   [000] .....  {100 + n}.020000: {event}\n"
    for n, event in enumerate(["virtballoon_changed: (ffffffffc079a770)", "leak_balloon: (ffffffffc079a770) num=1"] * 4)
)
HOST: list[Any] = [
    {"mono": 2100.2, "ev": "guest_ready", "guest": {"mono": 100.1, "real": 1795392715.0}},
    {"t": 3.5, "mono": 2100.3, "ev": "guest", "line": "sync 6.85 6.12.1"},
    {"mono": 2100.5, "ev": "query", "actual_mib": 1024.0, "target_mib": None},
    {"mono": 2102.0, "ev": "balloon_cmd", "target_mib": 400, "comment": "inflate"},
    {"mono": 2102.5, "real": 1795392717.0, "ev": "actual", "bytes": 1072693248},
    {"mono": 2103.0, "ev": "qmp_event", "event": {"event": "BALLOON_CHANGE", "data": {"actual": 734003200}}},
    {"mono": 2104.0, "ev": "set_target", "mib": 256},
]
SAMPLES: list[Any] = [
    {
        "mono": 100.0 + n,
        "real": 1795392715.0 + n,
        "vmstat": {"pgscan_direct": n, "balloon_inflate": n // 3},
        "meminfo_kb": {"MemTotal": 981460},
        "psi": {"memory.some_total_us": n},
    }
    for n in range(8)
]
NUMBERS = (
    b"0",
    b"-1",
    b"9" * 19,
    b"9" * 20,
    b"9" * 5000,
    b"0x" + b"f" * 17,
    b"1e400",
    b"nan",
    "٣".encode(),
    b"4294967296",
)
RUNS = (
    b" ",
    b"\t",
    b"\0",
    b"[",
    b"(",
    b"-1 ",
    b"a: ",
    b"> ",
    b"=",
    b"|A",
    b"\xff",
    b"\xe2\x82",
    b"9",
    b"a-1 ",
    b"1.1: ",
)
VALUES: tuple[Any, ...] = (
    *(None, True, "", "x", "\ud800", "\0\x1b[2J\n", "x" * 70_000, [], {}, [[]], {"a": 1}, {"mono": {}}),
    *(0, -1, 1 << 63, -(1 << 63), 1 << 64, 10**300, 1e308, -1e308, float("nan"), float("inf"), 0.1, 9e9, 8.9e9),
)
LINES = (
    b"",
    b"\r",
    b"\0" * 100,
    b"[" * 60_000,
    b'{"a":' * 60_000,
    b"9" * 6000,
    b'{"mono": 1e999}',
    b"null",
    b"{}",
    b"\xff\xfe{}",
)


@dataclass(frozen=True)
class Case:
    """One import: the source's bytes, and those of side files, where there are any."""

    source: bytes
    samples: bytes | None = None
    host_log: bytes | None = None

    def run(self, folder: Path) -> str:
        """Import it, read what came of it, and say how it went. AssertionError for what must not happen."""
        files = {}
        for name, data in (("source", self.source), ("samples", self.samples), ("host_log", self.host_log)):
            if data is not None:
                files[name] = folder / name
                files[name].write_bytes(data)
        out = folder / "out.rtrace"
        request = ImportRequest(
            str(files["source"]), out, True, samples=files.get("samples"), host_log=files.get("host_log")
        )
        try:
            return _taken(request)
        except TracerError as error:
            said = str(error)
            assert "\n" not in said, said
            assert len(said) < 2000, said
            return "refused"


def _taken(request: ImportRequest) -> str:
    result = import_trace(request)
    try:
        recording = Recording.open(request.output)
    except TracerError as error:
        raise AssertionError(f"wrote what can't be read: {error}") from error
    events = sum(len(item) for item in recording.items() if isinstance(item, Batch))
    assert events == result.events == recording.event_count
    assert not recording.bad_blocks
    assert all("\n" not in remark for remark in result.remarks), result.remarks
    return "imported"


def text_case(choose: random.Random) -> Case:
    """A tracer's text with hostile bytes, numbers and lines."""
    return Case(_hostile_text(choose))


def long_case(choose: random.Random) -> Case:
    """A tracer's text with ten equal lines as long as lines may be: in time that grows with their square they take
    more than MOST_CPU_S."""
    lines = _text(choose.choice(TEXTS)).splitlines(keepends=True)
    at = choose.randrange(len(lines))
    line, runs = lines[at], [choose.choice(RUNS) for _ in range(choose.choice([1, 1, 2, 3]))]
    place = choose.choice([0, line.find(b"-"), line.find(b"["), line.find(b": "), choose.randrange(len(line))])
    unit = b"".join(runs)
    filled = unit * ((MOST_LINE_BYTES - len(line)) // len(unit))
    lines[at : at + choose.choice([0, 1])] = [line[: max(0, place)] + filled + line[max(0, place) :]] * 10
    return Case(b"".join(lines))


def packed_case(choose: random.Random) -> Case:
    """The same, packed by gzip or zstd and damaged then, more often than not."""
    text = _hostile_text(choose)
    data = choose.choice([gzip.compress, zstandard.compress])(text)
    if choose.random() < 0.3:
        data += choose.choice([gzip.compress, zstandard.compress])(text)
    return Case(_edited(choose, data, choose.choice([0, 1, 1, 2])))


def host_case(choose: random.Random) -> Case:
    """A host's log with hostile values and lines."""
    return Case(TRACE.encode(), host_log=_hostile_json(choose, HOST))


def samples_case(choose: random.Random) -> Case:
    """A guest's counters with hostile values and lines, beside a host's log as often as not."""
    log = _hostile_json(choose, HOST) if choose.random() < 0.3 else None
    return Case(TRACE.encode(), _hostile_json(choose, SAMPLES), log)


def trace_dat_case(choose: random.Random) -> Case:
    """A file of trace-cmd's with hostile texts, lengths and pages."""
    return Case(hostile_trace_dat(choose))


KINDS: dict[str, Callable[[random.Random], Case]] = {
    "text": text_case,
    "long": long_case,
    "packed": packed_case,
    "trace_dat": trace_dat_case,
    "host": host_case,
    "samples": samples_case,
}


def case_of(kind: str, number: int) -> Case:
    """The input of that kind with that number."""
    return KINDS[kind](random.Random(f"{kind} {number}"))


@cache
def _text(path: Path) -> bytes:
    return path.read_bytes()


def _hostile_text(choose: random.Random) -> bytes:
    lines = _text(choose.choice(TEXTS)).splitlines(keepends=True)
    for _ in range(choose.randint(0, 4)):
        at = choose.randrange(len(lines))
        lines[at : at + choose.choice([0, 1])] = _hostile_lines(choose, lines)
    return _edited(choose, b"".join(lines), choose.choice([0, 0, 1, 3, 8]))


def _hostile_lines(choose: random.Random, lines: list[bytes]) -> list[bytes]:
    line = choose.choice(lines)
    how = choose.randrange(5)
    if how == 0:
        return [line] * choose.choice([2, 50])
    if how == 1:
        return [choose.choice(RUNS) * choose.choice([10, 1000, 8000]) + b"\n"]
    if how == 2:
        at = choose.randrange(len(line))
        return [line[:at] + choose.choice(RUNS) * choose.choice([3, 300, 8000]) + line[at:]]
    if how == 3:
        return [choose.choice(LINES) + b"\n"]
    return [_with_number(choose, line)]


def _with_number(choose: random.Random, line: bytes) -> bytes:
    digits = [at for at, byte in enumerate(line) if chr(byte).isdigit()]
    if not digits:
        return line
    start = end = choose.choice(digits)
    while start and line[start - 1 : start].isdigit():
        start -= 1
    while line[end : end + 1].isdigit():
        end += 1
    return line[:start] + choose.choice(NUMBERS) + line[end:]


def _edited(choose: random.Random, data: bytes, edits: int) -> bytes:
    changed = bytearray(data)
    for _ in range(edits):
        at, length = choose.randrange(len(changed) + 1), choose.randint(1, 200)
        changed[at : at + choose.choice([0, 1, length])] = choose.choice(
            [choose.randbytes(choose.randint(1, 9)), bytes(changed[:length]), b""]
        )
    if edits and choose.random() < 0.2:
        del changed[choose.randrange(len(changed) + 1) :]
    return bytes(changed)


def _hostile_json(choose: random.Random, records: list[Any]) -> bytes:
    records = json.loads(json.dumps(records)) * choose.choice([1, 1, 30])
    for _ in range(choose.choice([0, 1, 1, 2, 4])):
        parent, key = choose.choice(list(_places(records)))
        parent[key] = deepcopy(choose.choice(VALUES))
    lines = [
        json.dumps(record, ensure_ascii=choose.random() < 0.9).encode("utf-8", "surrogatepass") for record in records
    ]
    for _ in range(choose.choice([0, 0, 0, 0, 1])):
        lines.insert(choose.randint(0, len(lines)), choose.choice(LINES))
    mark = choose.choice([b"", b"", b"\xef\xbb\xbf"])
    return _edited(choose, mark + choose.choice([b"\n", b"\n", b"\r\n"]).join(lines), choose.choice([0, 0, 0, 0, 0, 1]))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in JSON that holds a value."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)
