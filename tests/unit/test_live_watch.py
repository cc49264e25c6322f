"""When lines come and when they end: by the session, a signal, a number, or what was waited for."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace

import pytest
from looking import recorded

from tests.golden.cases import DATA
from tracer.jobs.live_watch import Wishes, watch
from tracer.live.model import Snapshot
from tracer.store import Recording


class Following:
    """A session that shows the next snapshot at each look."""

    title = "x"
    can_mark = can_save = False

    def __init__(self, looks: list[Snapshot], messages: list[str] | None = None) -> None:
        self._looks = iter(looks)
        self._messages = messages or []
        self._now: Snapshot | None = None

    def latest(self) -> Snapshot | None:
        self._now = next(self._looks, self._now)
        return self._now

    def message(self) -> str | None:
        return self._messages.pop(0) if self._messages else None


@pytest.fixture(scope="module")
def looks() -> list[Snapshot]:
    seen = [*recorded(Recording.open(DATA / "guest-no-deflate.rtrace"))]
    return [*seen[:-1], replace(seen[-1], ended="closed")]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    monkeypatch.setattr("tracer.jobs.live_watch._LOOK_S", 0.0)


EVERY = Wishes(interval_s=0.0)


def shown(session: Following, wishes: Wishes, stop: threading.Event | None = None) -> tuple[list[str], list[str]]:
    out, said = io.StringIO(), list[str]()
    met = watch(session, wishes, out, stop or threading.Event(), said.append)
    assert said == [] or said == ["hello"]
    return met, out.getvalue().splitlines()


def test_it_ends_with_the_recording_and_tells_each_finding_once_it_is_there(looks: list[Snapshot]) -> None:
    met, lines = shown(Following(looks), EVERY)
    assert met == []
    kills = [line for line in lines if "critical: " in line]
    assert len(kills) == sum(each.kind == "oom_kill" for each in looks[-1].findings)
    assert any(line.split()[1:2] == ["KILLING"] for line in lines)


def test_what_the_session_has_to_say_is_said(looks: list[Snapshot]) -> None:
    shown(Following(looks, ["hello"]), EVERY)


def test_it_ends_after_so_many_lines(looks: list[Snapshot]) -> None:
    _, lines = shown(Following(looks), replace(EVERY, count=3, as_json=True))
    assert [json.loads(line)["now_s"] for line in lines] == [look.now_s for look in looks[:3]]


@pytest.mark.parametrize("wanted", ["kills", "oom_kill"])
def test_it_ends_at_what_was_waited_for(looks: list[Snapshot], wanted: str) -> None:
    met, lines = shown(Following(looks), replace(EVERY, until=("cycles", wanted), as_json=True))
    assert [each.split()[0] for each in met] == [wanted]
    last = json.loads(lines[-1])
    assert last["ended"] is None
    assert last["windows"]["total"]["kills"]
    assert not json.loads(lines[-2])["windows"]["total"]["kills"]


def test_a_signal_ends_it(looks: list[Snapshot]) -> None:
    stop = threading.Event()
    stop.set()
    met, lines = shown(Following(looks[:1] * 1000), EVERY, stop)
    assert (met, len(lines) < 10) == ([], True)


def test_a_finding_that_is_no_longer_among_those_shown_is_not_taken_back(looks: list[Snapshot]) -> None:
    fewer = replace(looks[-1], ended=None, findings=(), findings_left_out=len(looks[-1].findings))
    _, lines = shown(Following([*looks[:-1], fewer, looks[-1]]), EVERY)
    assert not [line for line in lines if "Withdrawn" in line and "critical" in line]
