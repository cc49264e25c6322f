"""Boot a guest with this checkout's tracer and run a command in it: `python -m tests.guest.boot -- COMMAND`."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path

from .debian import LabError
from .guest import Guest, guest_argv
from .kernels import KERNELS
from .machine import BALLOON_FLAGS, Hardware


def main() -> int:
    """The command's exit status; 1 where the guest can't be had."""
    options = _parser().parse_args()
    try:
        return _run(options)
    except LabError as error:
        print(f"boot: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    hardware = Hardware(
        memory_mib=options.memory, cpus=options.cpus, nodes=options.nodes, append=options.append,
        compiler=not options.no_compiler,
        balloon=tuple(filter(None, options.balloon.split(","))),
    )  # fmt: skip
    files = dict(_pair(text) for text in options.put)
    began_s = time.monotonic()
    with Guest(options.kernel, hardware, files, balloon_module=not options.no_balloon_module) as guest:
        _say(f"{guest.image.release} booted in {time.monotonic() - began_s:.1f} s ({guest.accelerator})")
        policy = threading.Thread(target=_policy, args=(guest, options.host), daemon=True)
        policy.start()
        pid = guest.start(*guest_argv(options.command))
        try:
            status = guest.finish(pid, options.timeout)
        finally:
            sys.stdout.write(guest.output(pid))
            sys.stderr.write(guest.errors(pid))
        for place, target in map(_pair_back, options.get):
            guest.fetch(place, target)
        _say(f"vmstat balloon: { ({k: v for k, v in guest.counters().items() if 'balloon' in k}) }")
        _say(f"host: the guest has {guest.balloon_bytes() >> 20} MiB")
        if options.console:
            sys.stderr.write(guest.console())
    return status if status >= 0 else 128 - status


def _policy(guest: Guest, steps: list[str]) -> None:
    """`SECONDS:MIB` each: at this time after the command's start, this target for the guest's memory."""
    began_s = time.monotonic()
    for step in steps:
        at_s, _, mib = step.partition(":")
        time.sleep(max(0.0, began_s + float(at_s) - time.monotonic()))
        guest.set_target(int(mib))
        _say(f"{time.monotonic() - began_s:.1f} s: host's target {mib} MiB")


def _pair(text: str) -> tuple[str, Path]:
    source, _, place = text.partition("=")
    return place or Path(source).name, Path(source)


def _pair_back(text: str) -> tuple[str, Path]:
    place, _, target = text.partition("=")
    return place, Path(target or Path(place).name)


def _say(text: str) -> None:
    print(f"boot: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest.boot", description=__doc__)
    parser.add_argument("--kernel", choices=sorted(KERNELS), default="6.1")
    parser.add_argument("--memory", type=int, default=1024, metavar="MIB")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--nodes", type=int, default=1, help="NUMA nodes, one CPU each")
    parser.add_argument("--balloon", default="deflate-on-oom", metavar="FLAG,...", help=", ".join(BALLOON_FLAGS))
    parser.add_argument("--no-balloon-module", action="store_true", help="do not load virtio_balloon")
    parser.add_argument("--no-compiler", action="store_true", help="a root image without bcc and LLVM")
    parser.add_argument("--append", default="", help="kernel command line")
    parser.add_argument("--put", action="append", default=[], metavar="FILE[=PLACE]", help="below /payload/files")
    parser.add_argument("--get", action="append", default=[], metavar="PATH[=FILE]", help="copy out after the command")
    parser.add_argument("--host", action="append", default=[], metavar="SECONDS:MIB", help="the host's targets")
    parser.add_argument("--timeout", type=float, default=300, metavar="S")
    parser.add_argument("--console", action="store_true", help="print the kernel's log at the end")
    parser.add_argument("command", nargs="+", help="one word is a shell command")
    return parser


if __name__ == "__main__":
    sys.exit(main())
