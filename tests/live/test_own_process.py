"""The recorder's own process number, as events have it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tracer.probes import syscalls
from tracer.probes.own_process import own_process_number

INSIDE = "import os; from tracer.probes.own_process import own_process_number as n; print(os.getpid(), n())"


def test_a_program_sees_the_number_that_this_process_has(bcc: None) -> None:
    assert syscalls.process_number_in_programs() == own_process_number() == os.getpid()


def test_in_a_pid_namespace_of_its_own_it_is_still_the_machines_number(bcc: None, need) -> None:
    shell = f'exec "$0" -c "{INSIDE}"'
    command = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", shell, sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd())
    need("live", done.returncode == 0, f"no pid namespace of our own: {done.stderr}")
    inner, outer = map(int, done.stdout.split())
    assert inner == 1
    assert outer > 1
