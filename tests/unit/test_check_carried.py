"""`check --programs`: bcc is needed only where the file does not have what this kernel asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from probe_machine import put_probe_formats
from programs_cases import EXIT, entry_for

from tracer.check.carried import ProgramSources, with_programs
from tracer.kernel.access import Requirement
from tracer.probes.attach import load_request, refused_beforehand
from tracer.probes.bpf_objects import MapDefinition
from tracer.probes.carried.cache import Cache
from tracer.probes.carried.entry import Entry
from tracer.probes.carried.fit import purpose_of
from tracer.probes.carried.programs_file import ProgramsFile
from tracer.probes.plan import Plan, make_plan
from tracer.probes.request import LoadRequest
from tracer.probes.transport import choose_transport

PRIVILEGES = Requirement("privileges", True, "CAP_SYS_ADMIN")
NO_TRACEFS = Requirement("tracefs", False, "not mounted", "mount it")
NO_BCC = Requirement("bcc", False, "not installed", "apt-get install python3-bpfcc")


@dataclass
class Carried(ProgramsFile):
    """A file that has been read already."""

    entry: Entry | None
    path: Path = Path("guest.programs")

    def find(self, request: LoadRequest) -> Entry | None:
        assert request.programs
        return self.entry

    def why_none(self, request: LoadRequest) -> str:
        return "its programs for 6.1.0 differ in the format of oom:mark_victim (field pid)"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    put_probe_formats(tmp_path, "6.12")
    return make_plan(root=tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty one."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o755)
    return Cache(folder)


def cached(plan: Plan, cache: Cache) -> None:
    """What a recording on this kernel leaves behind."""
    request = load_request(plan, choose_transport().transport, refused_beforehand(plan))
    maps = tuple(MapDefinition(name, 2, 4, 8, 1, 0) for name in request.maps)
    assert cache.keep(Entry(purpose_of(request), maps, dict.fromkeys(request.wanted, EXIT)))


def test_without_a_file_bcc_is_needed(plan: Plan, cache: Cache):
    privileges, bcc, row = with_programs((PRIVILEGES,), NO_BCC, ProgramSources(None, cache), plan)
    assert (privileges, bcc) == (PRIVILEGES, NO_BCC)
    assert (row.ok, row.needed, row.detail) == (True, False, f"nothing cached yet in {cache.path}")


def test_a_cache_with_this_kernels_programs_makes_bcc_a_note(plan: Plan, cache: Cache):
    cached(plan, cache)
    _, bcc, row = with_programs((PRIVILEGES,), NO_BCC, ProgramSources(None, cache), plan)
    assert not bcc.needed
    assert row.detail == f"1 set of programs in {cache.path}, with those for this kernel"


def test_a_cache_without_them_does_not(plan: Plan, cache: Cache):
    assert cache.keep(entry_for())
    _, bcc, row = with_programs((PRIVILEGES,), NO_BCC, ProgramSources(None, cache), plan)
    assert bcc.needed
    assert row.detail == f"1 set of programs in {cache.path}, none of them for this kernel yet"


def test_a_cache_that_others_may_write_is_told_with_what_to_do(plan: Plan, cache: Cache):
    cached(plan, cache)
    cache.path.chmod(0o666)
    _, bcc, row = with_programs((PRIVILEGES,), NO_BCC, ProgramSources(None, cache), plan)
    assert bcc.needed
    assert (row.ok, row.needed, row.fix) == (False, False, "reclaim-tracer programs clean")
    assert "others may write to it" in row.detail


def test_a_file_that_fits_makes_bcc_a_note(plan: Plan, cache: Cache):
    privileges, bcc, row, _ = with_programs((PRIVILEGES,), NO_BCC, ProgramSources(Carried(entry_for()), cache), plan)
    assert (privileges, bcc.needed, bcc.ok) == (PRIVILEGES, False, False)
    assert (row.ok, row.detail) == (True, "guest.programs fits this kernel")


def test_a_file_that_does_not_fit_says_the_first_thing_that_differs_and_what_to_do(plan: Plan, cache: Cache):
    _, bcc, row, _ = with_programs((PRIVILEGES,), NO_BCC, ProgramSources(Carried(None), cache), plan)
    assert bcc.needed
    assert (row.ok, row.needed) == (False, True)
    assert row.detail == (
        "guest.programs does not fit: its programs for 6.1.0 differ in the format of oom:mark_victim (field pid)"
    )
    assert "programs describe" in row.fix


def test_where_something_else_is_missing_nothing_is_compared(plan: Plan, cache: Cache):
    _, bcc, row = with_programs((NO_TRACEFS,), NO_BCC, ProgramSources(Carried(entry_for()), cache), plan)
    assert bcc.needed
    assert not row.ok
    assert row.detail == "guest.programs: not compared with this kernel yet (tracefs)"
