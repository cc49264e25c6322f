#!/bin/sh
# Makes a machine of the guest that the project's tests can run on: folders on a disk, terminals, a Python of its own.
set -e
unset PYTHONPATH PYTHONDONTWRITEBYTECODE
export PATH=/usr/sbin:/usr/bin
mke2fs -q -F -t ext4 /dev/vdc
mount -t ext4 /dev/vdc /mnt
mkdir -p /mnt/cache /mnt/tmp /mnt/home
chmod 1777 /mnt/tmp
mount --bind /mnt/tmp /var/tmp
mount --bind /mnt/cache /var/cache
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
ln -sf /proc/self/fd /dev/fd
for name in 0:stdin 1:stdout 2:stderr; do
    ln -sf "/proc/self/fd/${name%%:*}" "/dev/${name#*:}"
done
[ -e /dev/ptmx ] || ln -s pts/ptmx /dev/ptmx
chmod 1777 /tmp
ip link set lo up
cp -a /payload/files/project /mnt/project
cd /mnt/project
python3 -m venv --without-pip .venv
for site in .venv/lib/python3*/site-packages; do
    rm -rf "$site"
    ln -s /opt/site "$site"
done
