"""What `programs describe` does once its options are read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..errors import CannotTraceError, shown
from ..outputs import check_output, write_file
from ..probes.facts.facts import Facts
from ..probes.facts.file_format import encode
from ..probes.facts.finding import SUFFIX
from ..probes.facts.gathering import describe
from ..terminal.messages import Messages, say

_WHAT: Final = "a description"


def run(output: Path | None, *, force: bool, quiet: bool) -> None:
    """Write the file. Raises TracerError where that fails, CannotTraceError where what is written does not suffice."""
    if output is not None:
        check_output(output, force=force, what=_WHAT)
    facts = describe()
    path = output or Path(f"{facts.release}{SUFFIX}")
    data = encode(facts)
    write_file(path, data, force=force, what=_WHAT)
    Messages(quiet=quiet).info(f"Wrote {shown(path)} ({-(-len(data) // 1024)} KiB): {_contents(facts)}")
    if facts.unknown:
        for reason in facts.unknown:
            say(f"Not known: {reason}")
        raise CannotTraceError(f"{shown(path)}: no programs can be built from it; describe again once that is mended")


def _contents(facts: Facts) -> str:
    types = "types" if facts.types else "no types (the kernel has no BTF)"
    symbols = len({name for name, _ in facts.symbols})
    return f"kernel {facts.release}, {len(facts.formats)} tracepoints, {symbols} symbols, {types}"
