"""Names of tasks that mean the same on every machine: the kernel's own threads, programs that kill for memory."""

from __future__ import annotations

import re
from typing import Final

KERNEL_THREAD: Final = re.compile(
    rb"(?:kswapd|kcompactd|kdamond\.|ksoftirqd/|migration/|cpuhp/|swapper/)\d+|kworker/u?\d+:\d+H?"
    rb"|khugepaged|ksmd|kthreadd|khungtaskd|oom_reaper|writeback|kblockd|kauditd|rcu_preempt|rcu_sched|xen-balloon"
)
"""A whole name as the kernel gives it, no free part but numbers: kswapd_run() in mm/vmscan.c, create_worker() in
kernel/workqueue.c, __damon_start() in mm/damon/core.c and others. No record tells a kernel thread from a program that
calls itself so."""

MEMORY_KILLERS: Final = frozenset(
    {"systemd-oomd", "earlyoom", "oomd", "nohang", "lmkd", "low-memory-moni", "kubelet", "resourced", "bustd"}
)
"""Programs that kill for want of memory: of these any sign of pressure is enough."""

CONTAINER_RUNTIMES: Final = frozenset({"runc", "crun", "youki", "conmon", "containerd-shim", "containerd", "dockerd"})
"""Programs that send the signal when kubelet evicts a pod."""
