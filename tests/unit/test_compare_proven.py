"""The lab's still balloon, and the same load with nothing in it: `compare` says of them what the pages claim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import ROOT

from tracer.analyze import Options
from tracer.analyze.findings.proven import proofs
from tracer.compare.comparing import Pair
from tracer.compare.sentence import sentence
from tracer.jobs.comparing import ArmFiles, Request

DATA = Path(__file__).parent / "data" / "alerts"
MIB = 1 << 20


@pytest.fixture(scope="module")
def still_and_given_back() -> Pair:
    files = [DATA / "still-balloon.rtrace", DATA / "memory-given-back.rtrace"]
    arms = [ArmFiles(name, (path,)) for name, path in zip(("before", "after"), files, strict=True)]
    return Request(arms, Options()).run().pairs[0]


def test_page_cache_read_again_fell_as_the_findings_page_says(still_and_given_back):
    (claimed,) = (paid for proof in proofs() if proof.pair == "starved" for paid in proof.paid)
    refault = still_and_given_back.of("refault")
    assert claimed.cost == "read again"
    assert refault.before.mean / MIB == pytest.approx(claimed.before, rel=0.1)
    assert refault.after.mean == claimed.after == 0
    assert refault.told


def test_the_sentence_is_that_of_the_page(still_and_given_back):
    (shown,) = re.findall(r"```text\nVerdict: (.*?)```", (ROOT / "docs/compare.md").read_text(), re.DOTALL)
    assert sentence(still_and_given_back) == " ".join(shown.split())
