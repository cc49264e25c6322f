"""Describing kernels, and a plan made from a description: the one that the kernel itself would make."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from described_kernels import MODULE, Willing, described, put_machine
from probe_machine import KERNELS, probe_formats

from tracer.kernel import tracefs
from tracer.kernel.btf import Btf
from tracer.probes.facts.facts import FactsError
from tracer.probes.facts.file_format import decode, encode, why_insufficient
from tracer.probes.facts.gathering import describe
from tracer.probes.facts.questions import ASKED, ENUMERATORS, STRUCTURES, SYMBOLS, TRACEPOINTS
from tracer.probes.facts.trials import DescribedKernel, NotedTrials
from tracer.probes.plan import make_plan


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_description_has_the_tracepoints_symbols_and_types_of_the_kernel(tmp_path: Path, kernel: str):
    facts = described(tmp_path, kernel)
    assert facts.formats.keys() == probe_formats(kernel).keys() & TRACEPOINTS
    assert ("shrink_folio_list", None) in facts.symbols
    assert ("virtio_balloon_oom_notify", MODULE) in facts.symbols
    assert set(facts.types) == {"vmlinux", MODULE}
    assert (facts.cpus_possible, facts.buddy_orders, facts.cgroup_version) == (4, 11, 2)
    assert (facts.has_kprobes, facts.has_lru_gen) == (True, True)
    assert facts.release == os.uname().release
    assert why_insufficient(facts) == ""


def test_what_cannot_be_had_is_said_and_nothing_is_made_from_it(tmp_path: Path):
    # GIVEN a machine whose tracefs is not mounted
    put_machine(tmp_path, "6.12")
    (tmp_path / "proc/self/mountinfo").write_text("")
    facts = describe(tmp_path, Willing())
    assert facts.formats == {}
    assert any(line.startswith("tracefs: ") for line in facts.unknown)
    assert "tracefs" in why_insufficient(decode(encode(facts)))


def test_without_privileges_nothing_is_tried_and_that_is_said(tmp_path: Path):
    put_machine(tmp_path, "6.12")
    (tmp_path / "proc/self/status").write_text("CapEff:\t0\nUid:\t1000\t1000\t1000\t1000\n")
    facts = describe(tmp_path, Willing())
    assert facts.trials is None
    assert "privileges" in why_insufficient(facts)


def test_a_description_by_a_version_that_asked_for_less_does_not_do(tmp_path: Path):
    facts = described(tmp_path)
    older = replace(facts, asked=facts.asked - {"task_struct"})
    assert "describe again" in why_insufficient(older)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """What a plan asks of types, symbols and tracefs."""
    names: set[str] = set()

    def noting(method):
        def call(self, name, *rest):
            names.add(name)
            return method(self, name, *rest)

        return call

    for name in ("enumerator", "member_offset_bytes", "size_bytes", "function"):
        monkeypatch.setattr(Btf, name, noting(getattr(Btf, name)))
    read_format = tracefs._read_format
    monkeypatch.setattr(tracefs, "_read_format", lambda name, root: (names.add(name), read_format(name, root))[1])
    return names


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_description_looks_for_everything_that_a_plan_asks(tmp_path: Path, asked: set[str], kernel: str):
    put_machine(tmp_path, kernel)
    make_plan(root=tmp_path)
    facts = describe(tmp_path, Willing())
    assert asked
    assert asked <= ASKED
    assert not (STRUCTURES | ENUMERATORS) & SYMBOLS
    assert facts.asked == ASKED


def test_the_command_writes_what_can_be_had_here(tmp_path: Path):
    done = run("programs", "describe", "-o", tmp_path / "own.facts")
    facts = decode((tmp_path / "own.facts").read_bytes())
    assert facts.release == os.uname().release
    assert done.returncode == (3 if facts.unknown else 0), done.stderr
    assert done.stdout == ""
    assert all(f"Not known: {reason}" in done.stderr for reason in facts.unknown)


def test_the_command_has_a_help_with_examples():
    done = run("programs", "describe", "--help")
    assert "\n    reclaim-tracer programs describe" in done.stdout
    assert len(max(done.stdout.splitlines(), key=len)) <= 80


def test_every_trial_is_answered_from_the_notes_as_it_went():
    tried = NotedTrials(Willing())
    questions = [
        lambda trials: trials.why_no_ring(),
        lambda trials: trials.accepts_mapped_array(),
        lambda trials: trials.accepts_call(115),
        lambda trials: trials.accepts_task_read(1752),
        lambda trials: trials.accepts_task_walk((1, 2)),
        lambda trials: trials.why_no_cgroup_id(),
    ]
    answers = [ask(tried) for ask in questions]
    assert [ask(DescribedKernel(tried.answers)) for ask in questions] == answers
    for ask in questions:
        with pytest.raises(FactsError):
            ask(DescribedKernel({}))
