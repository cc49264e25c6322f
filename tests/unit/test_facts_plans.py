"""Programs for a described kernel serve every boot of that kernel: what is compiled here is what is asked for there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from described_kernels import MODULE, Willing, described, put_machine
from probe_machine import KERNELS

from tracer.probes.attach import load_request
from tracer.probes.carried.fit import does, purpose_of
from tracer.probes.facts.facts import FactsError
from tracer.probes.facts.file_format import decode, encode
from tracer.probes.facts.gathering import describe
from tracer.probes.facts.plans import load_requests
from tracer.probes.lru import LruDetail
from tracer.probes.plan import Targets, make_plan
from tracer.probes.probe import PageSource
from tracer.probes.request import LoadRequest
from tracer.probes.transport import Transport
from tracer.probes.variants import every_request


def built(facts) -> list[LoadRequest]:
    """What is compiled from the description, once it has been a file."""
    return load_requests(decode(encode(facts)))


def serves(made: list[LoadRequest], wanted: LoadRequest) -> bool:
    """Whether one of those has all that is wanted."""
    purpose = purpose_of(wanted)
    return any(does(purpose_of(one), purpose) and one.wanted >= wanted.wanted for one in made)


@pytest.mark.parametrize("willing", [True, False])
@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_made_from_a_description_is_what_the_kernel_itself_asks_for(tmp_path: Path, kernel: str, willing: bool):
    made = built(described(tmp_path, kernel, willing=willing))
    own = list(every_request(tmp_path, Willing(willing=willing)))
    assert [purpose_of(request) for request in made] == [purpose_of(request) for request in own]
    assert [request.wanted for request in made] == [request.wanted for request in own]
    assert [request.maps for request in made] == [request.maps for request in own]
    assert [request.traced for request in made] == [request.traced for request in own]
    assert len(made) == (4 if willing else 2)


def without_the_module(root: Path) -> None:
    symbols = root / "proc/kallsyms"
    kept = (line for line in symbols.read_text().splitlines() if MODULE not in line)
    symbols.write_text("\n".join(kept) + "\n")
    (root / "sys/kernel/btf" / MODULE).unlink()


def with_hidden_addresses(root: Path) -> None:
    symbols = root / "proc/kallsyms"
    lines = (line.split(maxsplit=1)[1] for line in symbols.read_text().splitlines())
    symbols.write_text("".join(f"0000000000000000 {line}\n" for line in lines))


def with_other_addresses(root: Path) -> None:
    symbols = root / "proc/kallsyms"
    symbols.write_text(symbols.read_text().replace("ffffffff81", "ffffffffa3"))


def with_the_classic_lru(root: Path) -> None:
    (root / "sys/kernel/mm/lru_gen/enabled").write_text("0x0000\n")


def with_more_cpus(root: Path) -> None:
    (root / "sys/devices/system/cpu/possible").write_text("0-15\n")


BOOTS = (without_the_module, with_hidden_addresses, with_other_addresses, with_the_classic_lru, with_more_cpus)


@pytest.mark.parametrize("boot", BOOTS)
@pytest.mark.parametrize("kernel", ["5.10", "6.1", "7.3"])
def test_one_description_serves_every_boot(tmp_path: Path, kernel: str, boot: Callable[[Path], None]):
    made = built(described(tmp_path, kernel))
    boot(tmp_path)
    for wanted in every_request(tmp_path, Willing()):
        assert serves(made, wanted)


@pytest.mark.parametrize("boot", [with_hidden_addresses, with_the_classic_lru])
def test_a_boot_that_shows_less_describes_as_much(tmp_path: Path, boot: Callable[[Path], None]):
    wanted = list(every_request(put_machine(tmp_path, "6.1"), Willing()))
    boot(tmp_path)
    made = built(describe(tmp_path, Willing()))
    assert all(serves(made, request) for request in wanted)


@pytest.mark.parametrize("source", PageSource)
def test_one_description_serves_every_way_of_counting_pages(tmp_path: Path, source: PageSource):
    made = built(described(tmp_path))
    for detail in LruDetail:
        plan = make_plan(Targets(page_source=source, lru_detail=detail), root=tmp_path)
        for transport in Transport:
            assert serves(made, load_request(plan, transport, root=tmp_path, trials=Willing()))


def test_one_description_serves_another_oom_callback(tmp_path: Path):
    made = built(described(tmp_path))
    with (tmp_path / "proc/kallsyms").open("a") as symbols:
        symbols.write("ffffffff83000000 t out_of_tree_oom_notify\n")
    targets = Targets(oom_notifiers=("out_of_tree_oom_notify", "virtio_balloon_oom_notify"))
    wanted = load_request(make_plan(targets, root=tmp_path), Transport.RING, root=tmp_path, trials=Willing())
    assert 0xFFFFFFFF83000000 in wanted.boot_values.values()
    assert any(does(purpose_of(one), purpose_of(wanted)) for one in made)


def test_a_kernel_that_refuses_fentry_is_served_too(tmp_path: Path):
    made = built(described(tmp_path))
    plan = make_plan(root=tmp_path)
    refused = {source.name: "no" for source in plan.to_try if any(probe.is_traced for probe in source.probes)}
    assert refused
    assert serves(made, load_request(plan, Transport.RING, refused, root=tmp_path, trials=Willing()))


def test_another_kernel_is_not_served(tmp_path: Path):
    made = built(described(tmp_path / "a", "6.1"))
    put_machine(tmp_path / "b", "6.12")
    assert not any(serves(made, wanted) for wanted in every_request(tmp_path / "b", Willing()))


def test_a_kernel_that_allows_something_else_is_not_served(tmp_path: Path):
    made = built(described(tmp_path))
    assert not any(serves(made, wanted) for wanted in every_request(tmp_path, Willing(willing=False)))


@contextmanager
def refusal(words: str) -> Iterator[None]:
    with pytest.raises(FactsError, match=words) as error:
        yield
    assert "\n" not in str(error.value)


def test_another_kind_of_machine_is_refused(tmp_path: Path):
    other = "riscv64" if os.uname().machine != "riscv64" else "x86_64"
    with refusal(f"it is of a kernel for {other}"):
        built(replace(described(tmp_path), machine=other))


def test_a_description_without_trials_is_refused(tmp_path: Path):
    with refusal("describe again"):
        built(replace(described(tmp_path), trials=None, unknown=("privileges: none; run it as root",)))


def test_trials_that_do_not_answer_what_is_asked_are_refused(tmp_path: Path):
    with refusal("does not tell"):
        built(replace(described(tmp_path), trials={"ring": ""}))
