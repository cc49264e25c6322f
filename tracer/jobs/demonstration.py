"""The demo: a recording under load, or the bundled one, and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import CannotTraceError, TracerError, shown
from ..outputs import FileIdentity, check_output, make_folders, write_file
from ..probes.carried.cache import Cache
from ..probes.loader import Loader, may_compile
from ..recorder.capture import Captured, CaptureRequest, capture
from ..recorder.output import Output
from ..recorder.starting import Wish, look_before_start
from ..resources import resource_dir
from ..terminal.messages import Messages, print_result
from .closing_summary import print_summary

BUNDLED: Final = "demo.rtrace"
_TAIL_S: Final = 1.0
"""The load ends so long before the recording does."""


@dataclass(frozen=True)
class Demonstration:
    """What `reclaim-tracer demo` was asked for."""

    duration_s: float
    directory: Path
    drop_caches: bool
    say: Messages

    def run(self) -> None:
        """Write demo.rtrace and demo.html and print the summary. Raises TracerError."""
        recording, page = self.directory / BUNDLED, self.directory / "demo.html"
        self._make_directory()
        check_output(recording, force=True)
        check_output(page, force=True, what="a report")
        try:
            captured = self._record(recording)
        except CannotTraceError as error:
            captured = self._replay(recording, error)
        if print_summary(captured, verbose=self.say.verbose, page=page):
            self.say.info(f"Wrote {page}: open it in a browser")

    def _make_directory(self) -> None:
        try:
            make_folders(self.directory)
        except OSError as error:
            where = shown(self.directory)
            raise TracerError(f"{where}: can't be created: {error.strerror}; choose another with -o") from error

    def _record(self, path: Path) -> Captured:
        from ..workload import LIMIT_BYTES

        cache = Cache()
        wish = Wish(load_bytes=LIMIT_BYTES, compiles=may_compile(None, cache))
        start = look_before_start(wish, self.say, advise=False)
        with Loader(cache=cache) as loader:
            request = CaptureRequest(
                Output(path, force=True, queue_bytes=start.queue_bytes),
                duration_s=self.duration_s,
                buffer_bytes=start.buffer_bytes,
                memory_available_bytes=start.room.available_bytes,
                loader=loader,
                load=self._load,
            )
            return capture(request, self.say)

    @contextmanager
    def _load(self) -> Iterator[Callable[[], None]]:
        """The load, or nothing where no memory cgroup can bound it; what is given begins it."""
        from ..workload import LoadPlan, bounded_load

        plan = LoadPlan(max(self.duration_s - _TAIL_S, 0.5), self.directory, drop_caches=self.drop_caches)
        with ExitStack() as stack:
            try:
                self.say.info("Creating files for a bounded load ...")
                load = stack.enter_context(bounded_load(plan))
            except TracerError as error:
                self.say.info(f"Tracing without a load: {error}")
                yield lambda: None
                return
            yield load.begin
            if load.process.poll():
                self.say.info(f"The load ended early, with status {load.process.returncode}")

    def _replay(self, path: Path, why: CannotTraceError) -> Captured:
        source = resource_dir("reports") / BUNDLED
        if not source.is_file():
            raise TracerError(f"{why} (and the installation is incomplete: no {source})") from why
        print_result(f"Live tracing is not possible here ({why}): replaying the bundled recording.\n")
        write_file(path, source.read_bytes(), force=True, what="a recording")
        return Captured(path, {path: FileIdentity.of(path.stat())})
