"""Importing heavy libraries: Ctrl-C meanwhile, too little memory, and what children inherit."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from import_cases import DATA
from written_recordings import write_recording

from tracer.terminal.loading import interrupted_afterwards, loading

ENV = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """As in a terminal, also where whoever runs the tests ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


@pytest.mark.parametrize("value", [None, "7"])
def test_the_environment_is_as_before_when_numpy_is_loaded(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", value)
    with loading():
        assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert os.environ.get("OPENBLAS_NUM_THREADS") == value


def test_an_import_that_fails_for_another_reason_is_no_lack_of_memory() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError("no module of that name")
    with pytest.raises(MemoryError), loading():
        raise ImportError("libx.so: failed to map segment from shared object")


@pytest.mark.parametrize("command", ["summary", "report", "replay", "import"])
@pytest.mark.parametrize("mib", [64, 100, 120, 140])
def test_a_small_address_space_is_enough_or_one_line(tmp_path: Path, command: str, mib: int) -> None:
    recording = write_recording(tmp_path / "x.rtrace")
    source = DATA / "trace-cmd-6.1.txt" if command == "import" else recording
    words = [sys.executable, "-m", "tracer", command, str(source), *(("-o", "out") if command != "summary" else ())]
    words = words[:-2] if command == "replay" else words

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))

    result = subprocess.run(words, preexec_fn=limit, capture_output=True, text=True, cwd=tmp_path, env=ENV)
    if result.returncode:
        assert (result.returncode, result.stdout) == (1, "")
        assert (
            result.stderr == "reclaim-tracer: error: out of memory: free some memory, or raise the limit (ulimit -v)\n"
        )
    else:
        assert "Traceback" not in result.stderr


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


def test_the_analysis_leaves_out_what_numpy_loads_late() -> None:
    # GIVEN a recording with runs of the balloon, long waits and readings
    path = Path(__file__).parents[1] / "golden" / "data" / "guest-host-reasserts.rtrace"
    script = (
        "import sys; from pathlib import Path; from tracer.jobs.analysis import analyse_file\n"
        "analyse_file(Path(sys.argv[1])); print('numpy' in sys.modules, 'numpy.ma' in sys.modules)"
    )
    # THEN numpy.ma, which takes longer than the analysis of a small recording, is not there
    said = subprocess.check_output([sys.executable, "-c", script, path], env=ENV, text=True)
    assert said.split() == ["True", "False"]
