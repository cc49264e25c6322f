"""Time zero of a recording, and slices of one: each has an axis, a duration and shares of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streams import METADATA, MS, SECOND, Records, counters, event, records, slab
from typer.testing import CliRunner

import tracer
from tracer.batch import Samples
from tracer.commands.app import app
from tracer.metadata import Metadata
from tracer.store import Recording, Writer

DIRECT = records(event(12 * SECOND, "direct_reclaim_begin"), event(13 * SECOND, "direct_reclaim_end", nr_reclaimed=9))


def write(path: Path, metadata: Metadata, *items: Records | Samples) -> Path:
    writer = Writer(path, metadata)
    for item in items:
        writer.write_samples(item) if isinstance(item, Samples) else writer.write_block(item)
    writer.close()
    return path


def at(start_ns: int, utc_ns: int = 0, imported_from: str | None = None) -> Metadata:
    return replace(METADATA, start_ns=start_ns, start_utc_ns=utc_ns, imported_from=imported_from)


def test_time_zero_of_older_recordings_is_when_they_could_see(tmp_path: Path) -> None:
    # GIVEN a start that was noted 10 s before the first reading
    opened = Recording.open(
        write(tmp_path / "a.rtrace", at(SECOND, 100 * SECOND), counters([(11 * SECOND, 0, 0)]), DIRECT)
    )
    assert (opened.metadata.start_ns, opened.metadata.start_utc_ns) == (11 * SECOND, 110 * SECOND)


def test_time_zero_that_is_the_first_readings_stays(tmp_path: Path) -> None:
    opened = Recording.open(write(tmp_path / "a.rtrace", at(11 * SECOND, 5), counters([(11 * SECOND, 0, 0)]), DIRECT))
    assert (opened.metadata.start_ns, opened.metadata.start_utc_ns) == (11 * SECOND, 5)


def test_time_zero_of_an_import_out_of_order_is_its_earliest_event(tmp_path: Path) -> None:
    early = records(event(10 * SECOND, "kswapd_wake", 33, "kswapd0"), event(14 * SECOND, "kswapd_sleep", 33, "kswapd0"))
    path = write(tmp_path / "a.rtrace", at(12 * SECOND, 0, "trace.txt"), records(DIRECT, early))
    there = tracer.open(path)
    assert (there.metadata.start_ns, there.metadata.start_utc_ns) == (10 * SECOND, 0)
    assert there.analysis.duration_s == 4.0
    assert [episode.start_s for episode in there.analysis.episodes] == [0.0]


@pytest.fixture
def shrinking(tmp_path: Path) -> Path:
    """One shrinker in the first second, another in the third."""
    calls = [slab(at * 100 * MS, at * 100 * MS + MS, shrink=1 + at // 10) for at in range(30)]
    return write(tmp_path / "a.rtrace", METADATA, counters([(0, 0, 0)]), *calls, counters([(2950 * MS, 0, 0)]))


def test_shares_are_of_the_slice(shrinking: Path) -> None:
    assert [stat.scan_share for stat in tracer.open(shrinking).analysis.shrinkers] == pytest.approx([1 / 3] * 3)
    part = tracer.open(shrinking, start_s=2.0)
    assert [(stat.calls, stat.scan_share) for stat in part.analysis.shrinkers] == [(10, 1.0)]
    assert part.analysis.timeline.series["proactive.spans"].sum() == 10
    assert np.flatnonzero(part.analysis.timeline.series["proactive.spans"])[0] * part.analysis.timeline.bucket_s < 0.01


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", "2"], "950 ms (2.000 s to 2.950 s of 2.95 s)"),
        (["--from", "1", "--to", "2"], "(1.000 s to 2.000 s of 2.95 s)"),
        (["--to", "100"], "(0.000 s to 2.950 s of 2.95 s)"),
    ],
)
def test_text_and_report_say_what_a_slice_is_of(shrinking: Path, options: list[str], said: str) -> None:
    text = CliRunner().invoke(app, ["summary", str(shrinking), *options])
    assert said in text.stdout.splitlines()[0]
    page = shrinking.with_suffix(".html")
    assert CliRunner().invoke(app, ["report", str(shrinking), *options, "-f"]).exit_code == 0
    assert said in page.read_text()


def test_a_kswapd_awake_when_a_slice_begins_is_background_there(tmp_path: Path) -> None:
    run = records(
        event(1 * SECOND, "kswapd_wake", 47, "kswapd0"),
        slab(3 * SECOND, 4 * SECOND, 47, comm="kswapd0", priority=12),
        event(5 * SECOND, "kswapd_sleep", 47, "kswapd0"),
    )
    part = tracer.open(write(tmp_path / "a.rtrace", METADATA, counters([(0, 0, 0)]), run), start_s=2.0)
    (background,) = part.analysis.tiers
    assert (background.tier.label, background.first_s, background.busy_s) == ("background", 1.0, 2.0)
