"""Containers: which engine started this one, and the flags with which it would give a process what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .capabilities import Capability, names
from .host import in_initial_namespace
from .paths import ROOT, read_text, under

NSPAWN, OTHER = "systemd-nspawn", "container"

_SAID_IN: Final = ("/run/host/container-manager", "/run/systemd/container")
"""systemd.io/CONTAINER_INTERFACE: who runs a container, by the manager and by the container's own systemd."""
_MARKS: Final = {
    "/var/run/secrets/kubernetes.io": "kubernetes",
    "/run/.containerenv": "podman",
    "/.dockerenv": "docker",
}
_CGROUP_MARKS: Final = {"kubepods": "kubernetes", "libpod": "podman", "docker": "docker", "/lxc": "lxc"}
_PID_1_SAYS: Final = re.compile(r"(?:^|\0)container=([\w-]+)")


def container_engine(root: Path = ROOT) -> str:
    """`docker`, `podman`, `kubernetes`, `systemd-nspawn`, `lxc` or `container`; empty outside of containers.

    Mark files alone prove nothing (images carry them along): a namespace of its own does.
    """
    if all(in_initial_namespace(name, root) for name in ("pid", "user", "cgroup")):
        return ""
    return _said(root) or _marked(root) or OTHER


def grant_capabilities(engine: str, capabilities: Iterable[Capability]) -> str:
    """How to start a container that has these capabilities."""
    wanted = tuple(capabilities)
    short = [item.name.removeprefix("CAP_") for item in wanted]
    if engine in {"docker", "podman"}:
        return f"{engine} run {' '.join(f'--cap-add {name}' for name in short)} ..."
    if engine == "kubernetes":
        return f"in the container's securityContext: capabilities: {{add: [{', '.join(short)}]}}"
    if engine == NSPAWN:
        # Its default filter keeps both calls out whatever the capabilities: src/nspawn/nspawn-seccomp.c of systemd.
        asked = ",".join(item.name for item in wanted)
        return f'systemd-nspawn --capability={asked} --system-call-filter="bpf perf_event_open" ...'
    if engine == "lxc":
        return f"take {', '.join(short).lower()} out of lxc.cap.drop, or add them to lxc.cap.keep"
    return f"start the container with {names(wanted)}"


def grant_folder(engine: str, path: str) -> str:
    """How to start a container that sees this folder of the machine."""
    if engine in {"docker", "podman"}:
        return f"{engine} run -v {path}:{path}:ro ..."
    if engine == "kubernetes":
        return f"mount a hostPath volume of {path} at {path}, readOnly"
    if engine == NSPAWN:
        return f"systemd-nspawn --bind-ro={path} ..."
    if engine == "lxc":
        return f"lxc.mount.entry = {path} {path.lstrip('/')} none rbind,ro 0 0"
    return f"mount the host's {path} into the container"


def grant_system_calls(engine: str) -> str:
    """How to start a container whose system call filter lets the tracer's calls through."""
    if engine in {"docker", "podman"}:
        return f"{engine} run --security-opt seccomp=unconfined ..."
    if engine == "kubernetes":
        return "in the container's securityContext: seccompProfile: {type: Unconfined}"
    if engine == NSPAWN:
        return 'systemd-nspawn --system-call-filter="bpf perf_event_open" ...'
    if engine == "lxc":
        return "lxc.seccomp.profile = (empty)"
    return "let bpf and perf_event_open through the seccomp filter"


def leave_user_namespace(engine: str) -> str:
    """How to get out of a user namespace, whose root has no power over the machine's kernel."""
    return {
        "docker": "docker run --userns=host ...",
        "podman": "start it as the host's root: sudo podman run ...",
        "kubernetes": "in the pod: hostUsers: true",
        NSPAWN: "systemd-nspawn --private-users=no ...",
        "lxc": "make the container privileged: no lxc.idmap",
    }.get(engine, "run as root on the host itself")


def _said(root: Path) -> str:
    for path in _SAID_IN:
        if text := read_text(root, path):
            return text
    match = _PID_1_SAYS.search(read_text(root, "/proc/1/environ") or "")
    return match[1] if match else ""


def _marked(root: Path) -> str:
    for path, engine in _MARKS.items():
        if under(root, path).exists():
            return engine
    cgroup = read_text(root, "/proc/1/cgroup") or ""
    return next((engine for mark, engine in _CGROUP_MARKS.items() if mark in cgroup), "")
