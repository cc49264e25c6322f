"""The process that follows a recording and tells its results as metrics, so that the recorder has no part in it."""

from __future__ import annotations

import gc
import os
import select
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..collect.cpu_priority import CpuPriority, raise_session
from ..errors import TracerError, shown
from ..freed_memory import share_one_heap
from ..outputs import FileIdentity
from ..programs import kill_first
from ..terminal.messages import print_result, say
from .metrics_options import MetricsOptions, OtlpOptions

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..live.model import Snapshot
    from ..metrics.textfile import MetricsFile
    from ..recording_facts import RecordingFacts
    from ..store import FollowedRecording
    from ..store.feeds import Feed
    from .live_analysis import LiveAnalysis, Look
    from .otlp_push import OtlpPush

READY: Final = "Metrics: "
"""What the line begins with that says where they are."""
LOOK_EVERY_S: Final = 1.0
"""Nobody asks more often, and a recorder writes once a second."""
_FILE_EVERY_S: Final = 5.0
"""node_exporter is asked every 15 s or more."""
_CYCLES_KEPT: Final = 256
_CYCLES_SENT: Final = 1024
"""Of a storm: those of its last 12 s are still to be sent one by one."""
_STDIN: Final = 0
_SWITCH_S: Final = 0.0005
"""How long the analysis goes on while an answer waits to be sent, a tenth of Python's: sending one takes some turns."""


def run(path: Path, before: FileIdentity | None, recorder_pid: int, options: MetricsOptions, *, rotated: bool) -> None:
    """Answer until the recording is over. Raises TracerError.

    `path` is the recording's, `before` which file had its name until then. The end of standard input says that the
    recorder is done or gone; it is told where the metrics are on standard output, and what goes wrong on stderr.
    """
    from .live_stream import await_file

    share_one_heap()
    # On a machine that has more to do than its CPUs can, whoever fetches metrics would wait.
    CpuPriority().raise_()
    raise_session()
    sys.setswitchinterval(_SWITCH_S)
    outlets = _Outlets(options, recorder_pid)
    print_result(f"{READY}{' and '.join(outlets.places)}\n")
    kill_first(os.getpid())
    feed = await_file(path, before, _recorder_is_done, rotated=rotated, wanted=lambda: True)
    if feed:
        _follow(feed, recorder_pid, outlets)
    outlets.close()


class _Outlets:
    """All ways in which results leave; `places` says where to."""

    def __init__(self, options: MetricsOptions, recorder_pid: int) -> None:
        """Raises TracerError."""
        from ..metrics.collector import ResultsCollector, live_registry
        from ..metrics.serving import MetricsServer
        from ..metrics.textfile import MetricsFile

        self._results = ResultsCollector()
        self._registry = registry = live_registry(self._results, lambda: recorder_pid)
        self.places: list[str] = []
        self.cycles_kept = _CYCLES_SENT if options.otlp else _CYCLES_KEPT
        self.file = MetricsFile(options.file, registry) if options.file else None
        self._push = _push(options.otlp) if options.otlp else None
        self._server = None if options.address is None else MetricsServer(options.address, options.port, registry)
        if self._server:
            self.places.append(self._server.url)
        if options.file:
            self.places.append(shown(options.file))
        if options.otlp:
            self.places.append(f"OTLP to {options.otlp.endpoint.url} every {options.otlp.interval_s:g} s")

    def take(self, analysis: Analysis, facts: RecordingFacts, snapshot: Snapshot) -> None:
        """The results so far, or those of the end."""
        from ..metrics.results import results_of

        self._results.take(results_of(analysis, facts, snapshot))
        if self._server:
            self._server.print_ahead()
        if self._push:
            send = self._push.take if snapshot.ended is None else self._push.take_last
            send(analysis, facts, self._registry.collect)

    def close(self) -> None:
        """Nothing more comes."""
        if self._push:
            self._push.close()
        if self._server:
            self._server.close()


def _push(options: OtlpOptions) -> OtlpPush:
    """Raises TracerError where the file of headers is not one."""
    from ..analyze.options import Options
    from ..push.endpoint import read_headers
    from .otlp_push import OtlpPush

    headers = read_headers(options.headers) if options.headers else {}
    return OtlpPush(replace(options.endpoint, headers=headers), options.interval_s, Options().horizon_s)


def _follow(feed: Feed, recorder_pid: int, outlets: _Outlets) -> None:
    """Raises TracerError."""
    from ..analyze import Options
    from .live_analysis import LiveAnalysis, raised
    from .memory_bound import bounded_memory

    # What is imported by now stays: looking through all of it for cycles would hold up answers.
    gc.freeze()
    with bounded_memory(feed.path):
        analysis = LiveAnalysis(
            feed,
            Options(cycles_kept=outlets.cycles_kept),
            lambda recording: _handing_over(recording, recorder_pid, outlets),
            look_every_s=LOOK_EVERY_S,
        )
        _write_now_and_then(analysis, outlets.file)
        raised(analysis.failure)


def _handing_over(recording: FollowedRecording, recorder_pid: int, outlets: _Outlets) -> Look:
    """What makes a snapshot of the results so far, and hands them over."""
    from ..store.notes import facts_of
    from .live_costs import observing

    observe = observing(recording, recorder_pid=recorder_pid, is_written=True)

    def look(analysis: Analysis, ended: str | None) -> Snapshot:
        snapshot = observe(analysis, ended)
        outlets.take(analysis, facts_of(recording, analysis.accounting.lost), snapshot)
        return snapshot

    return look


def _write_now_and_then(analysis: LiveAnalysis, file: MetricsFile | None) -> None:
    """Until the analysis is over, and then once more; what goes wrong in between is told when it begins."""
    told = ""
    is_over = False
    while not is_over:
        is_over = analysis.over.wait(_FILE_EVERY_S)
        if file is None:
            continue
        try:
            file.write()
            told = ""
        except TracerError as error:
            if str(error) != told:
                told = str(error)
                say(f"metrics: {told}")


def _recorder_is_done() -> bool:
    """Whether standard input has come to its end: nothing is ever written to it."""
    return bool(select.select([_STDIN], [], [], 0)[0])
