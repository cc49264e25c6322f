"""The options that only `compare` has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand

from ..compare.align import Align
from .options import GAP_S, HORIZON_S, From, Gap, Horizon, To

if TYPE_CHECKING:
    from ..jobs.comparing import ArmFiles, Request

_BEFORE: Final = "before"
_AFTER: Final = "after"
_SEVERAL: Final = ("--before", "--after")
_ARM: Final = "--arm"
_PARTS: Final = "\0"
"""Stands between an arm's name and a file: neither of them can hold it."""

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="BEFORE AFTER", readable=False, help="Recordings, one an arm.", show_default=False),
]
Before = Annotated[
    list[Path] | None,
    typer.Option("--before", metavar="FILE...", help="Several recordings of before.", show_default=False),
]
After = Annotated[
    list[Path] | None,
    typer.Option("--after", metavar="FILE...", help="Several recordings of after.", show_default=False),
]
Arms = Annotated[
    list[str] | None,
    typer.Option(
        "--arm", metavar="NAME FILE...", help="Recordings of one arm; the first arm is before.", show_default=False
    ),
]
AlignOption = Annotated[Align, typer.Option(help="What is second 0 of each recording.")]
MarkOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Second 0 is the first mark with this text.", show_default=False),
]
ByWork = Annotated[bool, typer.Option("--by-work", help="Judge costs by GiB that the kernel allocated, not by second.")]


@dataclass(frozen=True)
class ArmsGroup:
    """What is compared."""

    files: Files = None
    before: Before = None
    after: After = None
    arm: Arms = None

    def named(self, *, redact: bool) -> list[ArmFiles]:
        """Raises typer.BadParameter."""
        return arms_of(self.files or [], self.before or [], self.after or [], self.arm or [], redact=redact)


@dataclass(frozen=True)
class HowGroup:
    """How recordings are held against each other."""

    align: AlignOption = Align.START
    mark: MarkOption = None
    by_work: ByWork = False
    from_s: From = None
    to_s: To = None
    horizon: Horizon = HORIZON_S
    gap: Gap = GAP_S

    def request(self, arms: list[ArmFiles], *, redact: bool) -> Request:
        """What to compare. Raises UsageError."""
        from ..analyze import Options
        from ..jobs.analysis import Span
        from ..jobs.comparing import Request

        options = Options(horizon_s=self.horizon, gap_s=self.gap)
        align = Align.MARK if self.mark is not None else self.align
        return Request(arms, options, Span(self.from_s, self.to_s), align, self.mark, self.by_work, redact)


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


def arms_of(
    files: list[Path], before: list[Path], after: list[Path], arms: list[str], *, redact: bool = False
) -> list[ArmFiles]:
    """The arms as they were given, in one of three ways; with `redact` none is named after a file.

    Raises typer.BadParameter.
    """
    from ..jobs.comparing import ArmFiles
    from ..store.aliases import file_alias

    ways = [bool(files), bool(before or after), bool(arms)]
    if sum(ways) != 1:
        raise typer.BadParameter("give BEFORE AFTER, or --before FILE... --after FILE..., or --arm NAME FILE...")
    if before or after:
        if not (before and after):
            raise typer.BadParameter("--before and --after need each other")
        return [ArmFiles(_BEFORE, tuple(before)), ArmFiles(_AFTER, tuple(after))]
    if arms:
        return [ArmFiles(name, tuple(paths)) for name, paths in _named_arms(arms).items()]
    told = [Path(file_alias(number)) for number in range(1, len(files) + 1)] if redact else files
    names = [_BEFORE, _AFTER] if len(files) == 2 else _stems(told)
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
