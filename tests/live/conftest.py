"""What live tests need beyond root and tracefs."""

from __future__ import annotations

import pytest

from tracer.probes.finder import bcc_status


@pytest.fixture(scope="session")
def bcc(need):
    """bcc, or a skip with the reason."""
    status = bcc_status()
    need("live", status.found, f"bcc: {status.reason} (`{status.fix}`)")
    return status
