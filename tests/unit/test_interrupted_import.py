"""Ctrl-C while something is imported that can't be interrupted."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tracer.terminal.exit_codes import interrupted_afterwards


def test_ctrl_c_waits_for_the_end_of_the_block_and_comes_then() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupted_afterwards():  # noqa: PT012 - what is raised comes at its end
        os.kill(os.getpid(), signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]


def test_ctrl_c_waits_where_the_kernel_gives_it_to_another_thread() -> None:
    done = []
    with _thread() as thread, _arrival() as arrival, pytest.raises(KeyboardInterrupt), interrupted_afterwards():  # noqa: PT012 - as above
        signal.pthread_kill(thread, signal.SIGINT)
        arrival.recv(1)
        done.append("all of it")
    assert done == ["all of it"]


def test_ctrl_c_interrupts_again_after_a_block_in_which_none_came() -> None:
    with interrupted_afterwards():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _arrival() -> Iterator[socket.socket]:
    """Where a byte comes as soon as any thread has taken a signal."""
    there, here = socket.socketpair()
    with there, here:
        here.setblocking(False)
        before = signal.set_wakeup_fd(here.fileno())
        try:
            yield there
        finally:
            signal.set_wakeup_fd(before)


@contextmanager
def _thread() -> Iterator[int]:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        yield thread.ident or 0
    finally:
        over.set()
        thread.join()
