#!/bin/sh
# The root image's first process: mounts what tracing and the loads need, then becomes the agent.
export PATH=/payload/bin:/usr/bin:/usr/sbin HOME=/root LC_ALL=C.UTF-8 PYTHONPATH=/payload:/opt/site PYTHONDONTWRITEBYTECODE=1
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /mnt
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
cd /tmp || exit
exec python3 -S -u /payload/inside/agent.py
