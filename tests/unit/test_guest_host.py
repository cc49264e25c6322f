"""A balloon policy as the lab's host runs it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from guest import compare
from guest.debian import LabError
from guest.found import Truth
from guest.host import HOSTS, Host, Seen, driven_by, policy_of

MIB = 1 << 20


class Guest:
    """A guest whose clock goes on by 400 ms at each look, and which has what the host says at once."""

    def __init__(self, statistics: dict[str, int]) -> None:
        self.now_ns, self.actual, self.polled = 0, 1024 * MIB, []
        self._statistics = statistics
        self.monitor = SimpleNamespace(execute=self.execute)

    def ask(self, _: str) -> dict[str, int]:
        self.now_ns += 400_000_000
        return {"monotonic": self.now_ns}

    def balloon_bytes(self) -> int:
        return self.actual

    def execute(self, command: str, **arguments: object) -> object:
        if command == "qom-set":
            self.polled.append(arguments["value"])
        return {"last-update": 1, "stats": self._statistics}

    def until(self, condition, timeout_s: float, what: str) -> None:
        while not condition():
            pass


class Lab:
    def __init__(self, statistics: dict[str, int] | None = None) -> None:
        self.guest, self.full_mib, self.targets = Guest(statistics or {}), 1024, []

    def actual_mib(self) -> int:
        return self.guest.actual // MIB

    def host(self, mib: int) -> None:
        self.targets.append(mib)
        self.guest.actual = mib * MIB

    def settle(self) -> None:
        pass


def test_a_policy_is_asked_once_a_second_and_told_what_a_host_sees():
    lab, seen = Lab({"stat-free-memory": 50 * MIB, "stat-swap-in": (1 << 64) - 1}), []

    def policy(now: Seen) -> int:
        seen.append(now)
        return now.actual_mib - 10

    host = Host(lab, policy)
    host.for_seconds(5)
    assert [each.second for each in seen] == sorted({each.second for each in seen})
    assert 3 <= len(seen) <= 6
    assert (seen[0].actual_mib, seen[1].actual_mib, seen[1].target_mib) == (1024, 1014, 1014)
    assert (seen[0].mib("stat-free-memory"), seen[0].mib("stat-swap-in")) == (50, None)
    host.end()
    assert lab.guest.polled == [1, 0]


def test_a_target_stays_within_the_guest_and_none_says_nothing():
    answers = iter([5000, None, -3, *[None] * 99])
    lab = Lab()
    Host(lab, lambda _: next(answers)).for_seconds(6)
    assert lab.targets == [1024, 1]


def test_each_policy_of_the_lab_answers():
    for path in HOSTS.glob("*.py"):
        lab = Lab({"stat-free-memory": 700 * MIB, "stat-available-memory": 100 * MIB})
        driven_by(path, lambda _, host: host.for_seconds(40))(lab)
        assert bool(lab.targets) == (path.stem != "silent"), path


@pytest.mark.parametrize(
    ("text", "said"),
    [("x = 1", "neither target_mib"), ("import nosuch", "ModuleNotFoundError"), (None, "no Python file")],
)
def test_what_is_no_policy_is_said_in_one_line(tmp_path: Path, text, said):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LabError, match=said):
        policy_of(path)


def test_what_the_host_had_is_averaged_over_time():
    sizes = [(0, 1024), (1, 624), (3, 1024), (4, 1024)]
    rows = [{"time_ns": at_s * 10**9, "actual_bytes": mib * MIB} for at_s, mib in sizes]
    truth = Truth(full_mib=1024, timeline=[*rows, {"time_ns": 4 * 10**9, "target_mib": 9}])
    assert compare.taken_mib(SimpleNamespace(truth=truth)) == 200


def test_what_a_host_never_read_is_not_0():
    assert compare.taken_mib(SimpleNamespace(truth=SimpleNamespace(timeline=[], full_mib=1024))) is None
