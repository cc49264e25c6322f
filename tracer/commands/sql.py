"""`reclaim-tracer sql`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..csv_cells import cell
from ..errors import UsageError
from ..output_stream import STDOUT, refuse_terminal
from ..terminal.loading import loading
from ..terminal.messages import print_lines, say
from .evidence_options import csv_lines, json_lines
from .options import GAP_S, HORIZON_S, Force, Gap, Horizon, Redact, Verbose, named

if TYPE_CHECKING:
    from ..jobs.asking import Asking, Cost, NewAnswer, Rows


class Form(StrEnum):
    """What an answer is written as."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def sql(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE... [QUERY]",
            help="Recordings (.rtrace), then a SELECT. Without one, a prompt, or queries from standard input.",
            show_default=False,
        ),
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    as_parquet: Annotated[bool, typer.Option("--parquet", help="Write a Parquet file.")] = False,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="File. Default: -, standard output.", show_default=False),
    ] = STDOUT,
    force: Force = False,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    redact: Redact = False,
    verbose: Verbose = False,
) -> None:
    """Answer questions in SQL about recordings; docs/sql.md has the tables and examples.

    \b
    Examples:
      reclaim-tracer sql trace.rtrace "SELECT tier, scope, busy_s, file_pages FROM tiers"
      reclaim-tracer sql *.rtrace "SELECT recording_id, kind, count(*) FROM findings GROUP BY ALL" --csv
      reclaim-tracer sql trace.rtrace
    """
    form = _form(as_csv=as_csv, as_json=as_json, as_parquet=as_parquet)
    with loading():
        from ..analyze import Options
        from ..jobs.asking import Asking, NewAnswer, bounded, divided

    files, question = divided(words)
    target = output if output == STDOUT else named(output)
    with bounded(files):
        asking = Asking(files, Options(horizon_s=horizon, gap_s=gap), redact=redact)
        questions = [question] if question is not None else _questions(target)
        say_cost = partial(_say_cost, verbose)
        if questions is None:
            _prompt(asking, form, say_cost)
        elif target == STDOUT:
            for each in questions:
                _print(asking, form, say_cost, each)
        else:
            _write(asking, form, say_cost, _only(questions), NewAnswer(target, force, files))
        if missing := asking.missing_part():
            say(f"Rows may be missing: {missing}.")


def _form(*, as_csv: bool, as_json: bool, as_parquet: bool) -> Form:
    wanted = [form for form, asked in ((Form.CSV, as_csv), (Form.JSON, as_json), (Form.PARQUET, as_parquet)) if asked]
    if len(wanted) > 1:
        raise UsageError("--csv, --json and --parquet exclude each other")
    return wanted[0] if wanted else Form.TEXT


def _questions(target: Path) -> list[str] | None:
    """Those on standard input; None where a person is to be asked for them."""
    from ..terminal.prompt import statements

    if not sys.stdin.isatty():
        if not (given := [*statements(sys.stdin.read())]):
            raise UsageError("there is no query: give one behind the recordings, or on standard input")
        return given
    if target != STDOUT:
        raise UsageError("-o takes one answer: give the query on the command line")
    return None


def _only(questions: Sequence[str]) -> str:
    if len(questions) != 1:
        raise UsageError(f"-o takes one answer, and there are {len(questions)} queries")
    return questions[0]


def _prompt(asking: Asking, form: Form, say_cost: Callable[[Cost], object]) -> None:
    from ..jobs.asking import columns_of, tables
    from ..terminal.paper import stdout_paper
    from ..terminal.prompt import Prompt

    def listed(rows: list[tuple[str, ...]]) -> str:
        return "\n".join(stdout_paper().rows(rows)) + "\n"

    commands = {
        "tables": lambda _: listed([*tables().items()]),
        "schema": lambda name: listed([(column, unit, doc or " ") for column, unit, doc in columns_of(name)]),
    }
    Prompt(partial(_print, asking, form, say_cost), commands).run()


def _print(asking: Asking, form: Form, say_cost: Callable[[Cost], object], question: str) -> None:
    if form is Form.PARQUET:
        refuse_terminal()
        asking.write_parquet(question, sys.stdout.buffer, say_cost)
        sys.stdout.buffer.flush()
        return
    with asking.rows(question, say_cost) as rows:
        print_lines(_lines(form, rows))


def _write(asking: Asking, form: Form, say_cost: Callable[[Cost], object], question: str, target: NewAnswer) -> None:
    with target.stream() as stream:
        if form is Form.PARQUET:
            asking.write_parquet(question, stream, say_cost)
            return
        with asking.rows(question, say_cost) as rows:
            stream.writelines(f"{line}\n".encode() for line in _lines(form, rows))


def _lines(form: Form, rows: Rows) -> Iterator[str]:
    if form is Form.JSON:
        return json_lines(dict(zip(rows.names, row, strict=True)) for row in rows.rows)
    if form is Form.CSV:
        return csv_lines(rows.names, ([cell(value) for value in row] for row in rows.rows))
    from ..terminal.row_text import row_lines

    return row_lines(rows.names, rows.numbers, rows.rows)


def _say_cost(verbose: bool, cost: Cost) -> None:
    if verbose:
        from ..wording.numbers import bytes_, plural

        read = f"read {bytes_(cost.read_bytes)} of {bytes_(cost.file_bytes)}"
        say(f"{plural(cost.rows, 'row')}; {read} in {cost.seconds:.2f} s")
