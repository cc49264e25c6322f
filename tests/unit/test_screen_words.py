"""Figures, bars and rows of the screen: nothing unknown is 0, nothing is markup, nothing is wider than its room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_sessions import GivenSession, pressing, viewed
from live_snapshots import MIB, WRITTEN, finding, quiet, source, storm, tier, unknown

from tracer.analyze.terms import Quality, Severity
from tracer.live.model import BalloonNow, Standing, State, Waiting
from tracer.screen import figures
from tracer.screen.glyphs import ASCII, BLOCKS, glyphs_for, thinned
from tracer.terminal.cells import cells

HOSTILE = "[red]x[/red] \x1b[2J\n\t[@click=app.quit]y[/] \u202e"
SHOWN = "[red]x[/red] \\x1b[2J\\n\\t[@click=app.quit]y[/] \\u202e"


@pytest.mark.parametrize(
    ("given_bytes", "shown"),
    [(None, "?"), (0, "0"), (1, "<0.1"), (MIB / 10, "0.1"), (12.34 * MIB, "12.3"), (1234.5 * MIB, "1,234")],
)
def test_mebibytes(given_bytes, shown):
    assert figures.mebibytes(given_bytes) == shown


@pytest.mark.parametrize(("share", "shown"), [(None, "?"), (0.0, "0%"), (0.001, "<1%"), (0.5, "50%"), (6.5, "650%")])
def test_a_share(share, shown):
    assert figures.share(share) == shown


def test_a_rate_over_no_time_is_not_known():
    assert figures.rate(MIB, 0.0) == "?"
    assert figures.rate(MIB, 0.5) == "2.0"
    assert figures.frequency(None, 1.0) == "?"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "10.0"),
        ({"quality": Quality.INFERRED}, "~10.0"),
        ({"quality": Quality.LOWER_BOUND}, "≥10.0"),
        ({"quality": Quality.UNKNOWN}, "?"),
        ({"slab_bytes": None}, "≥10.0"),
        ({"file_bytes": 0}, "0"),
        ({"file_bytes": 0, "slab_bytes": None}, "?"),
    ],
)
def test_what_a_tier_supplied_says_how_it_is_known(changes, shown):
    assert figures.supplied(tier("direct", 10, spans=3, **changes), 1.0, BLOCKS) == shown


def test_at_least_next_to_nothing_is_more_than_nothing():
    assert figures.supplied(tier("direct", 0.05, spans=3, slab_bytes=None), 1.0, BLOCKS) == ">0"


def test_kills_are_counted_where_a_tier_gives_nothing_but_them():
    state = replace(quiet(), windows={name: replace(each, kills=2) for name, each in quiet().windows.items()})
    assert viewed(GivenSession(state))[12].split() == ["5", "oom_kill", *("2", "kills") * 3]
    assert viewed(GivenSession(unknown()))[12].split() == ["5", "oom_kill", "?", "?", "?"]


def test_a_tier_that_did_nothing_supplied_nothing_even_where_parts_would_not_be_counted():
    assert figures.supplied(tier("direct", 0, slab_bytes=None), 1.0, BLOCKS) == "0"


@given(share=st.floats(0, 1), width=st.integers(1, 60))
def test_a_bar_has_its_width_and_shows_that_there_is_something(share, width):
    bar = BLOCKS.bar(share, width)
    assert len(bar) == width
    assert (BLOCKS.full in bar) is (share > 0)


@given(points=st.lists(st.none() | st.floats(0, 1e9), max_size=300), width=st.integers(1, 80))
def test_a_curve_keeps_the_highest_point_and_says_where_nothing_was_seen(points, width):
    shown = thinned(points, width)
    assert len(shown) == min(len(points), width)
    known = [point for point in points if point is not None]
    assert max((point for point in shown if point is not None), default=None) == max(known, default=None)
    curve = BLOCKS.curve(points, width)
    assert curve.count(BLOCKS.gap) == shown.count(None)


@pytest.mark.parametrize(
    ("terminal", "encoding", "expected"),
    [
        ("xterm-256color", "utf-8", BLOCKS),
        ("tmux", "UTF-8", BLOCKS),
        ("linux", "utf-8", ASCII),
        ("vt220", "utf-8", ASCII),
        ("xterm", "ANSI_X3.4-1968", ASCII),
    ],
)
def test_a_terminal_without_block_letters_gets_ascii(terminal, encoding, expected):
    assert glyphs_for(terminal, encoding) is expected


def test_on_a_terminal_without_block_letters_everything_is_ascii():
    lines = viewed(GivenSession(storm()), size=(200, 60), glyphs=ASCII)
    assert "".join(lines).isascii()
    assert "####" in "".join(lines)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_names_are_printed_and_never_read_as_markup_or_control_codes(size):
    state = replace(
        quiet(),
        standing=Standing(State.RECLAIMING, 1.0, HOSTILE, where=HOSTILE),
        source=source(host=HOSTILE, kernel_release=HOSTILE, balloon_driver=HOSTILE, way=HOSTILE),
        waiting=[Waiting(HOSTILE, 1, HOSTILE, HOSTILE, 0.5, 1.0, 1.0)],
        waiting_cgroups=[Waiting(HOSTILE, None, None, None, 0.5, 1.0, 1.0)],
        findings=[finding(1, "storm", Severity.CRITICAL, 1.0, HOSTILE)],
        marks=[(1.0, HOSTILE)],
    )
    for keys in ((), ("tab",), ("enter",), ("question_mark", "end")):
        text = "\n".join(viewed(GivenSession(state), pressing(*keys), size=size))
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[red]x[/red] \\x1b[2J" in text
    assert SHOWN in " ".join(viewed(GivenSession(state), pressing("enter"), size=(200, 60)))


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 20), (40, 12), (20, 5)])
def test_no_line_is_wider_than_the_terminal(name, size):
    lines = viewed(GivenSession(WRITTEN[name]()), size=size)
    assert len(lines) == size[1]
    assert max(map(cells, lines)) <= size[0]
    assert WRITTEN[name]().standing.state.upper() in lines[0]


def test_what_is_not_known_is_never_shown_as_0():
    text = "\n".join(viewed(GivenSession(unknown()), size=(200, 60)))
    told = text.replace("since 0.0 s", "").replace("10 s", "").replace("50", "")
    tiers = [line[24:80] for line in text.splitlines() if line[:1].isdigit() and line[1:2] == " "]
    assert len(tiers) == 6
    assert all(set(row.split()) == {"?"} for row in tiers)
    assert "? MiB, free ?, watermarks unknown" in told
    assert "in ?  out ? MiB" in told
    assert "size unknown" in told
    assert "0 lost" not in told


def test_a_balloon_of_unknown_target_has_a_gauge_without_one():
    state = replace(quiet(), balloon=BalloonNow(MIB, None, None, Quality.INFERRED, "vmstat"))
    line = viewed(GivenSession(state))[4]
    assert "~1.0 MiB, target unknown" in line
    assert BLOCKS.target not in line


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_cgroup_leaves_the_state_and_its_cost_whole(width):
    where = "/kubepods.slice/kubepods-burstable.slice/" + "0123456789abcdef" * 8
    standing = Standing(State.KILLING, 11.5, "killed", where=where, waited_s=0.211, read_again_bytes=MIB)
    line = viewed(GivenSession(replace(quiet(), standing=standing)), size=(width, 24))[0]
    assert line.startswith(" KILLING  /k")
    assert "...abcdef" in line.replace("0123456789", "")
    assert " 14.8 s since 11.5 s " in line
    assert line.endswith(" waited 211 ms re-read 1.0 MiB moved ?")
    assert len(line) == width
