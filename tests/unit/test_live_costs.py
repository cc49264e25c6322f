"""What a process takes, as its folder in /proc tells it; one that has ended takes nothing that anybody knows."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from tracer.jobs.live_costs import ProcessCost

STAT = "7 (a) b) {state} " + " ".join(["0"] * 10) + " {ticks} 50 " + " ".join(["0"] * 30)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


def process(root: Path, ticks: int, state: str = "S", statm: str = "900 300 100 0 0 0 0") -> None:
    folder = root / "7"
    folder.mkdir(exist_ok=True)
    (folder / "stat").write_text(STAT.format(state=state, ticks=ticks))
    (folder / "statm").write_text(statm)


def test_cpu_is_a_share_of_the_last_seconds_and_memory_is_anonymous(tmp_path: Path) -> None:
    cost = ProcessCost(7, tmp_path, Clock())
    for second in range(30):
        # A CPU's fifth, and half of one in the last ten seconds.
        process(tmp_path, 20 * second if second < 20 else 400 + 50 * (second - 20))
        cost.look()
    assert cost.cpu_share == pytest.approx(0.47, abs=0.04)
    assert cost.memory_bytes == 200 * mmap.PAGESIZE


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_process_that_has_ended_has_no_numbers(tmp_path: Path, state: str) -> None:
    cost = ProcessCost(7, tmp_path, Clock())
    process(tmp_path, 10)
    cost.look()
    process(tmp_path, 10, state, "0 0 0 0 0 0 0")
    cost.look()
    assert (cost.cpu_share, cost.memory_bytes) == (None, None)


def test_nothing_is_known_of_a_process_that_is_not_there_or_elsewhere(tmp_path: Path) -> None:
    for pid in (7, None):
        cost = ProcessCost(pid, tmp_path, Clock())
        cost.look()
        assert (cost.cpu_share, cost.memory_bytes) == (None, None)
