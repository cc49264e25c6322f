"""The questions of docs/sql.md, and answers as the command prints them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.golden.cases import DATA
from tracer.analyze import Options
from tracer.jobs.asking import Asking
from tracer.terminal.row_text import row_lines

DOC = Path(__file__).parents[2] / "docs" / "sql.md"
_QUESTION = re.compile(
    r'```sh\nreclaim-tracer sql (?P<files>[^"]*) "\n(?P<query>[^`]*)"\n```(?:\n\n```text\n(?P<printed>[^`]*)```)?'
)


class Question(NamedTuple):
    block: str
    files: tuple[Path, ...]
    query: str
    printed: str | None


def questions() -> list[Question]:
    found = []
    for each in _QUESTION.finditer(DOC.read_text()):
        files = tuple(DATA / name for name in each["files"].split())
        block = each[0].partition("\n\n```text")[0]
        found.append(Question(block, files, each["query"].replace('\\"', '"'), each["printed"]))
    return found


def answer_text(files: Sequence[Path], query: str) -> str:
    with Asking(files, Options()).rows(query, lambda _: None) as rows:
        return "".join(f"{line}\n" for line in row_lines(rows.names, rows.numbers, rows.rows))
