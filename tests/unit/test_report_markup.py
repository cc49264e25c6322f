"""Nothing from a recording becomes markup or code."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_analysis import HOSTILE

from tracer.analyze.terms import Quality, Tier
from tracer.errors import TracerError
from tracer.report.markup import script_json
from tracer.report.table import Cell, Column, Table, quality, tier, times, word
from tracer.report.templates import environment, fill


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


def text(name: object) -> str:
    return environment().from_string("{{ name }}").render(name=name)


def table(made: Table) -> str:
    """The table's markup without the white space between tags."""
    source = environment().from_string('{% import "macros.html" as ui %}{{ ui.table(made) }}').render(made=made)
    return re.sub(r">\s+<", "><", source).strip()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<b>", "&lt;b&gt;"),
        ("a\"b'c&", "a&#34;b&#39;c&amp;"),
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
    columns = [Column("Task"), Column("Waited", True)]
    found = Collector(table(Table("Task <waits>", columns, [[word(HOSTILE), Cell("1 s", 1.0)]])))
    assert found.tags == ["div", "div", "table", "caption", "thead", "tr", "th", "th", "tbody", "tr", "th", "td"]
    assert found.texts[0] == "Task <waits>"
    assert found.texts[3].startswith("</script><img")


@pytest.mark.parametrize("of", ["text", "small", "badge", "link", "css", "tier"])
def test_no_part_of_a_cell_can_become_markup(of):
    value = (HOSTILE,) if of == "small" else HOSTILE
    source = table(Table("x", [Column("Task")], [[Cell(**{"text": "words", of: value})]]))
    assert not {"img", "script"} & set(Collector(source).tags)
    assert "\x1b" not in source


def test_a_time_carries_its_stretch_and_a_label_its_class():
    row = [times(1.5, 2.0), quality(Quality.INFERRED), tier(Tier.DIRECT, "direct")]
    source = table(Table("x", [Column("a"), Column("b"), Column("c")], [row]))
    assert 'data-from="1.500000" data-to="2.000000">1.500 s for 500 ms</button>' in source
    assert '<span class="badge inferred">inferred</span>' in source
    assert '<span class="tier" style="--c:var(--tier-2)">2 direct</span>' in source


def test_only_sortable_tables_carry_sort_values():
    rows = [[word("a"), Cell("1 s", 1.0)]]
    columns = [Column("Task"), Column("Waited", True)]
    assert "data-v" not in table(Table("x", columns, rows))
    assert 'data-v="1"' in table(Table("x", columns, rows, sortable=True))


def test_a_lacking_template_is_one_clear_line():
    with pytest.raises(
        TracerError, match=r"the installation is incomplete: no nosuch\.html in .*install reclaim-tracer"
    ):
        fill("nosuch.html", {})
