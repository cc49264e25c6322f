"""A start that would take too much of a machine's memory is refused before anything is started."""

from __future__ import annotations

import mmap
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from kernel_tree import put

from tracer.buffer_sizes import (
    LEAST_BUFFER_BYTES,
    LEAST_QUEUE_BYTES,
    MOST_BUFFER_BYTES,
    MOST_QUEUE_BYTES,
    packing_bytes,
)
from tracer.check import facts
from tracer.errors import CannotTraceError
from tracer.jobs import recording
from tracer.jobs.record_options import RecordOptions
from tracer.kernel.access import Requirement
from tracer.probes.compiling import COMPILER_BYTES
from tracer.probes.transport import Transport
from tracer.recorder.footprint import FILE_BYTES, RUNNING_BYTES, STARTING_BYTES
from tracer.recorder.memory_need import MemoryNeed
from tracer.recorder.starting import Start, Wish, look_before_start, may_start
from tracer.terminal.messages import Messages

MIB = 1 << 20
VERBOSE = Messages(verbose=True)
COMPILING = COMPILER_BYTES + STARTING_BYTES + FILE_BYTES + LEAST_BUFFER_BYTES
"""What starting takes with the smallest buffers by default."""


def record_options(output: Path) -> RecordOptions:
    """Those of `record -o OUTPUT --no-cache`, as far as anything asks for them before it starts."""
    unasked = {field.name: None for field in fields(RecordOptions)}
    return RecordOptions(**unasked | {"output": output, "cached": False, "force_start": False, "quiet": True})


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """One of 2 CPUs whose memory is not known."""
    put(tmp_path, "/sys/devices/system/cpu/online", "0-1\n")
    return tmp_path


def put_available(root: Path, size_bytes: int) -> None:
    put(root, "/proc/meminfo", f"MemAvailable:  {size_bytes >> 10} kB\n")


def start(root: Path, wish: Wish | None = None, *, force: bool = False, say: Messages = VERBOSE) -> Start:
    wish = wish or Wish(transport=Transport.RING)
    return look_before_start(wish, say, force=force, root=root)


def refusal(root: Path, wish: Wish) -> str:
    with pytest.raises(CannotTraceError) as error:
        start(root, wish)
    return str(error.value)


def test_nothing_is_started_where_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise CannotTraceError("too much")

    def started() -> None:
        raise AssertionError("a child was started")

    monkeypatch.setattr(recording, "look_before_start", no_room)
    monkeypatch.setattr(recording, "Loader", started)
    with pytest.raises(CannotTraceError, match="too much"):
        recording.run(record_options(tmp_path / "x.rtrace"))
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_costs_no_numpy() -> None:
    code = "import sys, tracer.jobs.recording; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_in_a_small_guest_the_compiler_is_too_much(machine):
    put_available(machine, 47 * MIB)
    with pytest.raises(CannotTraceError) as error:
        start(machine)
    assert str(error.value) == (
        "starting takes up to 178 MiB (compiler 144, tracer 32, buffers 2) of 47 MiB available (MemAvailable), "
        "more than half: free some memory, or start all the same with --force-start"
    )
    assert error.value.exit_code == 3


@pytest.mark.parametrize(("beyond", "starts"), [(0, True), (-1024, False)])
def test_exactly_half_is_the_bound(machine, beyond, starts):
    wish = Wish(LEAST_BUFFER_BYTES, LEAST_QUEUE_BYTES, Transport.RING)
    put_available(machine, 2 * COMPILING + beyond)
    if starts:
        assert start(machine, wish).buffer_bytes == LEAST_BUFFER_BYTES
    else:
        assert "more than half" in refusal(machine, wish)


def test_forced_it_starts_and_says_what_it_takes_of_what(machine, capsys):
    put_available(machine, 47 * MIB)
    assert start(machine, force=True, say=Messages()).buffer_bytes == LEAST_BUFFER_BYTES
    said = capsys.readouterr().err
    assert said.startswith("Memory is short: starting takes up to 178 MiB")
    assert said.count("\n") == 1


def test_where_memory_is_not_known_it_starts_with_the_usual_buffers_and_says_so(machine, capsys):
    got = start(machine, say=Messages())
    assert (got.buffer_bytes, got.queue_bytes) == (MOST_BUFFER_BYTES, MOST_QUEUE_BYTES)
    assert got.room.available_bytes is None
    assert capsys.readouterr().err == (
        "Memory is not known: starting takes up to 192 MiB (compiler 144, tracer 32, buffers 16); "
        "nothing tells how much is available\n"
    )


@pytest.mark.parametrize(("times", "said"), [(3, "Memory is short: "), (5, "")])
def test_without_being_asked_it_speaks_only_where_it_is_tight(machine, capsys, times, said):
    put_available(machine, times * COMPILING)
    start(machine, Wish(LEAST_BUFFER_BYTES, LEAST_QUEUE_BYTES, Transport.RING), say=Messages())
    assert capsys.readouterr().err.startswith(said)
    assert bool(said) == (times == 3)
    start(machine, Wish(LEAST_BUFFER_BYTES, LEAST_QUEUE_BYTES, Transport.RING), say=VERBOSE)
    assert "starting takes up to 178 MiB (compiler 144, tracer 32, buffers 2)" in capsys.readouterr().err


def test_the_advice_is_the_least_that_makes_it_fit(machine):
    big = Wish(256 * MIB, 64 * MIB, Transport.RING)
    put_available(machine, 2 * (COMPILING - COMPILER_BYTES) + 700 * MIB)
    assert ": use compiled programs (--programs FILE), or start " in refusal(machine, big)
    put_available(machine, 2 * COMPILING)
    assert ": use smaller buffers (--buffer-size 1 --queue-size 1), or start " in refusal(machine, big)
    put_available(machine, COMPILING)
    assert ": use compiled programs (--programs FILE) and smaller buffers" in refusal(machine, big)


def test_with_carried_programs_the_compiler_does_not_count(machine):
    put_available(machine, 2 * (COMPILING - COMPILER_BYTES))
    assert "compiler" in refusal(machine, Wish(LEAST_BUFFER_BYTES, LEAST_QUEUE_BYTES, Transport.RING))
    start(machine, Wish(LEAST_BUFFER_BYTES, LEAST_QUEUE_BYTES, Transport.RING, compiles=False))


def test_explicit_sizes_win(machine):
    put_available(machine, 1 << 40)
    got = start(machine, Wish(MIB, 5 * MIB, Transport.RING))
    assert (got.buffer_bytes, got.queue_bytes) == (MIB, 5 * MIB)


def test_perf_buffers_are_one_for_each_cpu(machine):
    put_available(machine, 47 * MIB)
    assert start(machine, Wish(transport=Transport.PERF), force=True).buffer_bytes == 2 * LEAST_BUFFER_BYTES


def test_what_the_process_has_already_is_not_needed_again(machine):
    sizes = {"compiles": False, "buffer_bytes": 2 * MIB, "queue_bytes": 3 * MIB, "root": machine}
    whole = MemoryNeed.of(**sizes).peak_bytes
    put(machine, "/proc/self/statm", "9000 2560 1280 1 0 900 0\n")
    assert MemoryNeed.of(**sizes).peak_bytes == whole - 2560 * mmap.PAGESIZE
    put(machine, "/proc/self/statm", "9000 900000 800000 1 0 900 0\n")
    left = MemoryNeed(0, 0, 0, sizes["buffer_bytes"], sizes["queue_bytes"] + packing_bytes(sizes["queue_bytes"]))
    assert MemoryNeed.of(**sizes) == left
    for text in ("", "x y z", "1", "1 -5 3"):
        put(machine, "/proc/self/statm", text)
        assert MemoryNeed.of(**sizes).peak_bytes == whole


def test_while_it_runs_queue_and_packing_count_instead_of_the_compiler():
    need = MemoryNeed(compiler=0, starting=10 * MIB, running=20 * MIB, buffer=2 * MIB, queue=4 * MIB, load=128 * MIB)
    assert str(need) == "154 MiB (tracer 20, buffers 6, load 128)"
    assert RUNNING_BYTES < STARTING_BYTES


def test_check_says_the_same_and_how_to_mend_it(machine):
    wish = Wish(transport=Transport.RING)
    # GIVEN a process that has much already, of which the recorder's will have nothing
    put(machine, "/proc/self/statm", "9000 9000 4500 1 0 900 0\n")
    put_available(machine, 47 * MIB)
    told, advice = may_start(wish, machine)
    assert told == "178 MiB (compiler 144, tracer 32, buffers 2) of 47 MiB available (MemAvailable), more than half"
    assert advice == "free some memory, or --force-start"
    put_available(machine, 1 << 40)
    assert not may_start(wish, machine).advice


def test_check_compiles_nothing_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch):
    def compiled(*_: object) -> None:
        raise AssertionError("programs were compiled")

    monkeypatch.setattr(facts, "Probes", compiled)
    monkeypatch.setattr(facts, "requirements", lambda: ())
    found = facts.gather(further=(Requirement("memory", False, "tracing takes too much", "--force-start"),))
    assert not found.can_trace
    assert not found.plan_tried
