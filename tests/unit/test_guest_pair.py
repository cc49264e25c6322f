"""The lab's pairs of problem and advice: what they claim, what is kept of them, and where it is shown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from findings_page import page
from guest.pair import Pair, pairs

from tracer.analyze.findings import proven
from tracer.analyze.findings.proven import Paid, Proof
from tracer.analyze.findings.registry import KIND_BY_NAME
from tracer.terminal.explain_text import kind_text
from tracer.terminal.paper import Paper

PROOF = Proof("deflate", ("oom_kill",), "A full balloon", "A feature", "6.12", (Paid("OOM kills", "", 1, 0),))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A file of proofs of its own, with none in it."""
    path = tmp_path / "proven.json"
    path.write_text("[]\n")
    monkeypatch.setattr(proven, "PROVEN", path)
    proven.proofs.cache_clear()
    yield path
    proven.proofs.cache_clear()


def found(kills: int, waited_s: float) -> SimpleNamespace:
    summary = {"stalls": [{"stall_s": waited_s}]}
    return SimpleNamespace(truth=SimpleNamespace(vmstat={"oom_kill": kills}), summary=summary)


def pair(**claims: float) -> Pair:
    return Pair("written", SimpleNamespace(CLAIMS={name.replace("_", " "): share for name, share in claims.items()}))


def test_a_cost_that_falls_as_claimed_holds():
    pair(waited_for_memory=0.1).hold(found(0, 2.0), found(0, 0.2))


@pytest.mark.parametrize(
    ("before_s", "after_s", "said"), [(2.0, 0.21, "2.00 before, 0.21 after"), (0.0, 0.0, "nothing to lower")]
)
def test_a_cost_that_does_not_is_said(before_s, after_s, said):
    with pytest.raises(AssertionError, match=said):
        pair(waited_for_memory=0.1).hold(found(0, before_s), found(0, after_s))


def test_what_a_pair_claims_beyond_costs_is_held_too():
    def judge(before: object, after: object) -> None:
        raise AssertionError("turned round")

    with pytest.raises(AssertionError, match="turned round"):
        Pair("written", SimpleNamespace(CLAIMS={}, judge=judge)).hold(found(0, 0), found(0, 0))


def test_pairs_name_kinds_that_are_and_say_what_was_done():
    for each in pairs():
        assert set(each.kinds) <= set(KIND_BY_NAME)
        assert each.claims
        assert not any(text.endswith(".") for text in (each.problem, each.followed))


def test_proofs_are_kept_by_pair_and_kernel(kept):
    proven.write([PROOF])
    other = Proof("deflate", ("oom_kill",), "A full balloon", "A feature", "6.1", (Paid("OOM kills", "", 2, 0),))
    proven.write([other])
    again = Proof("deflate", ("oom_kill",), "A full balloon", "A feature", "6.12", (Paid("OOM kills", "", 3, 0),))
    proven.write([again])
    assert proven.proofs() == (other, again)


def test_a_kind_is_explained_with_what_its_advice_did(kept):
    assert kept == proven.PROVEN
    proven.write([PROOF])
    shown = " ".join(kind_text(KIND_BY_NAME["oom_kill"], Paper(width=200)).split())
    assert "A full balloon. Then: A feature. Linux 6.12: OOM kills 1 -> 0." in shown
    assert "guest lab" not in kind_text(KIND_BY_NAME["module"], Paper(width=200))
    assert "| A full balloon | A feature | OOM kills | 1 | 0 | 6.12 |" in page()
