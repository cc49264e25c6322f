#!/bin/busybox sh
# The guest's first process: loads the drivers it takes to find the root image, and goes there.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
    [ "$module" = virtio_balloon ] || insmod "/modules/$module.ko" || echo "initrd: $module failed"
done </modules/order
tries=0
until [ -b /dev/vdb ] || [ $tries = 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
mount -t ext4 -o ro /dev/vda /root || exec sh
mount -t ext4 -o ro /dev/vdb /root/payload || exec sh
mount -t tmpfs tmpfs /root/run
mkdir /root/run/modules
cp /modules/*.ko /root/run/modules
for place in proc sys dev; do
    mount --move /$place /root/$place
done
exec switch_root /root /payload/start.sh
