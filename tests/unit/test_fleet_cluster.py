"""A fleet on a cluster that goes, grows, or has workers that can't be used; and what large fleets write as they go."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tracer.errors import TracerError
from tracer.fleet.places import place
from tracer.jobs.fleet import cluster as cluster_pool
from tracer.jobs.fleet.cluster import ClusterPool
from tracer.jobs.fleet.seen import Seen
from tracer.jobs.fleet.work import MADE, Outcome, Task


class Deserted:
    """A cluster that answered when the command began, and from which nothing comes any more."""

    loop = None

    def __init__(self, status: str, asked: int) -> None:
        self.status, self._asked = status, asked

    def run(self, *_: object, **__: object) -> dict[str, str]:
        return {"tcp://node:1": ""}

    def nthreads(self) -> dict[str, int]:
        """Its worker goes once it was asked for often enough."""
        self._asked -= 1
        return {"tcp://node:1": 1} if self._asked >= 0 else {}

    def submit(self, *_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(key="one")

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("client", "said"),
    [(Deserted("closed", 9), "the scheduler is gone"), (Deserted("running", 4), "has had no worker for 0.05 s")],
)
def test_a_cluster_that_goes_ends_the_run(monkeypatch, client, said):
    pending = SimpleNamespace(add=lambda _: None, is_empty=lambda: False, next_batch=lambda block: [])
    library = SimpleNamespace(Client=lambda *_, **__: client, as_completed=lambda loop: pending)
    monkeypatch.setattr(cluster_pool, "_distributed", lambda: library)
    for wait, seconds in (("_WAIT_S", 0.05), ("_LOOK_S", 0.01), ("_WORKERS_LOOK_S", 0.01)):
        monkeypatch.setattr(cluster_pool, wait, seconds)
    with pytest.raises(TracerError, match=f"{said}.*: what was done is kept"):
        ClusterPool("tcp://node:2").run([Task("a.rtrace", "out", 10.0, 1.0)], lambda _: None)


class Growing(Deserted):
    """A cluster of one worker that another one joins after the first task; `lacks` are those without the package."""

    def __init__(self, lacks: tuple[str, ...] = (), later: int = 1) -> None:
        super().__init__("running", 99)
        self._lacks, self._later = lacks, later
        self.submitted: list[dict[str, object]] = []

    def run(self, *_: object, workers: list[str], **__: object) -> dict[str, str]:
        return {name: "it has no pyarrow" if name in self._lacks else "" for name in workers}

    def nthreads(self) -> dict[str, int]:
        names = ["one"] if not self.submitted else ["one", *(f"later-{each}" for each in range(self._later))]
        return dict.fromkeys(names, 1)

    def submit(self, _: object, task: Task, **where: object) -> SimpleNamespace:
        self.submitted.append({name: each for name, each in where.items() if name != "pure"})
        made = Outcome(task.source, MADE, key="key")
        return SimpleNamespace(
            key=task.source, status="finished", result=lambda timeout: made, release=lambda: None
        )  # fmt: skip


class OneByOne(list):
    """Futures that end one after the other."""

    add, is_empty = list.append, lambda self: not self

    def next_batch(self, *, block: bool) -> list[SimpleNamespace]:
        return [self.pop(0)]


def ran_on(client: Growing, count: int, monkeypatch: pytest.MonkeyPatch) -> tuple[ClusterPool, list[int]]:
    """The pool after so many tasks, and how many were with the scheduler each time one ended."""
    futures, held = OneByOne(), []
    library = SimpleNamespace(Client=lambda *_, **__: client, as_completed=lambda loop: futures)
    monkeypatch.setattr(cluster_pool, "_distributed", lambda: library)
    monkeypatch.setattr(cluster_pool, "_WORKERS_LOOK_S", 0)
    pool = ClusterPool("tcp://node:2")
    pool.run((Task(f"{each}.rtrace", "out", 10.0, 1.0) for each in range(count)), lambda _: held.append(len(futures)))
    return pool, held


def test_workers_that_come_later_are_used_and_what_is_under_way_grows_with_them(monkeypatch):
    client = Growing(later=3)
    pool, held = ran_on(client, 40, monkeypatch)
    assert held[0] == 3
    assert max(held) == 15
    assert client.submitted == [{}] * 40
    assert (pool.remarks, pool.died) == ([], 0)


def test_workers_are_named_where_one_that_came_can_not_be_used(monkeypatch):
    client = Growing(lacks=("later-0",))
    pool, _ = ran_on(client, 20, monkeypatch)
    assert client.submitted[0] == {}
    assert client.submitted[-1] == {"workers": ["one"], "allow_other_workers": True}
    assert pool.remarks == ["worker later-0 can't be used: it has no pyarrow"]


def test_what_was_seen_is_not_written_more_often_the_larger_the_fleet(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("tracer.jobs.fleet.seen.json.dumps", lambda known, **_: written.append(len(known)) or "{}")
    seen = Seen(place(str(tmp_path)), "fragments")
    for number in range(20_000):
        seen.note(str(number), ((1, 1, number),), "key")
    seen.write()
    assert written[0] == 200
    assert written[-1] == 20_000
    assert sum(written) < 10 * 20_000
