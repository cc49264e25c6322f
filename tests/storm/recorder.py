"""`record` with the storm's program beside its own: the same buffers, collector and writer, in a process of its own.

python -m storm.recorder TOKEN OUTPUT BUFFER_BYTES TRANSPORT
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tracer.buffer_sizes import MOST_QUEUE_BYTES
from tracer.jobs import recording
from tracer.jobs.record_options import RecordOptions
from tracer.kernel.tracefs import tracepoint_format
from tracer.probes import attach
from tracer.probes.attachment import attach_tracepoint
from tracer.probes.bpf_objects import TRACEPOINT as TRACEPOINT_TYPE
from tracer.probes.loader import Loader
from tracer.probes.lru import LruDetail
from tracer.probes.probe import PageSource
from tracer.probes.request import Loaded, LoadRequest
from tracer.store import Fsync
from tracer.terminal.exit_codes import run_to_exit

from .generator import TRACEPOINT
from .program import NAME, SOURCE, storm_flags


def add_storm(token: int) -> None:
    """From here on, whatever is loaded comes with the storm's program, and is attached with it."""
    plain_load, plain_attach = Loader.load, attach.Probes.attach

    def load(loader: Loader, request: LoadRequest) -> Loaded:
        text = f'{request.text}\n#line 1 "{SOURCE.name}"\n{SOURCE.read_text()}'
        flags = [*request.flags, *storm_flags(token, as_slab=False)]
        programs = [*request.programs, (NAME, TRACEPOINT_TYPE)]
        return plain_load(loader, replace(request, text=text, flags=flags, programs=programs))

    def attach_all(probes: attach.Probes) -> None:
        plain_attach(probes)
        found = tracepoint_format(TRACEPOINT)
        assert found is not None, f"this kernel has no {TRACEPOINT}"
        probes._events.append(attach_tracepoint(probes._loaded.programs[NAME], found.id))

    Loader.load, attach.Probes.attach = load, attach_all


def main() -> None:
    """Record until a signal comes."""
    token, output, buffer_bytes, transport = sys.argv[1:]
    add_storm(int(token))
    options = RecordOptions(
        output=Path(output),
        duration_s=None,
        command=(),
        as_user=None,
        force=False,
        fsync=Fsync.CLOSE,
        rotate_bytes=None,
        keep=None,
        queue_bytes=MOST_QUEUE_BYTES,
        sample_interval_s=0.25,
        flush_s=None,
        buffer_bytes=int(buffer_bytes),
        transport=transport,
        balloon_source=PageSource.AUTO,
        oom_notifiers=(),
        lru_detail=LruDetail.EACH,
        summary=True,
        force_start=True,
        programs=None,
        cached=False,
        marks=False,
        labels={},
        quiet=False,
        verbose=True,
    )
    recording.run(options)


if __name__ == "__main__":
    run_to_exit(main)
