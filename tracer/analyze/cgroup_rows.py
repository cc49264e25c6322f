"""What tasks of each cgroup waited for and reclaimed, as plain data, and what a cgroup's path says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from .terms import Quality, Scope, Tier

_HEX: Final = "[0-9a-f]"
_POD: Final = re.compile(
    rf"(?:^|[-/])pod({_HEX}{{8}}(?:[-_]{_HEX}{{4}}){{3}}[-_]{_HEX}{{12}}|{_HEX}{{32}})(?=\.slice|/|$)"
)
"""A pod's UID, or the hash of a static one: GetPodCgroupNameSuffix() in
pkg/kubelet/cm/pod_container_manager_linux.go of Kubernetes; systemd's slices have `_` for `-`."""
_CONTAINER: Final = re.compile(rf"(?:^|/)(?:(?:cri-containerd|crio|docker|libpod)-)?({_HEX}{{64}})(?:\.scope)?(?=/|$)")
"""A container's id, in a scope that containerd, CRI-O, Docker or Podman had systemd make, or in a folder of its own."""
_UNIT: Final = re.compile(r"(?:^|/)([^/]+\.(?:service|scope))(?=/|$)")


class CgroupNames(NamedTuple):
    """What a path tells: the innermost systemd unit (service or scope), a Kubernetes pod's UID, a container's id."""

    unit: str | None = None
    pod: str | None = None
    container: str | None = None

    @classmethod
    def of(cls, path: str | None) -> Self:
        """From a path; all None where there is none."""
        if path is None:
            return cls()
        pod, container = _last(_POD, path), _last(_CONTAINER, path)
        return cls(_last(_UNIT, path), pod and pod.replace("_", "-"), container)


def short_name(path: str) -> str:
    """A cgroup in a sentence: pod and container by their names, since their paths are long; else the path.

    Of a container's id as many characters as `docker ps` and `crictl ps` show.
    """
    names = CgroupNames.of(path)
    container = names.container and f"container {names.container[:12]}"
    if names.pod:
        return " ".join(filter(None, (f"pod {names.pod}", container)))
    return container or path


def _last(pattern: re.Pattern[str], path: str) -> str | None:
    found = pattern.findall(path)
    return found[-1] if found else None


@dataclass(slots=True)
class CgroupTier:
    """What a cgroup's tasks did in one tier, in tier `direct` in one `scope`. `stall_s` is their waiting added up, 0 in
    tiers below 2, in which nobody waits; pages are those that they themselves took off the LRU lists, `nr_scanned`,
    `efficiency` and `silent_scans` as a tier's, None where unknown."""

    tier: Tier
    scope: Scope | None
    file_pages: int | None
    anon_pages: int | None
    lru_pages: int | None
    spans: int = 0
    stall_s: float = 0.0
    max_ns: int = 0
    nr_scanned: int | None = None
    efficiency: float | None = None
    silent_scans: int | None = None

    def add(self, spans: int, stall_s: float, max_ns: int) -> None:
        """Count waits."""
        self.spans += spans
        self.stall_s += stall_s
        self.max_ns = max(self.max_ns, max_ns)


@dataclass(slots=True)
class CgroupRow:
    """What one cgroup's tasks paid: waiting (tiers 2 and 4, `spans` times; waits of tier 3 lie inside), pages that they
    had to reclaim themselves (tier `direct`), and victims of the OOM killer.

    `path` is None where it was not found; `id` is then all there is, and both are None for tasks of which no event
    tells the cgroup. `lru_pages` are not split into file and anonymous ones. `quality` is that of the pages.
    `limit_s` is how long tasks, its own or of cgroups below, reclaimed because it was at its limit itself,
    `limit_spans` how often: None where the kernel does not tell whose limit it is (Linux 7.1 does). `kills` is None
    where somebody was killed whose cgroup is not known: it may have been of this one.
    """

    path: str | None
    id: int | None
    unit: str | None = None
    pod: str | None = None
    container: str | None = None
    stall_s: float = 0.0
    spans: int = 0
    max_ns: int = 0
    file_pages: int | None = 0
    anon_pages: int | None = 0
    lru_pages: int | None = 0
    limit_s: float | None = None
    limit_spans: int | None = None
    kills: int | None = 0
    quality: Quality = Quality.MEASURED
    tiers: list[CgroupTier] = field(default_factory=list)
