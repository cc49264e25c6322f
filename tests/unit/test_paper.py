"""Tables and paragraphs as wide as the terminal, and whether they are coloured."""

from __future__ import annotations

import io

import pytest

from tracer.terminal.cells import cells, cut, pad, wrap
from tracer.terminal.paper import WIDTH, Paper, stdout_paper, wants_colour

COLOUR_VARIABLES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM", "COLUMNS")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_text_breaks_at_words_and_keeps_all_of_them():
    text = "some words of which a_few_are_very_long_indeed and some are not"
    for width in range(5, 80):
        lines = wrap(text, width)
        assert max(map(cells, lines)) <= width
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrap(text, 30) == ["some words of which", "a_few_are_very_long_indeed and", "some are not"]


def test_a_number_is_not_parted_from_its_unit():
    for padding in range(60, 100):
        lines = Paper().paragraph("x" * padding + " 123 MiB went away")
        assert not any(line.endswith("123") for line in lines)
        assert any("123 MiB" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "together"),
    [
        ("slab objects freed: super_cache_scan 982, kfree_rcu_shrink_scan 3", "kfree_rcu_shrink_scan 3"),
        ("(last try); ~ inferred, - not known", "~ inferred,"),
        ("(last try); ~ inferred, - not known", "- not"),
        ("reclaim took 100 % of the time", "100 %"),
    ],
)
def test_what_says_nothing_by_itself_stays_with_its_neighbour(text, together):
    for width in range(len(together), len(text)):
        assert any(together in line for line in wrap(text, width))


@pytest.mark.parametrize(
    ("word", "width", "lines"),
    [
        ("tracepoint:vmscan:mm_vmscan_kswapd_wake", 32, ["tracepoint:vmscan:", "mm_vmscan_kswapd_wake"]),
        ("mm_vmscan_memcg_softlimit_reclaim_begin", 37, ["mm_vmscan_memcg_softlimit_reclaim_", "begin"]),
        ("/var/lib/some/folder", 14, ["/var/lib/some/", "folder"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a:bcdefghijklm", 10, ["a:bcdefghi", "jklm"]),
        ("メモリ回収", 5, ["メモ", "リ回", "収"]),
    ],
)
def test_a_word_longer_than_a_line_is_parted_at_a_joint(word, width, lines):
    assert wrap(word, width) == lines


def test_a_line_without_a_lead_goes_on_indented():
    assert Paper(width=48).paragraph("some words " * 6, "") == [
        "some words some words some words some words",
        "  some words some words",
    ]


def test_nothing_to_say_is_an_empty_line():
    assert wrap("", 10) == [""]
    assert cut("", 10) == [""]
    assert Paper().table(("name", "a"), [("x", "")]) == ["  name", "  x"]
    assert Paper().rows([]) == []


@pytest.mark.parametrize(("text", "size"), [("name", 4), ("メモリ", 6), ("e\u0301", 1), ("\u200b", 0), ("ﾒﾓﾘ", 3)])
def test_letters_take_the_cells_that_a_terminal_gives_them(text, size):
    assert cells(text) == size
    assert cells(pad(text, 8)) == cells(pad(text, 8, right=True)) == 8


def test_wide_letters_are_cut_where_the_terminal_ends():
    assert cut("メモリ回収", 5) == ["メモ", "リ回", "収"]


def test_a_paragraph_hangs_under_its_first_word_and_stops_short_of_a_very_wide_terminal():
    lines = Paper(width=400).paragraph("word " * 60, "Lead: ")
    assert {line[:6] for line in lines} == {"Lead: ", " " * 6}
    assert 100 < max(map(len, lines)) <= 120


def test_a_table_leaves_empty_columns_out():
    rows = [("x", "", "1"), ("long", "", "22")]
    assert Paper().table(("name", "a", "b"), rows) == ["  name   b", "  x      1", "  long  22"]


HEADS = ("name", "calls", "scanned", "time", "p99")
ROWS = (("first", "12", "123,456", "1.5 s", "12 ms"), ("second", "1", "2", "3 s", "4 ms"))


def test_a_table_too_wide_goes_on_below_with_its_names_again():
    assert Paper(width=40).table(HEADS, ROWS) == [
        "  name    calls  scanned   time    p99",
        "  first      12  123,456  1.5 s  12 ms",
        "  second      1        2    3 s   4 ms",
    ]
    assert Paper(width=32).table(HEADS, ROWS) == [
        "  name    calls  scanned   time",
        "  first      12  123,456  1.5 s",
        "  second      1        2    3 s",
        "  name      p99",
        "  first   12 ms",
        "  second   4 ms",
    ]


def test_a_table_folds_where_its_columns_belong_apart():
    assert [line.split() for line in Paper(width=32).table(HEADS, ROWS, fold_at={3}) if "name" in line] == [
        ["name", "calls", "scanned"],
        ["name", "time", "p99"],
    ]


def test_a_long_name_takes_lines_of_its_own():
    lines = Paper(width=40).table(HEADS, [("n" * 50, *ROWS[0][1:])])
    assert max(map(len, lines)) <= 40
    assert sum(line.count("n") - line.count("name") - line.count("scanned") * 2 for line in lines) >= 50


def test_a_row_without_room_for_its_last_cell_has_it_below():
    assert Paper(width=40).rows([("refused", "a" * 25, "the kernel said no to this one")]) == [
        "  refused aaaaaaaaaaaaaaaaaaaaaaaaa",
        "    the kernel said no to this one",
    ]


def test_colour_has_its_word_beside_it():
    paper = Paper(colour=True)
    assert paper.paragraph("Pages moved.", "  critical  ", "critical") == ["  \x1b[1;31mcritical\x1b[0m  Pages moved."]
    assert paper.paragraph("Pages moved.", "  info  ", "info") == ["  info  Pages moved."]
    assert paper.rows([("ok", "bcc")]) == ["  \x1b[32mok\x1b[0m  bcc"]


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"CLICOLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"CLICOLOR_FORCE": "1"}, False, True),
        ({"CLICOLOR_FORCE": "0"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_for_those_who_look_and_want_it(environment, terminal, coloured, monkeypatch):
    for name in COLOUR_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(Terminal() if terminal else io.StringIO()) is coloured


@pytest.mark.parametrize(
    ("columns", "width"),
    [(None, WIDTH), ("132", 132), ("9", 48), ("", WIDTH), ("0", WIDTH), ("x", WIDTH), ("9" * 9, WIDTH)],
)
def test_a_pipe_has_a_fixed_width_unless_told_another(columns, width, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    for name in COLOUR_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert stdout_paper() == Paper(colour=False, width=width, height=0)
