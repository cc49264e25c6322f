"""When lines come and when they end: by the session, a signal, a number, or what was waited for."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace

import pytest
from looking import recorded

from tests.golden.cases import DATA
from tracer.jobs.line_output import LineOutput
from tracer.jobs.live_watch import UnreadOutputError, Wishes, watch
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
        self.at_close: Snapshot | None = None

    def latest(self) -> Snapshot | None:
        self._now = next(self._looks, self._now)
        return self._now

    def message(self) -> str | None:
        return self._messages.pop(0) if self._messages else None

    def close(self) -> None:
        self._looks, self._now = iter(()), self.at_close or self._now


@pytest.fixture(scope="module")
def looks() -> list[Snapshot]:
    seen = [*recorded(Recording.open(DATA / "guest-no-deflate.rtrace"))]
    return [*seen[:-1], replace(seen[-1], ended="closed")]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    monkeypatch.setattr("tracer.jobs.live_watch._LOOK_S", 0.0)


MANY = 10**6
EVERY = Wishes(interval_s=0.0)


def shown(session: Following, wishes: Wishes, stop: threading.Event | None = None) -> tuple[list[str], list[str]]:
    out, said = io.StringIO(), list[str]()
    met = watch(session, wishes, LineOutput(out.write, most=MANY), stop or threading.Event(), said.append)
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


def test_what_a_signal_leaves_is_shown_last(looks: list[Snapshot]) -> None:
    # GIVEN a view that is told to end while its recording goes on
    stop, session = threading.Event(), Following(looks[:1])
    stop.set()
    session.at_close = looks[-1]
    # THEN the last object is what closing came to
    _, lines = shown(session, replace(EVERY, as_json=True), stop)
    assert [json.loads(line)["ended"] for line in lines] == [None, "closed"]


def test_after_so_many_lines_there_are_no_more(looks: list[Snapshot]) -> None:
    _, lines = shown(Following(looks[:1]), replace(EVERY, count=1, as_json=True))
    assert [json.loads(line)["ended"] for line in lines] == [None]


class Reader:
    """Takes nothing before it is let go."""

    def __init__(self) -> None:
        self.may_read = threading.Event()
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        assert self.may_read.wait(60)
        self.lines += text.splitlines()


def test_a_reader_that_is_slow_costs_lines_and_nothing_else(looks: list[Snapshot]) -> None:
    # GIVEN a reader that takes its first line only when the recording is over
    reader, session = Reader(), Following(looks)
    said = list[str]()

    def message() -> str | None:
        if session._now is looks[-1]:
            reader.may_read.set()
        return None

    session.message = message  # type: ignore[method-assign]
    wishes = replace(EVERY, as_json=True)
    assert watch(session, wishes, LineOutput(reader.write, most=1), threading.Event(), said.append) == []
    # THEN it gets that line and the last, and is told how many it missed
    told = [json.loads(line) for line in reader.lines]
    assert [one["now_s"] for one in told] == [looks[0].now_s, looks[-1].now_s]
    assert told[-1]["findings_by_kind"] == dict(looks[-1].findings_by_kind)
    assert said == [f"{len(looks) - 2} lines were left out: standard output was read too slowly"]


def test_what_is_waited_for_ends_it_although_nobody_reads(looks: list[Snapshot]) -> None:
    reader, stop = Reader(), threading.Event()
    ended = threading.Thread(
        target=watch,
        args=(Following(looks), replace(EVERY, until=("kills",)), LineOutput(reader.write, most=1), stop, print),
    )
    ended.start()
    reader.may_read.set()
    ended.join(60)
    assert not ended.is_alive()
    assert any("oom" in line.lower() or "kill" in line.lower() for line in reader.lines)


def test_a_signal_ends_it_although_nobody_reads(looks: list[Snapshot]) -> None:
    reader, stop = Reader(), threading.Event()
    stop.set()
    with pytest.raises(UnreadOutputError, match="nothing reads it"):
        watch(Following(looks[:1]), EVERY, LineOutput(reader.write, most=1), stop, print)
    reader.may_read.set()


def test_what_writing_fails_with_is_raised(looks: list[Snapshot]) -> None:
    def gone(_text: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        watch(Following(looks[:1]), EVERY, LineOutput(gone), threading.Event(), print)


def test_findings_that_come_too_fast_to_be_told_are_counted(looks: list[Snapshot]) -> None:
    # GIVEN a look that has room for one finding of those that are there, and left 70 out before and 12 at the end
    last = looks[-1]
    many = replace(last, ended=None, findings=last.findings[:1], findings_left_out=70)
    over = replace(many, findings_left_out=82, ended="closed")
    _, lines = shown(Following([many, many, over]), EVERY)
    assert [line.split(maxsplit=1)[1][:16] for line in lines if "not told one by one" in line] == [
        "70 more findings",
        "12 more findings",
    ]


def test_findings_told_before_they_were_left_out_are_not_counted_again(looks: list[Snapshot]) -> None:
    last = looks[-1]
    over = [replace(each, open=False) for each in last.findings]
    whole = replace(last, ended=None, now_s=last.now_s + 10, findings=over)
    fewer = replace(whole, findings=(), findings_left_out=len(over) + 3)
    _, lines = shown(Following([whole, fewer, replace(fewer, ended="closed")]), EVERY)
    assert [line.split(maxsplit=1)[1][:15] for line in lines if "not told one by one" in line] == ["3 more findings"]


def test_a_finding_that_is_no_longer_among_those_shown_is_not_taken_back(looks: list[Snapshot]) -> None:
    fewer = replace(looks[-1], ended=None, findings=(), findings_left_out=len(looks[-1].findings))
    _, lines = shown(Following([*looks[:-1], fewer, looks[-1]]), EVERY)
    assert not [line for line in lines if "Withdrawn" in line and "critical" in line]
