"""Programs are loaded by two threads: in whatever order they come, the result is as if by one."""

from __future__ import annotations

import threading

import pytest

from tracer.probes.bpf_objects import LoadError
from tracer.probes.carried import install
from tracer.probes.carried.install import Load, load_all
from tracer.probes.request import Loaded

WAIT_S = 30


@pytest.fixture(autouse=True)
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.os, "sched_getaffinity", lambda _: {0, 1})


def test_two_are_loaded_at_once_and_stay_in_the_order_asked_for() -> None:
    # GIVEN a first program that ends only when the second has been loaded
    second = threading.Event()

    def first() -> int:
        assert second.wait(WAIT_S)
        return 11

    def then() -> int:
        second.set()
        return 12

    def refused() -> int:
        raise LoadError("the verifier says no", "")

    loaded = Loaded()
    load_all(loaded, [("a", first), ("b", then), ("c", refused), ("d", lambda: 14)])
    assert list(loaded.programs.items()) == [("a", 11), ("b", 12), ("d", 14)]
    assert list(loaded.refusals) == ["c"]


def test_where_no_thread_is_to_be_had_all_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    loaded = Loaded()
    load_all(loaded, [("a", lambda: 11), ("b", lambda: 12)])
    assert loaded.programs == {"a": 11, "b": 12}


def test_an_error_in_the_other_thread_is_raised_and_what_was_loaded_is_there_to_be_closed() -> None:
    main = threading.main_thread()
    met = threading.Barrier(2)

    def by_either() -> int:
        met.wait(WAIT_S)
        if threading.current_thread() is not main:
            raise OSError("broken")
        return 11

    loads: list[Load] = [("a", by_either), ("b", by_either)]
    loaded = Loaded()
    with pytest.raises(OSError, match="broken"):
        load_all(loaded, loads)
    assert list(loaded.programs.values()) == [11]
