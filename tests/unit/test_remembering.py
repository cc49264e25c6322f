"""A view that goes on for days: what is long over is told no longer, and nothing else changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.bench.live_day import METADATA, SYMBOLS, day
from tracer.analyze import Analysis, Engine, Options, Pieces
from tracer.batch import Samples
from tracer.jobs import remembering
from tracer.jobs.remembering import Remembering

MINUTES, EVERY_S = 15, 12.0
LOOK_S = 20.0
MOST, KEPT = 60, 30


def looked_at(engine: Engine) -> Iterator[int]:
    """Feed it a quarter of an hour of short fights; the time (ns) of each look."""
    pieces, next_ns = Pieces(), METADATA.start_ns
    for item in day(MINUTES / 60, EVERY_S):
        for piece in pieces.add(item):
            engine.feed(piece)
        if isinstance(item, Samples) and int(item.time_ns[-1]) >= next_ns:
            next_ns += round(LOOK_S * 1e9)
            for piece in pieces.rest():
                engine.feed(piece)
            yield int(item.time_ns[-1])


@pytest.fixture(scope="module")
def whole() -> Analysis:
    engine = Engine(METADATA, SYMBOLS, Options())
    *_, last_ns = looked_at(engine)
    return engine.so_far(last_ns)


@pytest.fixture(scope="module")
def looks() -> list[Analysis]:
    engine = Engine(METADATA, SYMBOLS, Options())
    remembered = Remembering(engine)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(remembering, "MOST_FINDINGS", MOST)
        patched.setattr(remembering, "_KEPT_FINDINGS", KEPT)
        return [remembered.so_far(at_ns) for at_ns in looked_at(engine)]


def test_what_is_told_stays_bounded_and_what_is_not_is_counted(looks, whole):
    # GIVEN several times as many findings as may be told
    assert len(whole.findings) > 3 * MOST
    # THEN a look has no more than those of the last two minutes beyond them, and the rest is counted
    young = max(sum(one.end_s > look.duration_s - 150.0 for one in whole.findings) for look in looks)
    assert max(len(look.findings) for look in looks) <= MOST + young
    last = looks[-1]
    assert last.forgotten.findings == len(whole.findings) - len(last.findings) > 0
    assert last.forgotten.episodes == len(whole.episodes) - len(last.episodes) > 0
    assert last.forgotten.conflicts == len(whole.conflicts) - len(last.conflicts) > 0
    assert last.forgotten.cycles == len(whole.cycles) - len(last.cycles) > 0


def test_numbers_by_kind_are_those_of_everything(looks, whole):
    last = looks[-1]
    told = Counter(finding.kind for finding in last.findings) + Counter(last.forgotten.findings_by_kind)
    assert told == Counter(finding.kind for finding in whole.findings)


def test_sums_are_those_of_everything(looks, whole):
    last = looks[-1]
    assert last.tiers == whole.tiers
    assert last.balloon == whole.balloon
    assert (last.stalls, last.shrinkers) == (whole.stalls, whole.shrinkers)
    assert last.accounting == whole.accounting


def test_what_is_still_told_is_told_alike(looks, whole):
    last, expected = looks[-1], {finding.id: finding for finding in whole.findings}
    about_all = {"refault"}
    assert [one for one in last.findings if one.kind not in about_all and one != expected[one.id]] == []
    assert last.episodes == whole.episodes[-len(last.episodes) :]
    assert last.cycles == whole.cycles[-len(last.cycles) :]
    newest = max(finding.end_s for finding in last.findings)
    assert newest == max(finding.end_s for finding in whole.findings)


def test_nothing_is_forgotten_while_there_is_little(whole):
    engine = Engine(METADATA, SYMBOLS, Options())
    remembered = Remembering(engine)
    *_, last_ns = looked_at(engine)
    analysis = remembered.so_far(last_ns)
    assert analysis.forgotten.findings == analysis.forgotten.episodes == 0
    assert analysis.findings == whole.findings
    assert remembered.finish(last_ns).findings == whole.findings
