"""The programs against the running kernel's verifier, in the shapes other kernels' formats give them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracer.probes.attach import Probes, load_request
from tracer.probes.attachment import attach_kprobe, attach_traced_function, attach_tracepoint
from tracer.probes.bpf_objects import TRACEPOINT, LoadError, load_program
from tracer.probes.carried.install import install
from tracer.probes.compiler import CompileError
from tracer.probes.compiling import Compiler
from tracer.probes.lru import LruDetail
from tracer.probes.plan import Plan, Targets, make_plan
from tracer.probes.probe import How
from tracer.probes.request import Loaded, LoadRequest
from tracer.probes.sources import bpf_dir, kernel_flags, map_entries, program_text
from tracer.probes.transport import Transport

sys.path.append(str(Path(__file__).parent.parent / "unit"))
from kernel_tree import put
from probe_machine import KERNELS, compile_here, put_every_function, put_probe_formats

pytestmark = pytest.mark.usefixtures("bcc")

SYMBOLS = "ffffffff81000100 t update_balloon_size_func\nffffffff81000200 t virtio_balloon_oom_notify\n"
TAME = "int tame(void *ctx) { return 0; }\n"


COUNTER_SYMBOLS = "ffffffff82000000 D vm_event_states\nffffffff82001000 D __per_cpu_offset\n"


def load(request: LoadRequest, transport: Transport = Transport.RING) -> Loaded:
    request = replace(request, map_entries=map_entries(transport, 1 << 14, os.cpu_count() or 1))
    return install(compile_here(request), request)


def loaded(plan: Plan, transport: Transport = Transport.RING) -> Loaded:
    return load(replace(load_request(plan, transport, release="6.1.0"), traced=()), transport)


def with_programs(text: str, *programs: str) -> LoadRequest:
    directory = bpf_dir()
    flags = kernel_flags("6.1.0", Transport.RING, directory)
    wanted = [(name, TRACEPOINT) for name in programs]
    return LoadRequest(f"{program_text(directory)}\n{text}", flags, str(directory), (), wanted)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("lru_detail", list(LruDetail))
@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_programs_for_other_kernels_formats_compile_and_pass_the_verifier(
    tmp_path: Path, kernel: str, transport: Transport, lru_detail: LruDetail
) -> None:
    put_probe_formats(tmp_path, kernel)
    put_every_function(tmp_path)
    plan = make_plan(Targets(lru_detail=lru_detail), root=tmp_path)
    probes = {probe for source in plan.to_try for probe in source.probes}
    assert {probe.how for probe in probes} >= {How.TRACEPOINT, How.KPROBE, How.KRETPROBE}
    with loaded(plan, transport) as programs:
        assert programs.refusals == {}
        assert programs.programs.keys() >= {probe.program for probe in probes}


DAMOS_STAT = """name: damos_stat_after_apply_interval
ID: 900
format:
\tfield:unsigned int context_idx;\toffset:8;\tsize:4;\tsigned:0;
\tfield:unsigned int scheme_idx;\toffset:12;\tsize:4;\tsigned:0;
""" + "".join(
    f"\tfield:unsigned long {name};\toffset:{offset};\tsize:8;\tsigned:0;\n"
    for name, offset in (("nr_tried", 16), ("sz_tried", 24), ("nr_applied", 32), ("sz_applied", 40))
)
"""After include/trace/events/damon.h: no kernel tried so far has it."""


@pytest.mark.parametrize("transport", list(Transport))
def test_programs_that_follow_the_kernels_structures_compile_and_pass_the_verifier(
    tmp_path: Path, need: Any, transport: Transport
) -> None:
    # GIVEN a kernel with the multi-gen LRU, free page reporting and hinting, DAMON's sums, and this kernel's types
    types = Path("/sys/kernel/btf/vmlinux")
    need("live", types.exists(), "this kernel has no BTF")
    put_probe_formats(tmp_path, "7.3")
    put_every_function(tmp_path)
    put(tmp_path, "/sys/kernel/mm/lru_gen/enabled", "0x0007\n")
    put(tmp_path, "/proc/buddyinfo", "Node 0, zone DMA 0 0 0 0 0 0 0 0 1 1 2\n")
    put(tmp_path, "/sys/kernel/tracing/events/damon/damos_stat_after_apply_interval/format", DAMOS_STAT)
    put(tmp_path, "/sys/kernel/btf/vmlinux").write_bytes(types.read_bytes())
    plan = make_plan(root=tmp_path)
    probes = {probe for source in plan.to_try for probe in source.probes if not probe.is_traced}
    wanted = {"shrink_folio_list", "shrink_folio_list_returns", "damos_stat", "virtballoon_free_page_report"}
    assert {probe.program for probe in probes} >= wanted
    with loaded(plan, transport) as programs:
        assert programs.refusals == {}
        assert programs.programs.keys() >= {probe.program for probe in probes}


@pytest.mark.parametrize(("cpus", "loops"), [("0-1", False), ("0-63", True)])
def test_the_kernels_own_counters_are_added_up_for_any_number_of_cpus(
    tmp_path: Path, need: Any, cpus: str, loops: bool
) -> None:
    # GIVEN a kernel that shows where its counters are
    types = Path("/sys/kernel/btf/vmlinux")
    need("live", types.exists(), "this kernel has no BTF")
    put_probe_formats(tmp_path, "6.18")
    put(
        tmp_path,
        "/proc/kallsyms",
        f"{SYMBOLS}ffffffff82000000 D vm_event_states\nffffffff82001000 D __per_cpu_offset\n",
    )
    put(tmp_path, "/sys/kernel/btf/vmlinux").write_bytes(types.read_bytes())
    put(tmp_path, "/sys/devices/system/cpu/possible", f"{cpus}\n")
    request = replace(load_request(make_plan(root=tmp_path), Transport.RING, release="6.1.0"), traced=())
    assert ("-DRT_MANY_CPUS" in request.source_flags) is loops
    # THEN programs load with their addresses, and on a boot that does not show them, too
    for values in (request.boot_values, {}):
        with load(replace(request, boot_values=values)) as programs:
            assert programs.refusals == {}


def test_a_work_end_without_its_function_is_matched_by_thread(tmp_path: Path) -> None:
    # GIVEN a kernel whose workqueue_execute_end names the work only
    put_probe_formats(tmp_path, "5.10")
    put(tmp_path, "/proc/kallsyms", SYMBOLS)
    path = tmp_path / "sys/kernel/tracing/events/workqueue/workqueue_execute_end/format"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if " function;" not in line))
    plan = make_plan(root=tmp_path)
    assert plan.absent_fields({})["balloon_work_end"] == ("function",)
    # THEN the other way of telling it compiles and loads
    request = replace(load_request(plan, Transport.RING, release="6.1.0"), maps=["working"])
    with load(request) as programs:
        assert programs.maps.keys() == {"working"}
        assert programs.programs.keys() >= {"balloon_work_begin", "balloon_work_end"}
        assert programs.refusals == {}


def test_text_that_does_not_compile_is_one_line_with_the_file_and_a_whole_log(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = '#line 7 "bpf/wrong.bpf.c"\nint wrong(void *ctx) { return nonsense; }\n'
    with pytest.raises(CompileError, match=r"bpf/wrong\.bpf\.c:7:\d+: error: .*nonsense") as raised:
        Compiler().compile(with_programs(text))
    assert "\n" not in str(raised.value)
    assert "1 error generated" in raised.value.log
    assert raised.value.exit_code == 3
    assert capfd.readouterr().err == "", "the compiler's talk is in the error, not on stderr"


def test_a_program_the_verifier_refuses_is_a_refusal_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    request = with_programs(f"int wild(void *ctx) {{ return *(int *)16; }}\n{TAME}", "wild", "tame")
    with load(request) as programs:
        assert programs.refusals.keys() == {"wild"}
        assert "\n" not in programs.refusals["wild"]
        assert programs.programs.keys() == {"tame"}
    assert capfd.readouterr().err == ""


def test_the_verifiers_story_is_kept() -> None:
    entry = compile_here(with_programs("int wild(void *ctx) { return *(int *)16; }\n"))
    with pytest.raises(LoadError, match=r"^\S[^\n]*$") as raised:
        load_program(entry.programs["wild"], TRACEPOINT, "wild")
    assert "R1 invalid mem access" in raised.value.log


def test_a_tracepoint_that_is_not_there_is_refused_with_the_kernels_word() -> None:
    with load(with_programs(TAME, "tame")) as programs:
        program = programs.programs["tame"]
        before = open_files()
        with pytest.raises(LoadError, match="Invalid argument"):
            attach_tracepoint(program, (1 << 31) - 1)
        with pytest.raises(LoadError, match=r"No such file|Invalid argument"):
            attach_kprobe(program, "no_such_function")
        with pytest.raises(LoadError, match="Invalid argument"):
            attach_traced_function(program)
        assert open_files() == before


def test_the_environment_is_as_before_and_foreign_settings_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCC_KERNEL_SOURCE", "/nowhere")
    monkeypatch.setenv("ARCH", "arm64")
    before = dict(os.environ)
    with Probes(make_plan(), 4096) as probes:
        probes.attach()
        probes.require_any()
    assert dict(os.environ) == before


def test_every_descriptor_is_given_back() -> None:
    with Probes(make_plan(), 4096) as probes:
        probes.attach()
    before = open_files()
    for _ in range(2):
        with Probes(make_plan(), 4096) as probes:
            probes.attach()
    assert open_files() == before
