"""A process that works through tasks: one a line of standard input, its outcome a line of standard output, as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Final

from ...programs import kill_first
from ...tables.library import without_pandas
from .work import Task, work

_STDOUT: Final = 1


def run() -> None:
    """Until standard input ends. Ctrl-C at the terminal is for the process that hands out the tasks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kill_first(os.getpid())
    without_pandas()
    with os.fdopen(os.dup(_STDOUT), "w") as answers:
        # What a library prints goes to stderr.
        os.dup2(2, _STDOUT)
        for line in sys.stdin:
            json.dump(asdict(work(Task(**json.loads(line)))), answers)
            answers.write("\n")
            answers.flush()
