"""Marks tests by their folder and turns skips into failures where `REQUIRE` says the thing must be there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from guest.machine import machines_replaced, why_impossible
from hypothesis import settings

# How long an example takes says how busy the machine is, nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REQUIRABLE = ("live", "browser", "guest", "compat")
CHROMIUM_COMMANDS = ("chromium", "chromium-browser", "google-chrome")
TRACEFS = Path("/sys/kernel/tracing")

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
    # The longest last: what fails sooner is known sooner. The lab's trials run beside its other tests, and are waited
    # for when these are done.
    items.sort(key=lambda item: ("guest" in item.path.relative_to(item.config.rootpath).parts, _is_trial(item)))
    for item in items:
        for name in REQUIRABLE:
            if name in item.path.relative_to(item.config.rootpath).parts:
                item.add_marker(name)


def _is_trial(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    return call is not None and "trial" in call.params


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
