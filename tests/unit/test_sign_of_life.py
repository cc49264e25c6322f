"""What a person at a terminal sees while it records."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from tracer.batch import Samples
from tracer.metadata import BalloonInfo, Metadata
from tracer.recorder import sign_of_life
from tracer.recorder.sign_of_life import SignOfLife, balloon_bytes
from tracer.schema import SAMPLE_NULL
from tracer.terminal.messages import Messages

MIB = 1 << 20


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(sign_of_life.LINE, "show", lines.append)
    return lines


def reading(**values: int) -> Samples:
    names = {"meminfo": "meminfo.Balloon_bytes", "nr": "vmstat.nr_balloon_pages"}
    names |= {"into": "vmstat.balloon_inflate", "out": "vmstat.balloon_deflate"}
    columns = np.array([[0] * len(values), [*values.values()]], np.int64)
    return Samples(np.arange(2), tuple(names[name] for name in values), columns)


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"meminfo": 5 * MIB, "nr": 1, "into": 9, "out": 8}, 5 * MIB),
        ({"meminfo": SAMPLE_NULL, "nr": 512}, 2 * MIB),
        ({"into": 1024, "out": 512}, 2 * MIB),
        ({"into": 1024, "out": SAMPLE_NULL}, None),
        ({"into": 1024}, None),
        ({}, None),
    ],
)
def test_the_balloon_is_as_large_as_the_kernel_says(values, size):
    assert balloon_bytes(reading(**values), Metadata()) == size


@pytest.mark.parametrize("driver", ["xen_balloon", "hv_balloon"])
def test_counters_that_leave_a_driver_out_do_not_tell_its_size(driver):
    facts = Metadata(balloon=BalloonInfo(driver))
    assert balloon_bytes(reading(into=0, out=0), facts) is None
    assert balloon_bytes(reading(meminfo=MIB, into=0, out=0), facts) == MIB


def test_the_size_that_vmwares_driver_tells_goes_first():
    samples = Samples(np.zeros(1, np.int64), ("meminfo.Balloon_bytes", "vmmemctl.current_pages"), np.array([[1, 256]]))
    assert balloon_bytes(samples, Metadata()) == MIB


@pytest.fixture
def clock_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("clock_in_tokyo")
def test_it_says_since_when_how_much_and_how_large_the_balloon_is(shown):
    facts = Metadata(balloon=BalloonInfo("virtio_balloon"), start_utc_ns=1_767_225_599_900_000_000)
    life = SignOfLife(facts, Messages(), command=False)
    life.show(0, 0)
    life.sampled(reading(into=102_400, out=0))
    life.sampled(Samples(np.zeros(0, np.int64), (), np.zeros((0, 0), np.int64)))
    life.show(1_234_567, 89)
    assert shown == [
        "since Jan 01 08:59:59: 0 events, 0 lost, balloon not known",
        "since Jan 01 08:59:59: 1,234,567 events, 89 lost, balloon 400.0 MiB",
    ]


def test_it_stays_as_it_is_where_nothing_is_new(shown, monkeypatch: pytest.MonkeyPatch):
    life = SignOfLife(Metadata(start_utc_ns=1), Messages(), command=False)
    life.show(5, 0)
    monkeypatch.setattr(time, "time", lambda: 1e9)
    monkeypatch.setattr(time, "monotonic", lambda: 1e9)
    life.show(5, 0)
    assert shown[0] == shown[1]


@pytest.mark.parametrize(("values", "said"), [({"into": 0, "out": 0}, ""), ({"meminfo": MIB}, ", balloon 1.0 MiB")])
def test_a_machine_without_a_balloon_is_told_of_none(shown, values, said):
    life = SignOfLife(Metadata(), Messages(), command=False)
    life.sampled(reading(**values))
    life.show(0, 0)
    assert shown == [f"0 events, 0 lost{said}"]


@pytest.mark.parametrize(
    ("say", "command"), [(Messages(quiet=True), False), (Messages(verbose=True), False), (Messages(), True)]
)
def test_where_it_would_disturb_it_is_not_there(shown, say, command):
    SignOfLife(Metadata(), say, command=command).show(0, 0)
    assert shown == []
