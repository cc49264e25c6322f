"""What live tests need beyond root and tracefs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from storm import build_generator

from tracer.probes.finder import bcc_status
from tracer.probes.transport import Transport, choose_transport


@pytest.fixture(scope="session")
def bcc(need):
    """bcc, or a skip with the reason."""
    status = bcc_status()
    need("live", status.found, f"bcc: {status.reason} (`{status.fix}`)")
    return status


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory, need) -> Path:
    """The load of the storms, compiled."""
    need("live", shutil.which("gcc") is not None, "no gcc on PATH (`make setup-test`)")
    return build_generator(tmp_path_factory.mktemp("storm"))


@pytest.fixture(params=list(Transport))
def transport(request: pytest.FixtureRequest, need) -> Transport:
    """Each that this kernel has."""
    if request.param is Transport.RING:
        need("live", choose_transport().transport is Transport.RING, "this kernel has no BPF ring buffer")
    return request.param
