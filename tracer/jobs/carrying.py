"""What `programs build`, `list` and `clean` do once their options are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import TracerError, printable, shown
from ..outputs import check_output, write_file
from ..probes.attach import load_request
from ..probes.carried.cache import Cache
from ..probes.carried.entry import Entry, Purpose
from ..probes.carried.file_format import encode
from ..probes.carried.programs_file import ProgramsFile
from ..probes.compiling import Compiler
from ..probes.lru import PER_SPAN, LruDetail
from ..probes.plan import Targets, make_plan
from ..probes.request import LoadRequest
from ..probes.sources import PERF_FLAG
from ..probes.transport import Transport, choose_transport
from ..recorder.capture import require_tracing
from ..terminal.messages import Messages, print_result

_WHAT: Final = "a file of programs"
_READABLE: Final = 0o644


def build(output: Path, *, force: bool, quiet: bool) -> None:
    """Compile for this kernel whatever `record` may ask for. Raises TracerError."""
    require_tracing()
    check_output(output, force=force, what=_WHAT)
    say = Messages(quiet=quiet)
    write_entries(output, [_compiled(request) for request in _own_requests()], force=force, say=say)


def write_entries(output: Path, entries: list[Entry], *, force: bool, say: Messages) -> None:
    """A file of programs. Raises TracerError."""
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


def _own_requests() -> Iterator[LoadRequest]:
    """The way out that `record` takes here, and the other one; scans one by one, and summed."""
    transports = dict.fromkeys((choose_transport().transport, Transport.PERF))
    for detail in LruDetail:
        plan = make_plan(Targets(lru_detail=detail))
        yield from (load_request(plan, transport) for transport in transports)


def _compiled(request: LoadRequest) -> Entry:
    with Compiler() as compiler:
        return compiler.compile(request)


def _row(purpose: Purpose) -> str:
    transport = Transport.PERF if PERF_FLAG in purpose.flags else Transport.RING
    detail = LruDetail.SPAN if PER_SPAN in purpose.flags else LruDetail.EACH
    made = f"reclaim-tracer {purpose.tool_version}" + (f", {purpose.compiler}" if purpose.compiler else "")
    return printable(f"  {purpose.release} {purpose.machine}: --transport {transport} --lru-detail {detail} ({made})")
