"""What keys and the mouse do on the screen, and what is drawn when."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from time import monotonic

import pytest
from live_sessions import GivenPlayer, GivenSession, lines_and_app, pressing, viewed
from live_snapshots import quiet, storm
from rich.style import Style

from tracer.errors import UsageError
from tracer.screen.app import THEMES, LiveApp
from tracer.screen.help_text import keys_of


def test_before_the_first_state_it_says_that_nothing_was_seen():
    lines = viewed(GivenSession(None))
    assert lines[0].startswith(" BLIND  nothing seen yet")
    assert "OK" not in "".join(lines)


def test_the_newest_state_is_drawn_and_an_unchanged_one_is_not(monkeypatch):
    session = GivenSession(quiet())

    async def change(pilot):
        drawn = []
        screen = pilot.app.main_screen
        monkeypatch.setattr(screen, "draw", lambda: drawn.append(screen.snapshot))
        pilot.app.tick()
        pilot.app.tick()
        assert drawn == []
        session.snapshot = storm()
        pilot.app.tick()
        pilot.app.tick()
        assert len(drawn) == 1
        monkeypatch.undo()
        screen.draw()

    assert viewed(session, change)[0].startswith(" FIGHTING ")


def test_a_newer_state_is_drawn_when_it_comes_ten_times_a_second_at_most(monkeypatch):
    session, begun_s = GivenSession(quiet()), monotonic() + 1000.0

    async def change(pilot):
        screen = pilot.app.main_screen
        drawn, passed_s = [], [0.0]
        monkeypatch.setattr("tracer.screen.main_screen.monotonic", lambda: begun_s + passed_s[0])
        monkeypatch.setattr(screen, "draw", lambda: drawn.append(passed_s[0]))
        for at_s, state in ((0.0, storm()), (0.05, quiet()), (0.099, storm()), (0.11, quiet())):
            passed_s[0], session.snapshot = at_s, state
            pilot.app.look()
            pilot.app.look()
        assert drawn == [0.0, 0.11]
        monkeypatch.undo()
        screen.draw()

    assert viewed(session, change)[0].startswith(" OK ")


def test_a_frame_is_left_out_while_the_terminal_has_not_taken_the_last():
    session = GivenSession(quiet())

    async def behind(pilot):
        session.snapshot = storm()
        pilot.app.main_screen.tick(can_draw=False)
        assert pilot.app.main_screen.snapshot.standing.state == "ok"
        pilot.app.main_screen.tick()

    assert viewed(session, behind)[0].startswith(" FIGHTING ")


def test_the_screen_is_held_while_the_session_goes_on():
    session = GivenSession(quiet())

    async def change(pilot):
        session.snapshot = storm()

    held = viewed(session, pressing("p"), change)
    assert held[0].startswith(" OK ")
    assert "SCREEN HELD at 26.3 s, recording goes on" in held[1]
    assert viewed(session, pressing("p"), change, pressing("p"))[0].startswith(" FIGHTING ")


def test_tab_goes_through_the_panes_and_back():
    titles = ["Waiting tasks", "Waiting cgroups", "Shrinkers", "Episode", "History", "Findings"]
    for number, title in enumerate(titles):
        lines = viewed(GivenSession(storm()), pressing(*["tab"] * number))
        assert any(line.startswith(f"▸ {title} ") for line in lines)
    assert any(line.startswith("▸ Findings") for line in viewed(GivenSession(storm()), pressing("shift+tab")))


def test_sorting_changes_the_order_and_says_so():
    lines = viewed(GivenSession(storm()), pressing("o"))
    assert lines[-1] == "sorted by total"
    rows = [line.split()[0] for line in lines if line.startswith(("python3 ", "dd "))]
    assert rows == ["dd", "python3"]


def test_the_chosen_finding_is_opened_and_kept_up_to_date():
    session = GivenSession(storm())

    async def more(pilot):
        newer = replace(session.snapshot.findings[1], text="it was tapped 99 times", open=True)
        session.snapshot = replace(session.snapshot, findings=[session.snapshot.findings[0], newer])

    opened = viewed(session, pressing("shift+tab", "down", "enter"))
    assert opened[0] == " warning: premature_tap"
    assert any("What it means" in line for line in opened)
    text = "\n".join(viewed(session, pressing("shift+tab", "down", "enter"), more))
    assert "it was tapped 99 times" in text
    assert "still going on" in text
    assert viewed(session, pressing("enter", "escape"))[0].startswith(" FIGHTING ")


def test_the_chosen_row_stays_chosen_when_others_come_before_it():
    session = GivenSession(storm())

    async def newer(pilot):
        first = replace(session.snapshot.findings[0], id=99, kind="lost", text="new")
        session.snapshot = replace(session.snapshot, findings=[first, *session.snapshot.findings])

    assert viewed(session, pressing("shift+tab", "down"), newer, pressing("enter"))[0] == " warning: premature_tap"
    assert viewed(session, newer, pressing("enter"))[0] == " critical: lost", "else it is the first"


def test_without_findings_there_is_nothing_to_open():
    assert viewed(GivenSession(quiet()), pressing("enter"))[-1] == "there is no finding to open"


def test_a_mark_has_words_and_escape_makes_none():
    session = GivenSession(storm())
    lines = viewed(session, pressing("m", "h", "i", "enter"))
    assert session.asked == [("mark", "hi")]
    assert lines[-1] == "marked: hi"
    viewed(session, pressing("m", "x", "escape"), pressing("m", "enter"))
    assert session.asked == [("mark", "hi")]


def test_what_can_not_be_done_is_said_in_the_last_line():
    session = GivenSession(storm())
    assert viewed(session, pressing("s"))[-1] == "can't save to /x.rtrace: [red]disk full"
    bare = GivenSession(storm(), can_mark=False, can_save=False)
    assert viewed(bare, pressing("m"))[-1].startswith("marks can be made only in a recording")
    assert viewed(bare, pressing("s"))[-1].startswith("there is nothing in memory to save")
    assert bare.asked == []


def test_a_report_is_asked_for_and_its_message_shown_once_it_is_there():
    session = GivenSession(storm())
    assert viewed(session, pressing("r"))[-1] == "writing a report"
    session.messages.append("wrote /tmp/x.html")
    assert viewed(session)[-1] == "wrote /tmp/x.html"


def test_a_message_goes_after_a_while():
    session = GivenSession(storm())
    session.messages.append("wrote it")

    async def wait(pilot):
        for _ in range(60):
            pilot.app.tick()

    assert viewed(session, wait)[-1].startswith("q quit ")


def test_a_player_pauses_seeks_changes_speed_and_finds():
    player = GivenPlayer(storm())
    lines = viewed(player, pressing("p", "plus", "plus", "minus", "left", "left", "right", "n"))
    assert player.paused
    assert player.speed == 2.0
    assert player.asked == [
        ("seek", pytest.approx(16.3)),
        ("seek", pytest.approx(6.3)),
        ("seek", pytest.approx(16.3)),
        "next",
    ]
    assert lines[1].endswith("paused 26.3/58.0 s x2")
    assert lines[-1] == "at finding 2 of 3"


@pytest.mark.parametrize("kind", [GivenSession, GivenPlayer])
@pytest.mark.parametrize("width", [80, 200])
def test_the_last_line_and_the_help_name_every_key(kind, width):
    session = kind(storm())
    keys = keys_of(plays=kind is GivenPlayer, can_mark=session.can_mark, can_save=session.can_save)
    foot = viewed(session, size=(width, 24))[-1].split()
    assert {key.shown for key in keys} <= set(foot)
    helped = "\n".join(viewed(session, pressing("question_mark"), size=(width, 100)))
    for key in keys:
        assert f"\n   {key.shown} " in helped
    for word in ("BLIND", "STARVED", "~ inferred, ≥ at least, ? unknown", "not judged: refault"):
        assert word in helped


def test_a_click_on_a_key_is_that_key_and_on_a_row_chooses_it():
    session = GivenSession(storm())

    async def click_report(pilot):
        await pilot.click("#foot", offset=(67, 0))

    viewed(session, click_report)
    assert session.asked == ["report"]

    async def click_finding(pilot):
        await pilot.click("#findings", offset=(30, 2))
        await pilot.click("#findings", offset=(30, 2))

    assert viewed(session, click_finding)[0] == " warning: premature_tap"


def test_the_wheel_goes_through_rows():
    session = GivenSession(storm())

    async def scroll(pilot):
        pilot.app.main_screen.query_one("#waiting").on_mouse_scroll_down()

    async def chosen(pilot):
        assert pilot.app.main_screen.query_one("#waiting").chosen().name == "reclaim-tracer"

    viewed(session, scroll, chosen)


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
def test_keys_that_end_the_view_leave_the_session_to_whoever_opened_it(key):
    session = GivenSession(storm())
    _, app = lines_and_app(session, pressing(key))
    assert app._exit
    assert session.asked == []


def test_colours_are_the_terminals_own_and_d_changes_them():
    _, app = lines_and_app(GivenSession(storm()))
    assert app.theme == THEMES[0] == "ansi-dark"
    seen = []
    for presses in range(1, 5):
        lines, app = lines_and_app(GivenSession(storm()), pressing(*["d"] * presses))
        seen.append(app.theme)
        assert lines[-1].startswith("colours: ")
    assert seen == [*THEMES[1:], THEMES[0]]


def test_no_color_means_none(monkeypatch):
    async def look(pilot):
        found.append(_styles(pilot.app))

    found: list[list[Style]] = []
    viewed(GivenSession(storm()), look)
    monkeypatch.setenv("NO_COLOR", "1")
    lines = viewed(GivenSession(storm()), look)
    coloured = [[style for style in styles if _is_coloured(style)] for styles in found]
    assert coloured[0]
    assert not coloured[1]
    assert any(style.reverse for style in found[1]), "the state stands out"
    assert lines[0].startswith(" FIGHTING ")


def _styles(app: LiveApp) -> list[Style]:
    """Those that are drawn with."""
    filters = [each for each in app._filters if each.enabled]
    strips = [
        reduce(lambda line, each: line.apply_filter(each, app.screen.styles.background), filters, strip)
        for strip in app.screen._compositor.render_strips()
    ]
    return [segment.style for strip in strips for segment in strip if segment.style]


def _is_coloured(style: Style) -> bool:
    return any(colour is not None and not colour.is_default for colour in (style.color, style.bgcolor))


def test_an_error_inside_is_kept_for_whoever_started_the_view():
    class Broken(GivenSession):
        def latest(self):
            raise UsageError("broken")

    with pytest.raises(UsageError, match="broken"):
        viewed(Broken(None))
