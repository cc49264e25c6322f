"""`reclaim-tracer compare`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand

from ..compare.align import Align
from ..errors import shown
from ..terminal.loading import loading
from ..terminal.messages import print_result, say
from .gate_options import FailOn, Junit, conditions_of, exit_by, tell
from .options import GAP_S, HORIZON_S, Force, From, Gap, Horizon, To, named

if TYPE_CHECKING:
    from ..jobs.comparing import ArmFiles

_BEFORE: Final = "before"
_AFTER: Final = "after"
_SEVERAL: Final = ("--before", "--after")
_ARM: Final = "--arm"
_PARTS: Final = "\0"
"""Stands between an arm's name and a file: neither of them can hold it."""


def spread(words: Sequence[str]) -> Iterator[str]:
    """The command line with one file an option: `--before A B` becomes `--before A --before B`, `--arm X A B` becomes
    `--arm X\\0A --arm X\\0B`, and an arm without a file stays `--arm X`. Files end at the next option."""
    option, name, has_file = "", "", False
    for word in words:
        if word.startswith("-"):
            if name and not has_file:
                yield from (option, name)
            has_file = False
            option, name = (word if word in (*_SEVERAL, _ARM) else ""), ""
            if not option:
                yield word
        elif option == _ARM and not name:
            name = word
        elif option:
            yield from (option, f"{name}{_PARTS}{word}" if name else word)
            has_file = True
        else:
            yield word
    if name and not has_file:
        yield from (option, name)


class ArmsCommand(TyperCommand):
    """A command whose `--before`, `--after` and `--arm` take several files."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own click
        """Read the command line."""
        return super().parse_args(ctx, list(spread(args)))


def compare(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="BEFORE AFTER", readable=False, help="Recordings, one an arm.", show_default=False),
    ] = None,
    before: Annotated[
        list[Path] | None,
        typer.Option("--before", metavar="FILE...", help="Several recordings of before.", show_default=False),
    ] = None,
    after: Annotated[
        list[Path] | None,
        typer.Option("--after", metavar="FILE...", help="Several recordings of after.", show_default=False),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            "--arm", metavar="NAME FILE...", help="Recordings of one arm; the first arm is before.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.html", help="Also write a page.", show_default=False),
    ] = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    align: Annotated[Align, typer.Option(help="What is second 0 of each recording.")] = Align.START,
    mark: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Second 0 is the first mark with this text.", show_default=False),
    ] = None,
    by_work: Annotated[
        bool, typer.Option("--by-work", help="Judge costs by GiB that the kernel allocated, not by second.")
    ] = False,
    from_s: From = None,
    to_s: To = None,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    fail_on: FailOn = None,
    junit: Junit = None,
) -> None:
    """Hold recordings against each other: what differs, and how sure one can be of it.

    \b
    Examples:
      reclaim-tracer compare before.rtrace after.rtrace -o compared.html
      reclaim-tracer compare --before a1.rtrace a2.rtrace --after b1.rtrace b2.rtrace
      reclaim-tracer compare --arm none n.rtrace --arm shrinker s.rtrace --arm notifier o.rtrace
      reclaim-tracer compare before.rtrace after.rtrace --fail-on 'refault>+20%, stall>+1s' --junit gate.xml
    """
    with loading():
        from ..analyze import Options
        from ..compare.as_json import compare_json
        from ..compare.gating import judge_comparison
        from ..jobs.analysis import Span
        from ..jobs.comparing import Request
        from ..outputs import check_output
        from ..report.compared.page import WHAT, write_comparison
        from ..terminal.compare_text import compare_text
        from ..terminal.paper import stdout_paper
        from ..wording.numbers import bytes_

    arms = arms_of(files or [], before or [], after or [], arm or [])
    recordings = [path for each in arms for path in each.files]
    conditions = conditions_of(fail_on, junit, recordings, compares=True)
    if output is not None and junit is not None and output.resolve() == junit.resolve():
        raise typer.BadParameter("--output names the same file", param_hint="'--junit'")
    if output is not None:
        check_output(named(output), force=force, what=WHAT, inputs=recordings)
    by = Align.MARK if mark is not None else align
    comparison = Request(arms, Options(horizon_s=horizon, gap_s=gap), Span(from_s, to_s), by, mark, by_work).run()
    judged = judge_comparison(conditions, comparison)
    if as_json:
        text = json.dumps(compare_json(comparison, judged), indent=2) + "\n"
    else:
        text = compare_text(comparison, stdout_paper())
    if output is not None:
        size = write_comparison(output, comparison, recordings, force=force)
        say(f"Wrote {shown(output)} ({bytes_(size)})")
    tell(judged, junit, "reclaim-tracer compare")
    print_result(text)
    exit_by(judged)


def arms_of(files: list[Path], before: list[Path], after: list[Path], arms: list[str]) -> list[ArmFiles]:
    """The arms as they were given, in one of three ways. Raises typer.BadParameter."""
    from ..jobs.comparing import ArmFiles

    ways = [bool(files), bool(before or after), bool(arms)]
    if sum(ways) != 1:
        raise typer.BadParameter("give BEFORE AFTER, or --before FILE... --after FILE..., or --arm NAME FILE...")
    if before or after:
        if not (before and after):
            raise typer.BadParameter("--before and --after need each other")
        return [ArmFiles(_BEFORE, tuple(before)), ArmFiles(_AFTER, tuple(after))]
    if arms:
        return [ArmFiles(name, tuple(paths)) for name, paths in _named_arms(arms).items()]
    names = [_BEFORE, _AFTER] if len(files) == 2 else _stems(files)
    return [ArmFiles(name, (path,)) for name, path in zip(names, files, strict=True)]


def _named_arms(arms: list[str]) -> dict[str, list[Path]]:
    named: dict[str, list[Path]] = {}
    for each in arms:
        name, _, path = each.partition(_PARTS)
        if not (name and path):
            raise typer.BadParameter(f"{each!r} has no file", param_hint="'--arm'")
        named.setdefault(name, []).append(Path(path))
    return named


def _stems(files: list[Path]) -> list[str]:
    """Files' names without their ending, and as often as one comes again with a number."""
    stems = [path.stem or str(path) for path in files]
    return [stem if stems.count(stem) == 1 else f"{stem} ({at})" for at, stem in enumerate(stems, 1)]
