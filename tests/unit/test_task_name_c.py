"""How bpf/ring.bpf.c copies a task's name, in a program of its own: no kernel here leaves rubbish behind one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tracer.resources import resource_dir
from tracer.schema import COMM_BYTES

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

PROGRAM = """
#include <stdio.h>
#include <string.h>
typedef unsigned long long u64;
#define RT_COMM_AT 8
struct rt_event { char comm[16] __attribute__((aligned(8))); };
static char task[24] __attribute__((aligned(8)));
%s
int main(void)
{
	for (struct rt_event event; fread(task + RT_COMM_AT, 16, 1, stdin);) {
		rt_copy_comm(event.comm, task);
		fwrite(event.comm, 16, 1, stdout);
	}
	return 0;
}
"""


@pytest.mark.skipif(CC is None or sys.byteorder != "little", reason="no C compiler on PATH, or a big-endian machine")
def test_what_is_behind_the_end_of_a_name_is_left_out(tmp_path: Path) -> None:
    # GIVEN names of every length with the ends of others behind them, in bytes of all kinds
    fillers = (b"z", b"\x01", b"\x80", b"\xff", b"\x00z")
    names = [letter * length for length in range(COMM_BYTES) for letter in (b"a", b"\x01", b"\x80", b"\xff")]
    words = [(name + b"\0" + filler * COMM_BYTES)[:COMM_BYTES] for name in names for filler in fillers]
    text = (resource_dir("bpf") / "ring.bpf.c").read_text()
    part = text.partition("#ifdef RT_COMM_AT\n")[2].partition("#else\n")[0]
    (tmp_path / "name.c").write_text(PROGRAM % part)
    subprocess.run([str(CC), "-Wall", "-Wno-pointer-arith", "-o", tmp_path / "name", tmp_path / "name.c"], check=True)
    # WHEN they are copied
    copied = subprocess.run([tmp_path / "name"], input=b"".join(words), capture_output=True, check=True).stdout
    # THEN the names are there, and zeros behind them
    expected = [word.partition(b"\0")[0].ljust(COMM_BYTES, b"\0") for word in words]
    assert [copied[at : at + COMM_BYTES] for at in range(0, len(copied), COMM_BYTES)] == expected
