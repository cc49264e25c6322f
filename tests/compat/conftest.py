"""Userlands to test in: made once a session, from the cache where they are there."""

from __future__ import annotations

import pytest
from debian_archive import ArchiveUnavailableError
from roots import Root, Userland

USERLANDS = (
    Userland("bookworm", "bullseye"),
    Userland("bookworm", "bookworm"),
    Userland("trixie", "trixie"),
    Userland("sid", "sid"),
    Userland("sid", "bullseye"),
)
"""The oldest bcc twice: with the oldest Python that the tracer runs on, and with the newest there is."""


@pytest.fixture(scope="session", params=USERLANDS, ids=str)
def userland(request: pytest.FixtureRequest) -> Userland:
    """Each userland in turn."""
    wanted: Userland = request.param
    return wanted


@pytest.fixture(scope="session")
def root(userland: Userland) -> Root:
    """The userland, unpacked: from the cache, or fetched."""
    try:
        return userland.prepare()
    except ArchiveUnavailableError as error:
        pytest.fail(str(error), pytrace=False)
