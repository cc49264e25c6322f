"""The words of the analysis, and of what it finds: closed lists, with the names that results print."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Tier(IntEnum):
    """How far the kernel had to go for memory."""

    PROACTIVE = 0
    BACKGROUND = 1
    DIRECT = 2
    RETRY = 3
    OOM_NOTIFY = 4
    OOM_KILL = 5

    @property
    def label(self) -> str:
        """The name results print: `oom_notify`."""
        return self.name.lower()


class Cause(StrEnum):
    """What made pages leave the balloon. Compaction wants none: a migration can end with a page fewer."""

    HOST = "host"
    SHRINKER = "shrinker"
    OOM_NOTIFIER = "oom_notifier"
    COMPACTION = "compaction"


class Quality(StrEnum):
    """How a number was had: read off events, deduced from counters around them, only some of it seen, or not at all."""

    MEASURED = "measured"
    INFERRED = "inferred"
    LOWER_BOUND = "lower_bound"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """Whose limit direct reclaim worked against: the machine's watermarks, a memory cgroup's own limit, or one node's;
    unknown where its begin was not seen."""

    GLOBAL = "global"
    MEMCG = "memcg"
    NODE = "node"
    UNKNOWN = "unknown"


class CycleClass(StrEnum):
    """What drives a cycle."""

    SHRINKER_REINFLATE = "shrinker-reinflate"
    NOTIFIER_REINFLATE = "notifier-reinflate"
    HOST_REINFLATE = "host-reinflate"
    HOST_OSCILLATION = "host-oscillation"
    ROUNDING = "rounding"


class TapVerdict(StrEnum):
    """When the balloon gave pages under pressure: while reclaim could still free page cache, as the last resort but
    before anybody had noticed, or after; not at all; or nothing tells."""

    PREMATURE = "premature"
    TIMELY = "timely"
    LATE = "late"
    NEVER = "never"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
