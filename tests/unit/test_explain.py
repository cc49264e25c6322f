"""`explain`, docs/findings.md and the report: one text for each kind of finding."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from findings_page import COMMAND, PAGE, page
from synthetic_analysis import facts, storm
from typer.testing import CliRunner

from tracer.analyze.findings.kind import KINDS_MOST, Explanation
from tracer.analyze.findings.registry import KIND_BY_NAME, KINDS
from tracer.commands.app import app
from tracer.report import render
from tracer.terminal.cells import cells
from tracer.terminal.explain_text import kind_text, kinds_text
from tracer.terminal.paper import Paper

NAMES = [kind.name for kind in KINDS]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["explain", *arguments])
    return result.exit_code, result.output


def test_kinds_are_listed_with_their_titles():
    code, text = run()
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()[1 : 1 + len(KINDS)]] == NAMES
    assert all(kind.title in text for kind in KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_is_explained_whole(name):
    code, text = run(name)
    assert code == 0
    words, explanation = " ".join(text.split()), KIND_BY_NAME[name].explanation
    for field in fields(Explanation):
        value = getattr(explanation, field.name)
        for paragraph in (value,) if isinstance(value, str) else value:
            assert paragraph
            assert " ".join(paragraph.split()) in words


@pytest.mark.parametrize("width", [48, 80, 200])
def test_explanations_fit_the_terminal(width):
    for text in (kinds_text(KINDS, Paper(width=width)), *(kind_text(kind, Paper(width=width)) for kind in KINDS)):
        assert max(map(cells, text.splitlines())) <= width
        assert text.endswith("\n")


@pytest.mark.parametrize("spelled", ["kswapd-gave-up", "KSWAPD_GAVE_UP"])
def test_a_kind_may_be_spelled_as_it_is_typed(spelled):
    assert run(spelled) == run("kswapd_gave_up")


@pytest.mark.parametrize(
    ("name", "said"),
    [("strom", "did you mean storm"), ("zzz", "`reclaim-tracer explain` lists them"), ("\x1b[31m", r"\x1b[31m")],
)
def test_an_unknown_kind_is_one_line_with_what_may_have_been_meant(name, said):
    code = "from tracer.commands.entry import main; main()"
    result = subprocess.run([sys.executable, "-c", code, "explain", name], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


def test_explaining_loads_no_numpy():
    code = (
        "import sys; sys.argv = ['reclaim-tracer', 'explain', 'storm']\n"
        "from tracer.commands.app import app\n"
        "app(standalone_mode=False)\n"
        "sys.exit(sorted({'numpy', 'pyarrow', 'pandas'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_page_is_that_of_the_registry():
    assert PAGE.read_text() == page(), f"to write it anew: {COMMAND}"


def test_numbers_of_kinds_are_their_own():
    numbers = [kind.number for kind in KINDS]
    assert len(set(numbers)) == len(KINDS) == len(KIND_BY_NAME)
    assert 0 < min(numbers) <= max(numbers) < KINDS_MOST


def test_the_report_explains_each_kind_that_it_found_once_and_no_other():
    analysis = storm()
    analysis = replace(analysis, findings=[*analysis.findings, replace(analysis.findings[0], id=9)])
    shown = render(analysis, facts())
    explained = re.findall(r'<details class="explanation" id="explain-(\w+)">(.*?)</details>', shown, re.DOTALL)
    assert sorted(name for name, _ in explained) == ["conflict", "storm"]
    for name, body in explained:
        assert f'<a href="#explain-{name}">' in shown
        words = html.unescape(re.sub("<[^>]+>", "", body))
        for part in KIND_BY_NAME[name].parts():
            assert all(paragraph.replace("`", "") in words for paragraph in part.paragraphs)
