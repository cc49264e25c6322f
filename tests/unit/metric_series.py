"""What Prometheus would have fetched while a recording was made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from tracer.analyze import NEVER_READ, Engine, Options, Pieces
from tracer.jobs.pacing import steps
from tracer.live.observer import NOTHING_KNOWN, Observer
from tracer.metrics.collector import ResultsCollector
from tracer.metrics.results import results_of
from tracer.store import open_recording
from tracer.store.notes import facts_of

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(families: list[Metric]) -> Series:
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def fetched(path: Path, every_s: float) -> Iterator[Series]:
    """The samples at every so many seconds of the recording."""
    recording = open_recording(path)
    start_ns = recording.metadata.start_ns
    engine = Engine(recording.metadata, recording.symbols, Options(), cgroups=recording.cgroups)
    observer, collector, pieces = Observer(facts_of(recording, {})), ResultsCollector(), Pieces()
    next_ns = start_ns

    def fetch(now_ns: int) -> Series:
        for piece in pieces.rest():
            engine.feed(piece)
        analysis = engine.so_far(now_ns)
        facts = facts_of(recording, analysis.accounting.lost)
        collector.take(results_of(analysis, facts, observer.look(analysis, NOTHING_KNOWN)))
        return samples([*collector.collect()])

    for item in recording.items(leave_out=NEVER_READ):
        for part, now_ns in steps(item):
            for piece in pieces.add(part):
                engine.feed(piece)
            while now_ns >= next_ns:
                yield fetch(max(now_ns, next_ns))
                next_ns += round(every_s * 1e9)
    yield fetch(recording.last_ns)
