"""docs/check.md gives the commands that `check` gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer.kernel.capabilities import TRACING, Capability
from tracer.kernel.container import grant_capabilities, grant_folder, leave_user_namespace
from tracer.kernel.host import Distribution
from tracer.kernel.remedies import boot_with, install_bcc_command, kernel_with

PAGE = " ".join((Path(__file__).parents[2] / "docs/check.md").read_text().split())
ENGINES = ("docker", "podman", "kubernetes", "systemd-nspawn", "lxc")
EVERYTHING = (*TRACING, Capability.CAP_SYSLOG, Capability.CAP_SYS_RESOURCE, Capability.CAP_IPC_LOCK)


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands without sudo."""
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_page_has_each_engines_flags(engine: str) -> None:
    assert f"| `{grant_capabilities(engine, EVERYTHING)}` | `{grant_folder(engine, '/sys/kernel/tracing')}` |" in PAGE


@pytest.mark.parametrize("engine", ENGINES[:-1])
def test_the_page_has_the_way_out_of_a_user_namespace(engine: str) -> None:
    assert f"`{leave_user_namespace(engine)}`" in PAGE


@pytest.mark.parametrize("family", ["debian", "fedora", "arch", "suse", "alpine"])
def test_the_page_has_the_distributions_commands(family: str) -> None:
    distribution = Distribution(family, family, family)
    assert f"| `{install_bcc_command(distribution)}` |" in PAGE
    if family != "alpine":
        kernel = kernel_with("CONFIG_X=y", distribution).rpartition(": ")[2]
        assert f"| `{kernel}` |" in PAGE
        boot = boot_with("psi=1", distribution).rpartition("then ")[0 if family == "fedora" else 2]
        command = boot.removesuffix(", ") if family == "fedora" else boot.removesuffix(" and reboot")
        assert f"`{command}`" in PAGE


@pytest.mark.parametrize("capability", EVERYTHING)
def test_the_page_says_what_each_capability_is_for(capability: Capability) -> None:
    assert f"| `{capability.name}`" in PAGE
