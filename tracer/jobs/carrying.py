"""What `programs build`, `list` and `clean` do once their options are read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ..errors import CannotTraceError, RecordingError, TracerError, UsageError, printable, shown
from ..outputs import check_output, write_file
from ..probes.carried.cache import Cache
from ..probes.carried.entry import Entry, Purpose
from ..probes.carried.file_format import MAX_ENTRIES, encode
from ..probes.carried.fit import purpose_of
from ..probes.carried.programs_file import ProgramsFile
from ..probes.compiling import Compiler, NoCompilerError
from ..probes.facts.facts import FactsError
from ..probes.facts.finding import find_descriptions, is_described
from ..probes.facts.plans import load_requests
from ..probes.lru import PER_SPAN, LruDetail
from ..probes.request import LoadRequest
from ..probes.sources import PERF_FLAG
from ..probes.transport import Transport
from ..probes.variants import every_request
from ..recorder.capture import require_tracing
from ..terminal.messages import Messages, print_result
from ..terminal.messages import say as warn

_WHAT: Final = "a file of programs"
_READABLE: Final = 0o644


def build(output: Path, kernels: Sequence[str] = (), *, force: bool, quiet: bool) -> None:
    """Compile whatever `record` may ask for, for this kernel or those that `kernels` lead to. Raises TracerError.

    `kernels` are descriptions, folders of them, or releases. Where a set of programs does not compile, the others are
    written before CannotTraceError is raised.
    """
    require_tracing()
    check_output(output, force=force, what=_WHAT, inputs=[Path(name) for name in kernels])
    requests = [request for name in kernels for request in _requests_for(name)] if kernels else [*every_request()]
    # The same kernel described twice, by two of its machines.
    different = {purpose_of(request): request for request in requests}
    if len(different) > MAX_ENTRIES:
        most = f"a file holds {MAX_ENTRIES}"
        raise UsageError(f"--for: {len(different)} sets of programs are too many ({most}): make several files")
    say = Messages(quiet=quiet)
    if kernels:
        for release, count in Counter(request.release for request in different.values()).items():
            say.info(f"Compiling {count} sets of programs for kernel {release}")
    entries = [*_compiled_of(different)]
    if entries:
        _write_entries(output, entries, force, say)
    if missing := len(different) - len(entries):
        rest = f"{shown(output)} has the others" if entries else f"{shown(output)} was not written"
        raise CannotTraceError(f"{missing} of {len(different)} sets of programs do not compile; {rest}")


def _compiled_of(requests: Mapping[Purpose, LoadRequest]) -> Iterator[Entry]:
    """Whatever compiles; a line on stderr for each set that does not. Raises NoCompilerError."""
    for purpose, request in requests.items():
        try:
            yield _compiled(request)
        except NoCompilerError:
            # No other set would fare better.
            raise
        except CannotTraceError as error:
            warn(f"{_set(purpose)}: {error}")


def _write_entries(output: Path, entries: list[Entry], force: bool, say: Messages) -> None:
    data = encode(entries)
    write_file(output, data, force=force, what=_WHAT, mode=_READABLE)
    kernels = ", ".join(dict.fromkeys(entry.purpose.release for entry in entries))
    count = len(entries)
    say.info(f"Wrote {shown(output)} ({-(-len(data) // 1024):,} KiB): {count} sets of programs for kernel {kernels}")


def show(path: Path | None) -> None:
    """Print a line for each set of programs. Raises TracerError where there is no such file, or it is none."""
    cache = Cache()
    file = cache.read() if path is None else ProgramsFile(path)
    if file is None:
        if cache.refusal:
            raise TracerError(cache.refusal)
        print_result(f"{shown(cache.path)}: nothing is cached\n")
        return
    print_result("".join(f"{line}\n" for line in (f"{shown(file.path)}:", *map(_row, file.purposes))))


def clean(*, quiet: bool) -> None:
    """Remove the cache. Raises TracerError."""
    cache, say = Cache(), Messages(quiet=quiet)
    try:
        size = cache.clean()
    except OSError as error:
        raise TracerError(f"{shown(cache.path)}: can't be removed: {error.strerror}") from error
    say.info(f"Removed {shown(cache.path)} ({-(-size // 1024):,} KiB)" if size else "Nothing was cached")


def _requests_for(kernel: str) -> Iterator[LoadRequest]:
    """Of what a name leads to; the running kernel's release needs no description."""
    if kernel == os.uname().release and not is_described(kernel):
        yield from every_request()
        return
    for path, facts in find_descriptions([kernel]).items():
        try:
            yield from load_requests(facts)
        except FactsError as error:
            raise RecordingError(f"{shown(path)}: {error}") from error


def _compiled(request: LoadRequest) -> Entry:
    with Compiler() as compiler:
        return compiler.compile(request)


def _row(purpose: Purpose) -> str:
    made = f"reclaim-tracer {purpose.tool_version}" + (f", {purpose.compiler}" if purpose.compiler else "")
    return printable(f"  {_set(purpose)} ({made})")


def _set(purpose: Purpose) -> str:
    """Which one it is, by the options of `record` that ask for it."""
    transport = Transport.PERF if PERF_FLAG in purpose.flags else Transport.RING
    detail = LruDetail.SPAN if PER_SPAN in purpose.flags else LruDetail.EACH
    return f"{purpose.release} {purpose.machine}: --transport {transport} --lru-detail {detail}"
