"""Memory that was freed goes back to the kernel, also that of a heap in which something is still in use."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tracer import freed_memory
from tracer.freed_memory import GivingBack

PIECES, PIECE_BYTES = 640, 64 << 10
IN_A_THREAD = f"""
import threading
from tracer.freed_memory import give_back_freed_memory

held = []

def resident():
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("RssAnon"))

def burst():
    # What lies between the pieces stays: malloc by itself gives back no more than the end of its heap.
    pieces = []
    for _ in range({PIECES}):
        pieces.append(bytearray(b"x" * {PIECE_BYTES}))
        held.append(bytes(1000))

worker = threading.Thread(target=burst)
worker.start()
worker.join()
before = resident()
give_back_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to give it back")
def test_what_a_thread_freed_between_what_it_holds_goes_back() -> None:
    told = subprocess.run([sys.executable, "-c", IN_A_THREAD], capture_output=True, text=True, check=True)
    assert int(told.stdout) > PIECES * PIECE_BYTES // 2


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
