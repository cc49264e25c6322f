"""From other tools' text to a recording: the labelled traces repeated in time, and what peers print of a reclaim storm.

Every import is a process of its own (`python -m tests.bench.importing TEXT`). Peers only turn their own recordings into
the text that is then imported: equal content, measured in the same turns.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

from ..fuzz.trace_dat import PARTS, page, trace_dat
from ..golden.cases import TEXTS, all_cases
from .analysis import perf_data
from .measure import CannotRunError, choose_cpus, interleave, pinned
from .rows import Row, Subject
from .setting import Setting
from .tracers import ROOT, child_cpu_s

GROUP = "Importing other tools' traces"
_TIME = re.compile(rb"(?m)(\] (?:[^\s:]+ )? *)(\d+)(\.\d{6}: )")
_UNIT = "thousand lines/s"
_RECLAIMS = 34
"""Direct reclaims of three events each that a page of trace.dat holds."""
_BEGIN_NS, _PAGE_NS = 10**9, 4_000_000


def rows(setting: Setting) -> Iterator[Row]:
    """Speed and memory alone, and speed beside `trace-cmd report` and `perf script`."""
    yield from _labelled(setting)
    for name, peer, show in (
        ("import_vs_trace_cmd", "trace-cmd report", _trace_cmd_report),
        ("import_vs_perf_script", "perf script", _perf_script),
    ):
        note = "The peer prints the text that ours imports."
        subject = Subject(name, GROUP, "lines of a reclaim storm in a second of CPU time", _UNIT, True, note=note)
        try:
            yield _beside(setting, subject, peer, show(setting))
        except CannotRunError as error:
            yield subject.not_measured(peer, f"{peer} can't run here: {error}")


def _labelled(setting: Setting) -> Iterator[Row]:
    path = setting.folder / "labelled.txt"
    lines = repeat_labelled(path, setting.size(3_800_000, 40_000))
    speed = Subject(
        "import_klines", GROUP, f"lines of the labelled traces, repeated to {lines:,}, in a second of CPU time", _UNIT,
        True, budget="700 thousand lines/s",
    )  # fmt: skip
    found = [import_here(path) for _ in range(setting.size(3, 1))]
    yield speed.alone([lines / cpu_s / 1e3 for lines, cpu_s, _ in found])
    memory = Subject("import_growth", GROUP, "memory that this import adds at its peak", "MiB")
    yield memory.alone([growth / 2**20 for *_, growth in found])
    path.unlink()


def _beside(setting: Setting, subject: Subject, peer: str, command: list[str | Path]) -> Row:
    path = setting.folder / "shown.txt"
    with path.open("wb") as shown:
        subprocess.run(command, stdout=shown, stderr=subprocess.DEVNULL, check=True)

    def ours() -> float:
        lines, cpu_s, _ = import_here(path)
        return lines / cpu_s / 1e3

    def theirs(lines: int) -> float:
        with child_cpu_s() as used:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return lines / used() / 1e3

    lines = path.read_bytes().count(b"\n")
    found = interleave(setting.size(5, 1), {"ours": ours, "peer": partial(theirs, lines)})
    path.unlink()
    return subject.against(peer, found["ours"], found["peer"])


def _trace_cmd_report(setting: Setting) -> list[str | Path]:
    """Of a file that is made here: the kernels of many containers refuse to record one."""
    if shutil.which("trace-cmd") is None:
        raise CannotRunError("trace-cmd is not installed")
    path = setting.folder / "trace.dat"
    pages = (page(_BEGIN_NS + number * _PAGE_NS, _RECLAIMS) for number in range(setting.size(4000, 100)))
    path.write_bytes(trace_dat(PARTS, [b"".join(pages)]))
    return ["trace-cmd", "report", "-t", "-i", path]


def _perf_script(setting: Setting) -> list[str | Path]:
    data, _ = perf_data(setting)
    fields = ["--ns", "--show-lost-events", "--fields", "comm,pid,tid,cpu,time,event,trace"]
    return ["perf", "script", *fields, "--header", "-i", data]


def repeat_labelled(path: Path, least: int) -> int:
    """Write the labelled traces one after another, again and again, each later than the one before; gives the lines."""
    texts = [_text(case.source) for case in all_cases() if case.source.match(TEXTS)]
    lines, after_s = 0, 0
    with path.open("wb") as target:
        for text in cycle(texts):
            times = [int(match[2]) for match in _TIME.finditer(text)]
            shift_s = after_s - min(times)
            target.write(
                _TIME.sub(lambda match, by=shift_s: b"%b%d%b" % (match[1], int(match[2]) + by, match[3]), text)
            )
            after_s += max(times) - min(times) + 2
            lines += text.count(b"\n")
            if lines >= least:
                return lines
    raise AssertionError


def _text(source: Path) -> bytes:
    from tracer.imports.sources import open_source

    opened = open_source(str(source), lambda *_: None)
    text = b"\n".join(opened.blocks())
    opened.close()
    return text + b"\n"


def import_here(path: Path) -> tuple[int, float, int]:
    """Import one text in a process of its own: its lines, CPU time, and how many bytes the process grew at its peak."""
    command = [sys.executable, "-m", "tests.bench.importing", str(path)]
    lines, cpu_s, growth_bytes = json.loads(subprocess.check_output(pinned(choose_cpus().collector, command), cwd=ROOT))
    return lines, cpu_s, growth_bytes


def main(path: Path) -> None:
    """Import one text and print what it took: the process that is measured."""
    from tracer.imports import ImportRequest, import_trace

    from .analysis import memory_bytes

    before, start = memory_bytes("VmRSS"), time.process_time()
    output = path.with_suffix(".rtrace")
    result = import_trace(ImportRequest(str(path), output, force=True))
    cpu_s = time.process_time() - start
    output.unlink()
    print(json.dumps([result.lines, cpu_s, memory_bytes("VmHWM") - before]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
