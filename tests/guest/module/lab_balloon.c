// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memory balloon for the guest lab, with a switch for how it gives pages back under pressure.
 *
 * No distribution ships the kernels whose virtio balloon was a shrinker (Linux 4.19 to 5.7). This module is a balloon on
 * the kernel's exported balloon page interface that sizes itself as virtio_balloon does and can take either reclaim path,
 * or none, on any kernel. Its target is a file instead of a host's config space, and pages it holds are not given away.
 *
 * Functions that a tracer has to find bear the names they have in drivers/virtio/virtio_balloon.c.
 *
 * Files under /sys/kernel/lab_balloon, one value each; pages are guest pages:
 *   target_pages (rw)    what the host asks for, in balloon pages; a write is a config change, also of the same value
 *   reclaim_path (rw)    none, shrinker or oom_notifier
 *   balloon_pages_per_page (rw)  1; 16 is a guest of 64 KiB pages; changes only while the balloon and its target are 0
 *   actual_pages         what the balloon holds
 *   inflated_pages, leaked_host_pages, leaked_shrinker_pages, leaked_oom_notifier_pages, migrated_pages
 *   config_changes, work_runs, puffs, shrinker_scans, oom_notifications
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "compat.h"

/* VIRTIO_BALLOON_ARRAY_PFNS_MAX, VIRTIO_BALLOON_OOM_NR_PAGES, VIRTIO_BALLOON_OOM_NOTIFY_PRIORITY, and fill_balloon()'s sleep */
#define RUN_PAGES 256U
#define OOM_NOTIFY_PAGES 256U
#define OOM_NOTIFY_PRIORITY 80
#define PUFF_MS 200

/* A function that must keep its name and its arguments. */
#define TRACED noinline __noclone

enum reclaim_path { PATH_NONE, PATH_SHRINKER, PATH_OOM_NOTIFIER };

static const char *const path_names[] = {
	[PATH_NONE] = "none",
	[PATH_SHRINKER] = "shrinker",
	[PATH_OOM_NOTIFIER] = "oom_notifier",
};

enum counter {
	INFLATED_PAGES,
	LEAKED_HOST_PAGES,
	LEAKED_SHRINKER_PAGES,
	LEAKED_OOM_NOTIFIER_PAGES,
	MIGRATED_PAGES,
	CONFIG_CHANGES,
	WORK_RUNS,
	PUFFS,
	SHRINKER_SCANS,
	OOM_NOTIFICATIONS,
	COUNTERS,
};

/*
 * The host counts in balloon pages, 4 KiB for virtio. A guest page of 64 KiB is 16 of them, and a target that is no
 * multiple of 16 can't be met. This driver can have such pages on any machine.
 */
static unsigned int balloon_pages_per_page = 1;

static char *reclaim_path = "none";
module_param(reclaim_path, charp, 0444);
MODULE_PARM_DESC(reclaim_path, "how pages come back under pressure at first: none, shrinker or oom_notifier");

struct lab_balloon {
	struct balloon_dev_info dev_info;
	struct work_struct size_work;
	struct notifier_block oom_notifier;
	struct kobject *kobj;

	struct mutex path_lock; /* serialises changes of path */
	enum reclaim_path path;

	struct mutex balloon_lock; /* protects held_pages and what is done with dev_info's list */
	unsigned long held_pages;

	unsigned long target_pages;
	atomic64_t counters[COUNTERS];
};

static struct lab_balloon balloon;

static void count(struct lab_balloon *b, enum counter which, unsigned long more)
{
	atomic64_add(more, &b->counters[which]);
}

static unsigned int collect_pages(struct lab_balloon *b, unsigned int num, struct list_head *pages)
{
	unsigned int got;

	for (got = 0; got < num; got += balloon_pages_per_page) {
		struct page *page = balloon_page_alloc();

		if (!page) {
			count(b, PUFFS, 1);
			pr_info_ratelimited("lab_balloon: Out of puff! Can't get a page\n");
			msleep(PUFF_MS);
			break;
		}
		list_add(&page->lru, pages);
	}
	return got;
}

/* Takes at most a run's worth of pages in; returns balloon pages. Allocates without the lock: reclaim may come back as a leak. */
static TRACED unsigned int fill_balloon(struct lab_balloon *b, size_t num)
{
	unsigned int got;
	struct page *page, *next;
	LIST_HEAD(pages);

	got = collect_pages(b, min_t(size_t, num, RUN_PAGES), &pages);

	mutex_lock(&b->balloon_lock);
	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		balloon_page_enqueue(&b->dev_info, page);
	}
	b->held_pages += got / balloon_pages_per_page;
	mutex_unlock(&b->balloon_lock);

	count(b, INFLATED_PAGES, got / balloon_pages_per_page);
	return got;
}

/* Gives at most a run's worth of pages back; returns balloon pages. Pages isolated for migration can't be had now. */
static TRACED unsigned int leak_balloon(struct lab_balloon *b, size_t num)
{
	unsigned int freed;
	struct page *page, *next;
	LIST_HEAD(pages);

	num = min_t(size_t, num, RUN_PAGES);

	mutex_lock(&b->balloon_lock);
	for (freed = 0; freed < num && b->held_pages; freed += balloon_pages_per_page) {
		page = balloon_page_dequeue(&b->dev_info);
		if (!page)
			break;
		b->held_pages--;
		list_add(&page->lru, &pages);
	}
	mutex_unlock(&b->balloon_lock);

	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		put_page(page);
	}
	return freed;
}

static unsigned int leak_for(struct lab_balloon *b, size_t num, enum counter cause)
{
	unsigned int freed = leak_balloon(b, num);

	count(b, cause, freed / balloon_pages_per_page);
	return freed;
}

static void update_balloon_size_func(struct work_struct *work)
{
	struct lab_balloon *b = container_of(work, struct lab_balloon, size_work);
	long diff = READ_ONCE(b->target_pages) - READ_ONCE(b->held_pages) * balloon_pages_per_page;

	count(b, WORK_RUNS, 1);
	if (diff > 0)
		diff -= fill_balloon(b, diff);
	else if (diff < 0)
		diff += leak_for(b, -diff, LEAKED_HOST_PAGES);

	if (diff)
		queue_work(system_freezable_wq, work);
}

static TRACED void virtballoon_changed(struct lab_balloon *b)
{
	count(b, CONFIG_CHANGES, 1);
	queue_work(system_freezable_wq, &b->size_work);
}

static unsigned long virtio_balloon_shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	return READ_ONCE(balloon.held_pages);
}

static unsigned long virtio_balloon_shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long freed = 0, step;

	count(&balloon, SHRINKER_SCANS, 1);
	do {
		step = leak_for(&balloon, (sc->nr_to_scan - freed) * balloon_pages_per_page, LEAKED_SHRINKER_PAGES);
		freed += step / balloon_pages_per_page;
	} while (step && freed < sc->nr_to_scan);
	return freed;
}

static int virtio_balloon_oom_notify(struct notifier_block *self, unsigned long unused, void *parm)
{
	struct lab_balloon *b = container_of(self, struct lab_balloon, oom_notifier);
	unsigned long *freed_pages = parm;

	count(b, OOM_NOTIFICATIONS, 1);
	*freed_pages += leak_for(b, OOM_NOTIFY_PAGES, LEAKED_OOM_NOTIFIER_PAGES) / balloon_pages_per_page;
	return NOTIFY_OK;
}

static int virtballoon_migratepage(struct balloon_dev_info *dev_info, struct page *newpage, struct page *page,
				   enum migrate_mode mode)
{
	struct lab_balloon *b = container_of(dev_info, struct lab_balloon, dev_info);

	if (!mutex_trylock(&b->balloon_lock))
		return -EAGAIN;
	compat_exchange_pages(dev_info, newpage, page);
	count(b, MIGRATED_PAGES, 1);
	mutex_unlock(&b->balloon_lock);
	return 0;
}

static void leave_path(struct lab_balloon *b)
{
	if (b->path == PATH_SHRINKER)
		compat_unregister_shrinker();
	else if (b->path == PATH_OOM_NOTIFIER)
		unregister_oom_notifier(&b->oom_notifier);
	b->path = PATH_NONE;
}

static int take_path(struct lab_balloon *b, const char *name)
{
	int path = sysfs_match_string(path_names, name);
	int err = 0;

	if (path < 0)
		return path;
	mutex_lock(&b->path_lock);
	leave_path(b);
	if (path == PATH_SHRINKER)
		err = compat_register_shrinker(virtio_balloon_shrinker_count, virtio_balloon_shrinker_scan);
	else if (path == PATH_OOM_NOTIFIER)
		err = register_oom_notifier(&b->oom_notifier);
	if (!err)
		b->path = path;
	mutex_unlock(&b->path_lock);
	return err;
}

#define SHOW(name, format, value) \
	static ssize_t name##_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf) \
	{ \
		return sysfs_emit(buf, format "\n", value); \
	}

SHOW(target_pages, "%lu", READ_ONCE(balloon.target_pages))
SHOW(reclaim_path, "%s", path_names[READ_ONCE(balloon.path)])
SHOW(balloon_pages_per_page, "%u", balloon_pages_per_page)
SHOW(actual_pages, "%lu", READ_ONCE(balloon.held_pages))

static ssize_t target_pages_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf, size_t size)
{
	unsigned long target;
	int err = kstrtoul(buf, 0, &target);

	if (err)
		return err;
	if (target / balloon_pages_per_page > totalram_pages())
		return -EINVAL;
	WRITE_ONCE(balloon.target_pages, target);
	virtballoon_changed(&balloon);
	return size;
}

static ssize_t reclaim_path_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf, size_t size)
{
	return take_path(&balloon, buf) ?: size;
}

static ssize_t balloon_pages_per_page_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
					    size_t size)
{
	unsigned int pages;
	int err = kstrtouint(buf, 0, &pages);

	if (err)
		return err;
	if (!pages || pages > RUN_PAGES)
		return -EINVAL;
	if (balloon.held_pages || balloon.target_pages || work_busy(&balloon.size_work))
		return -EBUSY;
	balloon_pages_per_page = pages;
	return size;
}

struct counter_attribute {
	struct kobj_attribute file;
	enum counter which;
};

static ssize_t counter_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	enum counter which = container_of(attr, struct counter_attribute, file)->which;

	return sysfs_emit(buf, "%lld\n", (long long)atomic64_read(&balloon.counters[which]));
}

#define COUNTER(name, index) \
	static struct counter_attribute name##_attr = { __ATTR(name, 0444, counter_show, NULL), index }

static struct kobj_attribute target_pages_attr = __ATTR_RW(target_pages);
static struct kobj_attribute reclaim_path_attr = __ATTR_RW(reclaim_path);
static struct kobj_attribute balloon_pages_per_page_attr = __ATTR_RW(balloon_pages_per_page);
static struct kobj_attribute actual_pages_attr = __ATTR_RO(actual_pages);
COUNTER(inflated_pages, INFLATED_PAGES);
COUNTER(leaked_host_pages, LEAKED_HOST_PAGES);
COUNTER(leaked_shrinker_pages, LEAKED_SHRINKER_PAGES);
COUNTER(leaked_oom_notifier_pages, LEAKED_OOM_NOTIFIER_PAGES);
COUNTER(migrated_pages, MIGRATED_PAGES);
COUNTER(config_changes, CONFIG_CHANGES);
COUNTER(work_runs, WORK_RUNS);
COUNTER(puffs, PUFFS);
COUNTER(shrinker_scans, SHRINKER_SCANS);
COUNTER(oom_notifications, OOM_NOTIFICATIONS);

static struct attribute *files[] = {
	&target_pages_attr.attr,
	&reclaim_path_attr.attr,
	&balloon_pages_per_page_attr.attr,
	&actual_pages_attr.attr,
	&inflated_pages_attr.file.attr,
	&leaked_host_pages_attr.file.attr,
	&leaked_shrinker_pages_attr.file.attr,
	&leaked_oom_notifier_pages_attr.file.attr,
	&migrated_pages_attr.file.attr,
	&config_changes_attr.file.attr,
	&work_runs_attr.file.attr,
	&puffs_attr.file.attr,
	&shrinker_scans_attr.file.attr,
	&oom_notifications_attr.file.attr,
	NULL,
};

static const struct attribute_group file_group = { .attrs = files };

static int __init start(struct lab_balloon *b)
{
	int err = compat_balloon_init(&b->dev_info, virtballoon_migratepage);

	if (err)
		return err;
	b->kobj = kobject_create_and_add("lab_balloon", kernel_kobj);
	err = b->kobj ? sysfs_create_group(b->kobj, &file_group) : -ENOMEM;
	if (!err)
		err = take_path(b, reclaim_path);
	if (err) {
		kobject_put(b->kobj);
		compat_balloon_exit(&b->dev_info);
	}
	return err;
}

static int __init lab_balloon_init(void)
{
	INIT_WORK(&balloon.size_work, update_balloon_size_func);
	mutex_init(&balloon.path_lock);
	mutex_init(&balloon.balloon_lock);
	balloon.oom_notifier.notifier_call = virtio_balloon_oom_notify;
	balloon.oom_notifier.priority = OOM_NOTIFY_PRIORITY;
	return start(&balloon);
}

/* The files go first, so that nobody sets a target or a path behind this. */
static void __exit lab_balloon_exit(void)
{
	kobject_put(balloon.kobj);
	leave_path(&balloon);
	cancel_work_sync(&balloon.size_work);
	while (balloon.held_pages) {
		leak_balloon(&balloon, RUN_PAGES);
		cond_resched();
	}
	compat_balloon_exit(&balloon.dev_info);
}

module_init(lab_balloon_init);
module_exit(lab_balloon_exit);
MODULE_DESCRIPTION("A memory balloon with a choice of reclaim path, for testing");
MODULE_LICENSE("GPL");
