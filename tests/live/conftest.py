"""What live tests need beyond root and tracefs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from storm import build_generator

from tracer.probes.finder import bcc_status
from tracer.probes.transport import Transport, choose_transport
from tracer.workload.process import file_bytes

FOLDER_ON_DISK = Path("/var/tmp")
"""Kept over a reboot (file-hierarchy(7)), hence on a disk also where /tmp is in memory, as on Debian since 13."""


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


@pytest.fixture
def disk_path(tmp_path: Path, need) -> Iterator[Path]:
    """As `tmp_path`, but where the page cache of files can be evicted: in memory it can't."""
    if file_bytes(tmp_path):
        yield tmp_path
        return
    on_disk = FOLDER_ON_DISK.is_dir() and file_bytes(FOLDER_ON_DISK) > 0
    need("live", on_disk, f"neither {tmp_path} nor {FOLDER_ON_DISK} is a folder on a disk with 512 MiB of room")
    with tempfile.TemporaryDirectory(dir=FOLDER_ON_DISK) as folder:
        yield Path(folder)
