"""Nothing from a recording becomes markup or code."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_analysis import HOSTILE

from tracer.report.markup import Cell, Column, script_json, table, text, word


class Collector(HTMLParser):
    """Tags and texts of a piece of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<b>", "&lt;b&gt;"),
        ("a\"b'c&", "a&quot;b&#x27;c&amp;"),
        ("\x1b[31mred\n", "\\x1b[31mred\\x0a"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\ud800", "\\ud800"),
    ],
)
def test_names_are_shown_and_never_interpreted(name, shown):
    assert text(name) == shown


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_name_can_be_written_as_utf8_and_holds_no_markup(name):
    shown = text(name)
    shown.encode("utf-8")
    assert not set(shown) & set("<>\"'")


@given(st.text())
def test_json_survives_a_script_element_and_means_the_same(value):
    encoded = script_json({"value": value + HOSTILE})
    assert "</" not in encoded
    assert not set(encoded) & set("<>&\u2028\u2029")
    assert json.loads(encoded) == {"value": value + HOSTILE}


def test_a_table_has_a_caption_column_and_row_headings_and_escaped_cells():
    found = Collector(
        table("Task <waits>", [Column("Task"), Column("Waited", True)], [[word(HOSTILE), Cell("1 s", 1.0)]])
    )
    assert found.tags == ["div", "table", "caption", "thead", "tr", "th", "th", "tbody", "tr", "th", "td"]
    assert found.texts[0] == "Task <waits>"
    assert found.texts[3].startswith("</script><img")


def test_only_sortable_tables_carry_sort_values():
    rows = [[word("a"), Cell("1 s", 1.0)]]
    columns = [Column("Task"), Column("Waited", True)]
    assert "data-v" not in table("x", columns, rows)
    assert 'data-v="1"' in table("x", columns, rows, sortable=True)
