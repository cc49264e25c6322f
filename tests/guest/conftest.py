"""The trials of the session, which run while other tests of the lab have guests of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.pool import Pool

OUT = Path("out/guests")


@pytest.fixture(scope="session", autouse=True)
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """Begins with the first test of the lab, whichever that is: none of them keeps more than one CPU busy."""
    OUT.mkdir(parents=True, exist_ok=True)
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [call.params["trial"] for call in calls if call and "trial" in call.params]
    with Pool(OUT, wanted) as pool:
        yield pool
