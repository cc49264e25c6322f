/* SPDX-License-Identifier: GPL-2.0-only */
/* What the balloon page and shrinker interfaces of different kernels have in common; Kbuild says which this one has. */
#ifndef LAB_BALLOON_COMPAT_H
#define LAB_BALLOON_COMPAT_H

#include <linux/shrinker.h>
#include <linux/vmstat.h>
#if __has_include(<linux/balloon.h>)
#include <linux/balloon.h>
#else
#include <linux/balloon_compaction.h>
#endif

typedef unsigned long shrinker_callback(struct shrinker *shrinker, struct shrink_control *sc);
typedef int migrate_callback(struct balloon_dev_info *dev_info, struct page *newpage, struct page *page,
			     enum migrate_mode mode);

#ifdef HAVE_SHRINKER_ALLOC
/* Since Linux kernel commit c42d50aefd17 ("mm: shrinker: add infrastructure for dynamically allocating shrinker") (in v6.7) */
static struct shrinker *compat_shrinker;

static int compat_register_shrinker(shrinker_callback *count, shrinker_callback *scan)
{
	compat_shrinker = shrinker_alloc(0, "lab-balloon");
	if (!compat_shrinker)
		return -ENOMEM;
	compat_shrinker->count_objects = count;
	compat_shrinker->scan_objects = scan;
	compat_shrinker->seeks = DEFAULT_SEEKS;
	shrinker_register(compat_shrinker);
	return 0;
}

static void compat_unregister_shrinker(void)
{
	shrinker_free(compat_shrinker);
}
#else
static struct shrinker compat_shrinker;

static int compat_register_shrinker(shrinker_callback *count, shrinker_callback *scan)
{
	compat_shrinker = (struct shrinker){ .count_objects = count, .scan_objects = scan, .seeks = DEFAULT_SEEKS };
#ifdef HAVE_SHRINKER_NAME
	return register_shrinker(&compat_shrinker, "lab-balloon");
#else
	return register_shrinker(&compat_shrinker);
#endif
}

static void compat_unregister_shrinker(void)
{
	unregister_shrinker(&compat_shrinker);
}
#endif

#ifdef HAVE_BALLOON_INODE
/* Before Linux kernel commit 68f2736a8583 ("mm: Convert all PageMovable users to movable_operations") (in v6.0) balloon pages had an address space to migrate by. */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

static struct vfsmount *compat_mount;

static int compat_init_fs_context(struct fs_context *context)
{
	return init_pseudo(context, BALLOON_KVM_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type compat_fs_type = {
	.name = "lab-balloon",
	.init_fs_context = compat_init_fs_context,
	.kill_sb = kill_anon_super,
};

static int compat_add_inode(struct balloon_dev_info *dev_info)
{
	struct inode *inode;

	compat_mount = kern_mount(&compat_fs_type);
	if (IS_ERR(compat_mount))
		return PTR_ERR(compat_mount);
	inode = alloc_anon_inode(compat_mount->mnt_sb);
	if (IS_ERR(inode)) {
		kern_unmount(compat_mount);
		return PTR_ERR(inode);
	}
	inode->i_mapping->a_ops = &balloon_aops;
	dev_info->inode = inode;
	return 0;
}

static void compat_balloon_exit(struct balloon_dev_info *dev_info)
{
	iput(dev_info->inode);
	kern_unmount(compat_mount);
}
#else
static int compat_add_inode(struct balloon_dev_info *dev_info)
{
	return 0;
}

static void compat_balloon_exit(struct balloon_dev_info *dev_info)
{
}
#endif

static int compat_balloon_init(struct balloon_dev_info *dev_info, migrate_callback *migrate)
{
	balloon_devinfo_init(dev_info);
	dev_info->migratepage = migrate;
	return compat_add_inode(dev_info);
}

#ifdef HAVE_BALLOON_PAGES_LOCK
#ifdef HAVE_BALLOON_PAGE_DELETE
#define balloon_page_finalize balloon_page_delete
#endif

/* The driver itself puts newpage, then frees page, which compaction isolated from the list. Both are locked. */
static void compat_exchange_pages(struct balloon_dev_info *dev_info, struct page *newpage, struct page *page)
{
	unsigned long flags;

	get_page(newpage);
	spin_lock_irqsave(&dev_info->pages_lock, flags);
	balloon_page_insert(dev_info, newpage);
	dev_info->isolated_pages--;
	__count_vm_event(BALLOON_MIGRATE);
	balloon_page_finalize(page);
	spin_unlock_irqrestore(&dev_info->pages_lock, flags);
	put_page(page);
}
#else
/* The core does all of it once the driver agrees. */
static void compat_exchange_pages(struct balloon_dev_info *dev_info, struct page *newpage, struct page *page)
{
}
#endif

#endif
