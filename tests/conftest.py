"""Marks tests by their folder and turns skips into failures where `REQUIRE` says the thing must be there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from guest.machine import machines_replaced, why_impossible
from hypothesis import settings

# How long an example takes says how busy the machine is, nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A terminal's size and its colours are what a test says they are, wherever it runs.
for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
    os.environ.pop(name, None)

REQUIRABLE = ("live", "browser", "guest", "compat")
CHROMIUM_COMMANDS = ("chromium", "chromium-browser", "google-chrome")
TRACEFS = Path("/sys/kernel/tracing")
IN_PIECES = frozenset({"test_fuzz.py"})
"""Files whose tests are long and share nothing: spread over processes test by test."""

BESIDE_OTHERS = frozenset({"browser", "compat"})
"""What takes long and measures no time: beside other tests, but not beside itself."""
ALONE = "alone"
LEAST_PENDING = 2
"""A process of pytest-xdist runs a test once it knows the next one: with so few left it needs more, or its end."""

Need = Callable[[str, bool, str], None]


def required() -> frozenset[str]:
    """What `REQUIRE=live,browser,...` names."""
    names = frozenset(filter(None, (name.strip() for name in os.environ.get("REQUIRE", "").split(","))))
    if unknown := names.difference(REQUIRABLE):
        raise pytest.UsageError(f"REQUIRE names {', '.join(sorted(unknown))}; known: {', '.join(REQUIRABLE)}")
    return names


def need_or_skip(what: str, available: bool, reason: str) -> None:
    """Go on if `available`; else skip with the reason, or fail where REQUIRE names `what`."""
    if available:
        return
    if what in required():
        pytest.fail(f"REQUIRE={what}, but {reason}", pytrace=False)
    pytest.skip(f"{what}: {reason}")


@pytest.fixture(scope="session")
def need() -> Need:
    """`need("live", condition, reason)` goes on, or skips with the reason, or fails where REQUIRE names it."""
    return need_or_skip


def pytest_configure() -> None:
    required()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark and order them: what fails sooner is known sooner; those come last that need the machine to themselves."""
    items.sort(key=lambda item: (bool(names := _required_by(item.nodeid)), "guest" in names, _is_trial(item)))
    for item in items:
        for name in _required_by(item.nodeid):
            item.add_marker(name)


def _required_by(nodeid: str) -> list[str]:
    folders = PurePosixPath(nodeid.partition("::")[0]).parts
    return [name for name in REQUIRABLE if name in folders]


def _is_trial(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    return call is not None and "trial" in call.params


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["machines_replaced"] = list(machines_replaced)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Where processes share the work: tests a file at a time, a browser's and those of other releases' userland each
    in one of them, and last, in one process when the others have ended, all that needs the machine to itself.
    """
    from xdist.scheduler import LoadScopeScheduling
    from xdist.workermanage import WorkerController

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if names := _required_by(nodeid):
                return names[0] if names[0] in BESIDE_OTHERS else ALONE
            return nodeid if PurePosixPath(file).name in IN_PIECES else file

        def _reschedule(self, node: WorkerController) -> None:
            others = [each for each in self.nodes if each is not node and not each.shutting_down]
            if list(self.workqueue) != [ALONE] or not others or node.shutting_down:
                super()._reschedule(node)
            elif self._pending_of(self.assigned_work[node]) <= LEAST_PENDING:
                node.shutdown()

    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    machines_replaced.extend(getattr(node, "workeroutput", {}).get("machines_replaced", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason in machines_replaced:
        terminalreporter.write_sep("-", "a guest's machine was replaced")
        terminalreporter.write_line(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("live"):
        need_or_skip("live", os.geteuid() == 0, "tracing needs root")
        need_or_skip(
            "live", (TRACEFS / "events/vmscan").is_dir(), f"no tracefs at {TRACEFS} (`.ci/setup tracefs` as root)"
        )
    if item.get_closest_marker("guest"):
        need_or_skip("guest", "guest" in required(), "fetches and boots Debian's kernels (`make guests`)")
        need_or_skip("guest", not (reason := why_impossible()), reason)
    if item.get_closest_marker("compat"):
        need_or_skip("compat", "compat" in required(), "fetches Debian releases (`make compat`)")
        need_or_skip("compat", os.geteuid() == 0, "chroot needs root")
    if item.get_closest_marker("browser"):
        found = any(shutil.which(command) for command in CHROMIUM_COMMANDS)
        need_or_skip("browser", found, "no chromium on PATH (`make setup-test`)")
