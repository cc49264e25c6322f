"""Ctrl-C while something is imported that can't be interrupted."""

from __future__ import annotations

import os
import signal

import pytest

from tracer.commands.exit_codes import interrupted_afterwards


def test_ctrl_c_waits_for_the_end_of_the_block_and_comes_then() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupted_afterwards():  # noqa: PT012 - what is raised comes at its end
        os.kill(os.getpid(), signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
