"""The texts for tickets and mailing lists, word for word; `python -m tests.golden.test_letters` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer import __version__
from tracer.analyze import Options
from tracer.jobs.analysis import WHOLE, opened
from tracer.jobs.letters import letter_of
from tracer.report.letter import mail, markdown

FOLDER = Path(__file__).parent
CASES = ("guest-host-reasserts", "guest-no-deflate", "drop-slab", "memcg-kill")
LAYOUTS = {"mail.txt": mail, "md": markdown}


def text_of(case: str, suffix: str) -> str:
    recording = opened(FOLDER / "data" / f"{case}.rtrace")
    return LAYOUTS[suffix](letter_of(recording, Options(), WHOLE, "")).replace(__version__, "VERSION")


@pytest.mark.parametrize("suffix", LAYOUTS)
@pytest.mark.parametrize("case", CASES)
def test_texts_are_as_they_were_looked_at(case, suffix) -> None:
    assert text_of(case, suffix) == (FOLDER / "letters" / f"{case}.{suffix}").read_text()


if __name__ == "__main__":
    for each in CASES:
        for ending in LAYOUTS:
            (FOLDER / "letters" / f"{each}.{ending}").write_text(text_of(each, ending))
