"""The timeline in a real browser: zoom down to single steps, one moment in all rows, other clocks, findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_analysis import HOSTILE, facts, storm

from tracer.analyze.curves import Occurrences
from tracer.metadata import Mark
from tracer.report import write_report

SEEN = "document.querySelector('#plot-balloon').layout?.xaxis.range"
START_NS = 7_000_000_000_000


def occurrences(begin_s: np.ndarray, length_s: float, amount: float) -> Occurrences:
    return Occurrences(begin_s, begin_s + length_s, np.full(len(begin_s), amount), np.ones(len(begin_s), np.int64))


def detailed():
    """A storm with single spans and pages: direct reclaim of 5 ms every 10 ms, of 2 MiB each."""
    made = storm()
    begin_s = np.arange(15.0, 24.0, 0.01)
    pages = occurrences(begin_s + 0.005, 0.0, 512.0)
    made.timeline = replace(
        made.timeline,
        moments={"direct.file_pages": pages},
        spans={"direct": occurrences(begin_s, 0.005, 5e6), "oom_kill": occurrences(np.array([20.0]), 0.0, 0.0)},
    )
    return made


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("timeline") / "storm.html"
    metadata = replace(facts().metadata, start_ns=START_NS)
    marks = (Mark(START_NS + 3_000_000_000, HOSTILE),)
    write_report(path, detailed(), facts(metadata=metadata, marks=marks))
    return path


def show(opened, from_s, to_s):
    opened.page.evaluate(f"location.hash = '#from={from_s}&to={to_s}'")
    opened.until(f"{SEEN}.map((x) => x.toFixed(4)).join() === '{from_s:.4f},{to_s:.4f}'")


def box_of(opened, selector):
    row = opened.page.locator(selector)
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    assert box is not None
    return box


def at_part(opened, selector, part):
    box = box_of(opened, selector)
    return box["x"] + box["width"] * part, box["y"] + box["height"] / 2


def drag(opened, selector, start, stop):
    (x, y), (to_x, _) = (at_part(opened, selector, part) for part in (start, stop))
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(to_x, y, steps=8)
    opened.page.mouse.up()


def test_kills_one_after_the_other_are_marked_all_along(open_report, tmp_path):
    made = detailed()
    made.timeline.spans["oom_kill"] = occurrences(np.arange(0.0, 42.0, 0.02), 0.0, 0.0)
    write_report(tmp_path / "kills.html", made, facts())
    opened = open_report(tmp_path / "kills.html")
    marks = opened.ask("document.getElementById('plot-lanes').data.filter((t) => t.mode === 'markers').map((t) => t.x)")
    (kills,) = [x for x in marks if len(x) > 100]
    assert min(kills) < 0.2
    assert max(kills) > 41.8


def test_dragging_in_one_row_zooms_all(open_report, report):
    opened = open_report(report)
    drag(opened, "#plot-memory .over", 0.25, 0.5)
    opened.page.wait_for_selector("#reset:enabled")
    opened.until(f"{SEEN}[0] > 10")
    from_s, to_s = opened.ask(SEEN)
    assert (from_s, to_s) == (pytest.approx(10.5, abs=0.1), pytest.approx(21.0, abs=0.1))
    opened.until(
        "new Set([...document.querySelectorAll('#timeline .plot')].map(p => p.layout.xaxis.range.join())).size === 1"
    )


def test_zooming_in_shows_single_steps_and_says_so(open_report, report):
    # GIVEN leaks of 1 MiB every 100 ms from 16 s on, joined where the whole recording is seen
    opened = open_report(report)
    note = "document.querySelector('#note-balloon').textContent"
    assert opened.ask(note).endswith("of 83 moves")
    assert not opened.ask(note).endswith(" 83 of 83 moves")
    # WHEN a stretch with three of them is shown
    show(opened, 16.05, 16.35)
    # THEN each has its mark (in what is drawn beyond the edges, too)
    opened.until(f"/ (\\d+) of \\1 moves/.test({note})")
    x = opened.ask(
        "document.querySelector('#plot-balloon').data.find((t) => t.mode === 'markers' && t.marker.symbol === 'x').x"
    )
    assert x == pytest.approx([16.001, 16.101, 16.201, 16.301, 16.401], abs=1e-4)


def test_a_bar_becomes_a_single_event_when_it_is_zoomed_to(open_report, report):
    opened = open_report(report)
    note = "document.querySelector('#note-reclaim').textContent"
    assert "from buckets of 50 ms" in opened.ask(note)
    show(opened, 18.0, 18.05)
    opened.until(f"{note}.includes('single events')")
    most = "Math.max(...document.querySelector('#plot-reclaim').data.flatMap((trace) => [...trace.y]))"
    assert opened.ask(most) == pytest.approx(2.0, abs=0.01)
    spans = "document.querySelector('#plot-lanes').data"
    (lengths,) = [
        [stop - start for start, stop in zip(trace["x"][::3], trace["x"][1::3], strict=True)]
        for trace in opened.ask(spans)
        if trace["mode"] == "lines" and len(trace["x"]) > 12
    ]
    assert lengths == pytest.approx([0.005] * len(lengths), abs=1e-4)


def test_the_balloons_axis_fits_what_is_seen_of_it_and_says_where_it_begins(open_report, report):
    opened = open_report(report)
    axis, note = "document.querySelector('#plot-{}').layout.yaxis.range", "document.querySelector('#note-balloon')"
    assert opened.ask(axis.format("balloon"))[0] == 0
    show(opened, 16.05, 16.35)
    opened.until(f"{note}.textContent.includes('the axis begins at')")
    low, high = opened.ask(axis.format("balloon"))
    curve = "document.querySelector('#plot-balloon').data.filter((t) => t.mode.includes('lines'))"
    seen = [
        y
        for trace in opened.ask(f"{curve}.map((t) => [...t.x].map((x, i) => [x, t.y[i]]))")
        for x, y in trace
        if 16.05 <= x <= 16.35
    ]
    assert low < min(seen) <= max(seen) < high
    assert max(seen) - min(seen) > 0.3 * (high - low)
    assert opened.ask(axis.format("memory"))[0] == 0


@pytest.mark.parametrize("row", ["balloon", "memory", "pressure"])
def test_nothing_moves_below_a_pointer_that_reads_values(open_report, report, row):
    opened = open_report(report, width=760)
    before = box_of(opened, f"#plot-{row} .over")
    opened.page.mouse.move(before["x"] + before["width"] / 2, before["y"] + 3)
    opened.until("document.querySelector('#moment').textContent && document.querySelector('.keys .at:not(:empty)')")
    assert opened.page.locator(f"#plot-{row} .over").bounding_box() == before


def test_one_moment_is_told_in_all_rows_and_on_all_clocks(open_report, report):
    opened = open_report(report)
    opened.page.mouse.move(*at_part(opened, "#plot-balloon .over", 0.5))
    shown = opened.ask("[...document.querySelectorAll('.time-row .cursor')].map((c) => c.style.display)")
    assert set(shown) == {"block"}
    moment = opened.page.locator("#moment").inner_text()
    assert moment.startswith("21.0")
    assert "08:53:41.0" in moment
    assert "dmesg [7021.0" in moment
    keys = opened.ask("[...document.querySelectorAll('#chart-memory .keys .at')].map((v) => v.textContent)")
    assert all(keys)
    opened.page.mouse.move(5, 5)
    assert opened.page.locator("#moment").inner_text() == ""


def test_the_axis_can_show_wall_clock_and_dmesg_time(open_report, report):
    opened = open_report(report)
    label = "document.querySelector('.time-axis .ticks span').textContent"
    assert opened.ask(label) == "0 s"
    for clock, first in (("wall", "08:53:20"), ("dmesg", "[7000]")):
        opened.page.select_option("#clock", clock)
        opened.until(f"{label} === '{first}'")


def test_a_clock_that_is_not_known_can_not_be_chosen(open_report, tmp_path):
    path = tmp_path / "imported.html"
    write_report(path, storm(), facts(metadata=replace(facts().metadata, start_utc_ns=0, imported_from="trace.dat")))
    opened = open_report(path)
    assert opened.page.locator("#clock option:disabled").all_text_contents() == [
        "wall clock (UTC): not known",
        "dmesg: not known",
    ]
    opened.page.mouse.move(*at_part(opened, "#plot-balloon .over", 0.5))
    assert "wall clock not known · dmesg time not known" in opened.page.locator("#moment").inner_text()


def test_a_click_on_a_lane_selects_the_finding_and_marks_it_in_all_rows(open_report, report):
    opened = open_report(report)
    lanes = opened.ask("document.querySelector('#plot-lanes').layout.yaxis.ticktext")
    box = box_of(opened, "#plot-lanes .over")
    y = box["y"] + box["height"] * (lanes.index("cycle") + 0.5) / len(lanes)
    opened.page.mouse.move(box["x"] + box["width"] * 17 / 42, y)
    assert "Click to select the finding." in opened.page.locator("#tip").inner_text()
    opened.page.mouse.click(box["x"] + box["width"] * 17 / 42, y)
    opened.until("location.hash === '#finding=2'")
    opened.until(f"{SEEN}.join() === '12.5,26.5'")
    count = "document.querySelectorAll('.time-row{}').length"
    assert opened.ask(count.format(" .shade.selected")) == opened.ask(count.format(""))
    assert opened.page.locator("#shade-selected").is_visible()


def test_a_link_to_a_finding_opens_at_it(open_report, report):
    opened = open_report(report)
    opened.page.goto(f"{report.as_uri()}#finding=1")
    opened.page.reload()
    opened.until(f"{SEEN} && {SEEN}.join() === '14,18'")


def test_names_in_a_lane_are_text_only(open_report, report):
    opened = open_report(report)
    lanes = opened.ask("document.querySelector('#plot-lanes').layout.yaxis.ticktext")
    box = box_of(opened, "#plot-lanes .over")
    y = box["y"] + box["height"] * (lanes.index("mark") + 0.5) / len(lanes)
    opened.page.mouse.move(box["x"] + box["width"] * 3 / 42, y)
    assert "<img src=x" in opened.page.locator("#tip").inner_text()
    assert opened.ask("window.pwned") is None
    assert opened.ask("document.querySelectorAll('#tip img').length") == 0
    assert opened.console == []


def test_a_legend_entry_hides_its_series(open_report, report):
    opened = open_report(report)
    count = "document.querySelector('#plot-memory').data.length"
    drawn = opened.ask(count)
    opened.page.locator("#chart-memory .keys button", has_text="anon").click()
    opened.until(f"{count} === {drawn - 1}")


def test_the_axis_is_dragged_and_keys_move_and_zoom(open_report, report):
    opened = open_report(report)
    show(opened, 10.0, 20.0)
    drag(opened, ".time-axis:not(.end) .ticks", 0.5, 0.3)
    opened.until(f"Math.abs({SEEN}[0] - 12) < 0.05")
    opened.page.locator("#timeline .rows").focus()
    opened.page.keyboard.press("ArrowRight")
    opened.until(f"Math.abs({SEEN}[0] - 14) < 0.05")
    opened.page.keyboard.press("Home")
    opened.until(f"{SEEN}.join() === '0,42'")


def test_fingers_pinch_to_zoom(open_report, report):
    opened = open_report(report, width=390, has_touch=True, is_mobile=True)
    box = box_of(opened, "#plot-balloon .over")
    y = box["y"] + box["height"] / 2
    session = opened.page.context.new_cdp_session(opened.page)
    for kind, apart in (("touchStart", 30), ("touchMove", 60), ("touchMove", 90), ("touchEnd", None)):
        middle = box["x"] + box["width"] / 2
        points = (
            [] if apart is None else [{"x": middle - apart, "y": y, "id": 0}, {"x": middle + apart, "y": y, "id": 1}]
        )
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    opened.until(f"{SEEN}[1] - {SEEN}[0] < 20")
    from_s, to_s = opened.ask(SEEN)
    assert (from_s + to_s) / 2 == pytest.approx(21.0, abs=1.5)
    assert opened.ask("document.documentElement.scrollWidth - innerWidth") <= 0
