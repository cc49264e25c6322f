"""The command line: its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from ..recorder.handover import HandOver
from ..terminal.exit_codes import NAME, run_to_exit
from . import check as check_command
from . import compare as compare_command
from . import demo, events, explain, export, fleet, import_, live, programs, record, replay, report, spans, sql, summary
from .compare_options import ArmsCommand

app = typer.Typer(
    name=NAME,
    help="Trace memory reclaim in a Linux guest: which tier supplied memory, what the balloon did, where they collide.",
    epilog=f"Start with: {NAME} check; {NAME} demo",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check", short_help="Show what can be traced here, and how to get what is missing.")(check_command.check)
app.command(
    "record",
    short_help="Trace this machine and print the summary.",
    context_settings={"allow_interspersed_args": False},
)(record.record)
app.command("live", short_help="Show what reclaim and the balloon do while they do it.")(live.live)
app.command("replay", short_help="Replay a recording: findings as they appear, then the summary.")(replay.replay)
app.command("summary", short_help="Analyse a recording and print text or JSON.")(summary.summary)
app.command("report", short_help="Analyse a recording and write one HTML file.")(report.report)
app.command("compare", cls=ArmsCommand, short_help="Hold recordings against each other.")(compare_command.compare)
app.command("fleet", short_help="Analyse many recordings, and report on all of them.")(fleet.fleet)
app.command("events", short_help="Print a recording's events: text, JSON lines or CSV.")(events.events)
app.command("spans", short_help="Print a recording's spans, nested: text, JSON lines or CSV.")(spans.spans)
app.command("export", short_help="Write a recording in the format of another tool.")(export.export)
app.command("sql", short_help="Answer questions in SQL about recordings.")(sql.sql)
app.command("explain", short_help="Explain a kind of finding, and what to try.")(explain.explain)
app.command("import", short_help="Convert a trace from ftrace, trace-cmd or perf into a recording.")(import_.import_)
app.add_typer(
    programs.app,
    name="programs",
    help="Compiled programs to carry along, and this machine's cache of them.",
    short_help="Compiled programs to carry along: describe, build, list, clean.",
)
app.command("demo", short_help="Trace this machine under a bounded load.")(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit with its code."""
    run_to_exit(_run)


def _run() -> None:
    try:
        app(prog_name=NAME)
    except HandOver as rest:
        rest.go_on()
