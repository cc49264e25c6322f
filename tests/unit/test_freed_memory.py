"""Memory that was freed goes back to the kernel, also that of a heap in which something is still in use."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tracer import freed_memory
from tracer.freed_memory import GivingBack

PIECES, PIECE_BYTES = 640, 64 << 10
ALL_BYTES = PIECES * PIECE_BYTES
IN_A_THREAD = f"""
import threading
from tracer.freed_memory import GivingBack, give_back_freed_memory

held, may_end = [], threading.Event()

def resident():
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("RssAnon"))

def burst(holds):
    pieces = []
    for _ in range({PIECES}):
        pieces.append(bytearray(b"x" * {PIECE_BYTES}))
        if holds:
            held.append(bytes(1000))
    full.append(resident())
    del pieces
    freed.set()
    may_end.wait()

full, freed = [], threading.Event()

def after(holds):
    threading.Thread(target=burst, args=(holds,), daemon=True).start()
    freed.wait()
"""
BETWEEN = """
after(True)
give_back_freed_memory()
print(full[0] - resident())
"""
AT_THE_END = """
giving_back = GivingBack()
bytearray(30 << 20)
after(False)
print(full[0] - resident())
"""
APART = """
giving_back = GivingBack()
columns = []
for _ in range(200):
    columns.append(bytearray(b"x" * 200_000))
    held.append(bytearray(100_000))
full.append(resident())
del columns
print(full[0] - resident())
"""
HEAPS = """
import ctypes
from tracer.freed_memory import share_one_heap
share_one_heap()
threads = [threading.Thread(target=lambda: held.append(bytearray(20_000))) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""
GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to give it back")


def said_by(script: str) -> str:
    told = subprocess.run([sys.executable, "-c", IN_A_THREAD + script], capture_output=True, text=True, check=True)
    return told.stdout


def given_back(script: str) -> int:
    return int(said_by(script))


@GLIBC
def test_what_a_thread_freed_between_what_it_holds_goes_back() -> None:
    # GIVEN a thread that goes on, and that holds something between the pieces that it freed
    assert given_back(BETWEEN) > ALL_BYTES // 2


@GLIBC
def test_what_a_thread_freed_at_the_end_of_its_heap_goes_back_by_itself() -> None:
    # GIVEN that a large piece was freed before, after which malloc keeps as much by itself
    assert given_back(AT_THE_END) > ALL_BYTES // 2
    assert given_back(AT_THE_END.replace("GivingBack()", "None")) < ALL_BYTES // 2


@GLIBC
def test_long_columns_go_back_at_once_whatever_lies_between_them() -> None:
    # GIVEN columns of results, among what stays
    assert given_back(APART) > 200 * 200_000 * 3 // 4
    assert given_back(APART.replace("GivingBack()", "GivingBack(apart_bytes=4 << 20)")) < 200 * 200_000 // 2


@GLIBC
def test_threads_share_one_heap() -> None:
    assert said_by(HEAPS).count("<heap nr=") == 1
    assert said_by(HEAPS.replace("\nshare_one_heap()", "")).count("<heap nr=") > 1


def test_it_is_given_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a clock, and somebody who asks every second for a minute
    now_s, given = [0.0], []
    monkeypatch.setattr(freed_memory, "give_back_freed_memory", lambda: given.append(now_s[0]))
    giving_back = GivingBack(every_s=10.0, clock=lambda: now_s[0])
    for second in range(60):
        now_s[0] = float(second)
        giving_back.now_and_then()
    # THEN it is given back every ten seconds
    assert given == [10.0, 20.0, 30.0, 40.0, 50.0]
