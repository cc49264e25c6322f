"""The project's live tests inside guests: `python -m tests.guest.live_suite`. A run that was cut short goes on."""

from __future__ import annotations

import argparse
import base64
import subprocess
import sys
import threading
import time
import tomllib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Final

from .debian import LabError
from .guest import Guest
from .images import ROOT
from .kernels import FULL, KERNELS, Kernel
from .machine import Hardware, why_impossible
from .suite_results import PASSED, UNFINISHED, ReportLog, Result, Results

_PACKAGES: Final = (
    "bash", "binutils", "bpftrace", "coreutils", "dash", "e2fsprogs", "gcc", "iproute2", "libc6-dev",
    "libpython3-stdlib", "linux-perf", "mount", "procps", "prometheus", "trace-cmd", "util-linux",
)  # fmt: skip
_TOOLS: Final = ("hypothesis", "jsonschema", "pytest")
"""Of the project's `dev` extra."""
_REPORTERS: Final = ("pytest-reportlog", "pytest-timeout")
_COPIED: Final = ("bpf", "docs", "reports", "tests", "tracer", "pyproject.toml", "README.md")
_LIMIT_S: Final = 600
_WAIT_S: Final = 3600
"""For a machine to boot, answer, be set up: the host may have other things to do."""
_MOST_SAID: Final = 4000
_SILENCE_S: Final = 4 * 3600
"""Without a result a machine is given up: pytest's own limit is by the machine's clock, which may go slowly."""
_POLL_S: Final = 2.0
_MEMORY_MIB: Final = 3072
_LIST: Final = "/mnt/tests"
_LOG: Final = "/mnt/report.jsonl"
_RUN: Final = (
    "cd /mnt/project && unset PYTHONPATH PYTHONDONTWRITEBYTECODE &&"
    " PATH=/usr/sbin:/usr/bin HOME=/mnt/home TMPDIR=/var/tmp REQUIRE=live"
    f" exec .venv/bin/python -m pytest -p no:cacheprovider --timeout {{limit_s}} --report-log {_LOG} @{_LIST}"
)


def main() -> int:
    """0 where every test that was asked for has passed, in this run or an earlier one."""
    options = _parser().parse_args()
    if reason := why_impossible():
        print(f"live suite: {reason}", file=sys.stderr)
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    results = Results(options.output / f"{options.kernel}.jsonl")
    tests = _collected(options.tests)
    suite = Suite(options.kernel, results, results.left(tests, again=options.again), options.limit)
    workers = [threading.Thread(target=suite.work) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(", ".join(f"{number} {outcome}" for outcome, number in results.counts().items()))
    missing = [test for test in tests if test not in results.by_test or results.by_test[test].outcome != PASSED]
    return 1 if missing else 0


class Suite:
    """Tests still to run, taken a file at a time by workers with a guest each."""

    def __init__(self, kernel: str, results: Results, tests: list[str], limit_s: int) -> None:
        self._kernel = with_test_tools(KERNELS[kernel])
        self._results, self._limit_s = results, limit_s
        self._lock = threading.Lock()
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in tests:
            by_file[test.partition("::")[0]].append(test)
        self._files = sorted(by_file.values(), key=len)
        self._total = len(tests)
        self._seen: set[str] = set()

    def work(self) -> None:
        """Until nothing is left, or no machine boots. One that ends under a test is replaced, the test unfinished."""
        tests = self._next([])
        try:
            while tests:
                with self._machine() as guest:
                    tests = self._on(guest, tests)
        except LabError as error:
            print(f"live suite: {error}", file=sys.stderr, flush=True)

    def _on(self, guest: Guest, tests: list[str]) -> list[str]:
        """Run what there is on the machine; what is left where it ended."""
        try:
            while tests:
                tests = self._next(self._run(guest, tests))
        except LabError as error:
            left = self._left(tests)
            if left:
                self._add(Result(left[0], UNFINISHED, 0.0, str(error)[-_MOST_SAID:]))
            return self._next(left[1:])
        return []

    def _machine(self) -> Guest:
        hardware = Hardware(memory_mib=_MEMORY_MIB, disk_mib=4096, own_time=True)
        guest = Guest(self._kernel, hardware, {f"project/{name}": ROOT / name for name in _COPIED}, boot_s=_WAIT_S)
        try:
            guest.run("sh", "/payload/inside/suite.sh", timeout_s=_WAIT_S)
        except BaseException:
            guest.close()
            raise
        return guest

    def _run(self, guest: Guest, tests: list[str]) -> list[str]:
        """One process for them; those that it did not come to, without the one that it ended under."""
        guest.write(_LIST, "".join(f"{test}\n" for test in tests).encode())
        guest.write(_LOG, b"")
        pid = guest.start("sh", "-c", _RUN.format(limit_s=self._limit_s))
        self._follow(guest, pid)
        left = self._left(tests)
        if left:
            said = guest.output(pid) + guest.errors(pid)
            self._add(Result(left[0], UNFINISHED, 0.0, f"pytest ended: {said[-_MOST_SAID:]}"))
        return left[1:]

    def _follow(self, guest: Guest, pid: int) -> None:
        """Keep results as they come, until the process ends. Raises LabError where none comes for long."""
        log, offset, last_s = ReportLog(), 0, time.monotonic()
        while True:
            status = guest.ask("status", pid=pid, timeout_s=_WAIT_S)
            data = base64.b64decode(guest.ask("read", path=_LOG, offset=offset, length=1 << 18, timeout_s=_WAIT_S))
            offset += len(data)
            for result in log.feed(data):
                self._add(result)
                last_s = time.monotonic()
            if status is not None and not data:
                return
            if time.monotonic() - last_s > _SILENCE_S:
                raise LabError(f"no result in {_SILENCE_S} s: {guest.output(pid)[-_MOST_SAID:]}")
            if not data:
                time.sleep(_POLL_S)

    def _next(self, left: list[str]) -> list[str]:
        with self._lock:
            return left or (self._files.pop() if self._files else [])

    def _left(self, tests: list[str]) -> list[str]:
        """Those of them that this run has not come to."""
        return [test for test in tests if test not in self._seen]

    def _add(self, result: Result) -> None:
        with self._lock:
            self._results.add(result)
            self._seen.add(result.test)
            print(
                f"{len(self._seen)}/{self._total} {result.outcome:10} {result.seconds:6.1f} s  {result.test}",
                flush=True,
            )


def with_test_tools(kernel: Kernel) -> Kernel:
    """The kernel with a userland of Debian 13 in which the project's tests run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    tools = [need for need in extras["dev"] if need.startswith(_TOOLS)]
    wheels = (*project["dependencies"], *extras["export"], *extras["metrics"], *tools, *_REPORTERS)
    system = replace(kernel.system, name=f"{kernel.system.name}-suite", packages=_PACKAGES, wheels=wheels)
    return replace(kernel, system=system)


def _collected(tests: list[str]) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *(tests or ["tests/live"])]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if "::" in line]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest.live_suite", description=__doc__)
    parser.add_argument("--kernel", choices=sorted(KERNELS), default=FULL)
    parser.add_argument("--jobs", type=int, default=2, help="guests at once, 3 GiB of memory each")
    parser.add_argument("--limit", type=int, default=_LIMIT_S, metavar="S", help="for each test")
    parser.add_argument("--again", action="store_true", help="those too that ran and did not pass")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/live-suite"), metavar="FOLDER")
    parser.add_argument("tests", nargs="*", metavar="TEST", help="files or tests; tests/live")
    return parser


if __name__ == "__main__":
    sys.exit(main())
