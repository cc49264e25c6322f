"""Texts for tickets and mailing lists: they hold what they should, fit, and do nothing that a name wants."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from hostile_names import HOSTILE_NAMES, LONG
from markdown_it import MarkdownIt
from named_recordings import secret, write_named
from synthetic_analysis import facts, storm

from tracer.analyze import Options
from tracer.analyze.model import Cycle
from tracer.analyze.terms import CycleClass
from tracer.jobs.analysis import WHOLE, opened
from tracer.jobs.letters import letter_of
from tracer.report.letter import Letter, letter, mail, markdown, typical_stretch
from tracer.report.letter.markdown import escaped
from tracer.wording.verdict import verdict

OWN_TOKENS = frozenset(
    {
        *("heading_open", "paragraph_open", "table_open", "bullet_list_open", "fence", "inline"),
        *("text", "strong_open", "code_inline"),
    }
)


def letter_from(path: Path) -> Letter:
    return letter_of(opened(path), Options(), WHOLE, "")


def hostile(path: Path) -> Path:
    names = itertools.cycle(HOSTILE_NAMES)
    given: dict[str, str] = {}
    return write_named(path, lambda what: given.setdefault(what, LONG if what == "arg" else next(names)))


def test_no_name_becomes_markup_in_markdown_nor_moves_a_terminal(tmp_path) -> None:
    made = letter_from(hostile(tmp_path / "hostile.rtrace"))
    for text in (markdown(made), mail(made)):
        assert all(char == "\n" or char.isprintable() or char == "\u2060" for char in text)
        assert len(text) < 30_000
    tokens = MarkdownIt("gfm-like").parse(markdown(made))
    kinds = {token.type for each in tokens for token in (each, *(each.children or ())) if token.nesting >= 0}
    assert kinds - OWN_TOKENS <= {"thead_open", "tbody_open", "tr_open", "th_open", "td_open", "list_item_open"}
    rows = [token for token in tokens if token.type == "tr_open"]
    cells = [token for token in tokens if token.type in {"td_open", "th_open"}]
    assert len(cells) == 2 * (1 + len(made.environment)) + 3 * (1 + len(made.totals))
    assert len(rows) == 2 + len(made.environment) + len(made.totals)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_escaped_text_is_read_as_it_was(name) -> None:
    clean = " ".join(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").split())
    [_, inline, _] = MarkdownIt("gfm-like").parse(escaped(clean))
    shown = "".join(token.content for token in inline.children)
    assert shown.replace("\u2060", "") == "".join(c if c.isprintable() else ascii(c)[1:-1] for c in clean)
    assert {token.type for token in inline.children} <= {"text", "text_special"}


def test_a_mail_is_at_most_72_columns_wide_whatever_is_in_it(tmp_path) -> None:
    for path in (hostile(tmp_path / "a.rtrace"), write_named(tmp_path / "b.rtrace")):
        lines = mail(letter_from(path)).splitlines()
        assert max(map(len, lines)) <= 72
        assert not any(line.startswith(("From ", ">", "-- ")) or line != line.rstrip() for line in lines)


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Path:
    return write_named(tmp_path_factory.mktemp("letters") / "named.rtrace")


def test_it_says_what_a_reader_of_a_list_asks_for(named) -> None:
    text = mail(letter_from(named))
    for words in (
        "6.12.1",
        "virtio_balloon",
        "deflate_on_oom",
        "watermarks not known",
        "Moved for nothing",
        "Worst wait",
    ):
        assert words in text
    made = letter_from(named)
    assert made.stretch.title == "One typical cycle"
    assert "median of 2" in made.stretch.why
    assert 3 <= len(made.moments.lines) <= 14
    times = [float(time) for time, _ in made.moments.lines]
    assert times == sorted(times)
    told = " ".join(words for _, words in made.moments.lines)
    assert f"{secret('notif')} (500): OOM notifier" in told
    assert "balloon: inflates 1.0 MiB" in told
    assert "balloon: leaks (oom_notifier) 1.0 MiB" in told


def letter_from_stdin(path: Path, *options: str) -> str:
    with path.open() as stream:
        ended = run("report", "-", *options, stdin=stream)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.replace("standard input", path.name)


def test_standard_input_is_told_as_its_file_is(named) -> None:
    told = letter_from_stdin(named, "--format", "mail")
    assert "balloon: inflates 1.0 MiB" in told
    assert told == mail(letter_from(named))


def test_standard_input_is_told_with_the_aliases_of_its_file(named) -> None:
    told = letter_from_stdin(named, "--format", "markdown", "--redact")
    assert secret("notif") not in told
    assert told == markdown(letter_of(opened(named, redact=True), Options(), WHOLE, ""))


def test_standard_input_that_is_cut_is_told_as_far_as_it_came(named, tmp_path) -> None:
    cut = tmp_path / "cut.rtrace"
    cut.write_bytes(named.read_bytes()[:-40])
    told = letter_from_stdin(cut, "--format", "mail")
    assert told == mail(letter_from(cut))
    assert "The recording was cut" in " ".join(told.split())


def test_text_goes_to_a_file_where_one_is_named_and_replaces_none(named, tmp_path) -> None:
    target = tmp_path / "ticket.md"
    command = ("report", named, "--format", "markdown", "--title", "Ticket 7", "-o", target)
    assert run(*command).returncode == 0
    assert target.read_text().startswith("## Ticket 7: reclaim and balloon\n")
    again = run(*command)
    assert again.returncode != 0
    assert "exists already" in again.stderr
    over = run("report", named, "--format", "mail", "-o", named, "--force")
    assert over.returncode != 0
    assert "is the same file as the input" in over.stderr


def cycle(number: int, wasted_pages: int, name: CycleClass = CycleClass.HOST_REINFLATE) -> Cycle:
    return Cycle(number, name, number, number + 0.5, wasted_pages // 2, wasted_pages // 2, wasted_pages, 0.1)


def test_the_cycle_shown_is_the_median_of_the_class_that_moved_most() -> None:
    few_large = [cycle(9, 50_000, CycleClass.ROUNDING)]
    cycles = [*few_large, *(cycle(number, wasted) for number, wasted in enumerate((90_000, 10, 40_000, 20, 30_000), 1))]
    analysis = replace(storm(), cycles=cycles)
    chosen = typical_stretch(analysis, verdict(analysis, facts()), 4096)
    assert chosen.from_s == 5
    assert "Cycle 5, host-reinflate" in chosen.why
    assert "median of 5" in chosen.why


def test_nothing_is_shown_where_nothing_is_wrong_and_unknown_is_no_zero() -> None:
    from synthetic_analysis import quiet

    made = letter(quiet(), facts(), None)
    assert made.stretch is None
    text = mail(made)
    assert "Findings: none" in text
    assert "One typical cycle" not in text
    assert io.StringIO(text).readline().endswith("seen by reclaim-tracer 0.1.0\n")
