/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The record that every program writes, 104 bytes. tracer/schema.py is the source of these layouts and numbers:
 * a test compiles this file and compares each of them with it.
 */
#ifndef RT_EVENTS_H
#define RT_EVENTS_H

#include <linux/types.h>

#define RT_ARGS_BYTES 64
#define RT_COMM_BYTES 16
#define RT_MODULE_NAME_BYTES 56
#define RT_MAX_KINDS 64

enum rt_kind {
	RT_SHRINK_SLAB_START = 1,
	RT_SHRINK_SLAB_END = 2,
	RT_DIRECT_RECLAIM_BEGIN = 3,
	RT_DIRECT_RECLAIM_END = 4,
	RT_MEMCG_RECLAIM_BEGIN = 5,
	RT_MEMCG_RECLAIM_END = 6,
	RT_MEMCG_SOFTLIMIT_RECLAIM_BEGIN = 7,
	RT_MEMCG_SOFTLIMIT_RECLAIM_END = 8,
	RT_NODE_RECLAIM_BEGIN = 9,
	RT_NODE_RECLAIM_END = 10,
	RT_KSWAPD_WAKE = 11,
	RT_KSWAPD_SLEEP = 12,
	RT_WAKEUP_KSWAPD = 13,
	RT_LRU_SHRINK_INACTIVE = 14,
	RT_RECLAIM_PAGES = 15,
	RT_THROTTLED = 16,
	RT_MARK_VICTIM = 17,
	RT_RECLAIM_RETRY_ZONE = 18,
	RT_COMPACT_RETRY = 19,
	RT_BALLOON_WORK_BEGIN = 20,
	RT_BALLOON_WORK_END = 21,
	RT_OOM_NOTIFIER_RUN = 22,
	RT_UPDATE_BALLOON_SIZE_BEGIN = 23,
	RT_UPDATE_BALLOON_SIZE_END = 24,
	RT_FILL_BALLOON_BEGIN = 25,
	RT_FILL_BALLOON_END = 26,
	RT_LEAK_BALLOON_BEGIN = 27,
	RT_LEAK_BALLOON_END = 28,
	RT_TELL_HOST = 29,
	RT_BALLOON_SHRINKER_BEGIN = 30,
	RT_BALLOON_SHRINKER_END = 31,
	RT_VIRTBALLOON_CHANGED = 32,
	RT_OOM_NOTIFY_BEGIN = 33,
	RT_OOM_NOTIFY_END = 34,
	RT_OUT_OF_MEMORY_BEGIN = 35,
	RT_OUT_OF_MEMORY_END = 36,
	RT_VIRTBALLOON_MIGRATEPAGE = 37,
	RT_COMPACTION_BEGIN = 38,
	RT_COMPACTION_END = 39,
	RT_VIRTBALLOON_FREE_PAGE_REPORT = 40,
	RT_BALLOON_RUN_PAGES = 41,
	RT_OOM_NOTIFIER_END = 42,
	RT_PROACTIVE_RECLAIM_BEGIN = 43,
	RT_PROACTIVE_RECLAIM_END = 44,
	RT_DROP_CACHES_BEGIN = 45,
	RT_DROP_CACHES_END = 46,
	RT_MODULE_LOAD = 47,
	RT_MODULE_FREE = 48,
	RT_BALLOON_STATUS = 49,
};

struct rt_shrink_slab_start {
	__u64 shrink;
	__u64 shr;
	__s64 nr_objects_to_shrink;
	__u64 cache_items;
	__u64 delta;
	__s64 total_scan;
	__u64 memcg_id;
	__u32 gfp_flags;
	__s16 nid;
	__s16 priority;
};

struct rt_shrink_slab_end {
	__u64 shrink;
	__u64 shr;
	__s64 unused_scan;
	__s64 new_scan;
	__s64 total_scan;
	__u64 memcg_id;
	__s32 retval;
	__s16 nid;
};

struct rt_direct_reclaim_begin {
	__u32 gfp_flags;
	__s32 order;
	__u64 memcg_id;
};

struct rt_direct_reclaim_end {
	__u64 nr_reclaimed;
	__u64 memcg_id;
};

struct rt_memcg_reclaim_begin {
	__u32 gfp_flags;
	__s32 order;
	__u64 memcg_id;
};

struct rt_memcg_reclaim_end {
	__u64 nr_reclaimed;
	__u64 memcg_id;
};

struct rt_memcg_softlimit_reclaim_begin {
	__u32 gfp_flags;
	__s32 order;
	__u64 memcg_id;
};

struct rt_memcg_softlimit_reclaim_end {
	__u64 nr_reclaimed;
	__u64 memcg_id;
};

struct rt_node_reclaim_begin {
	__s32 nid;
	__s32 order;
	__u32 gfp_flags;
};

struct rt_node_reclaim_end {
	__u64 nr_reclaimed;
};

struct rt_kswapd_wake {
	__s32 nid;
	__s32 zid;
	__s32 order;
};

struct rt_kswapd_sleep {
	__s32 nid;
};

struct rt_wakeup_kswapd {
	__s32 nid;
	__s32 zid;
	__s32 order;
	__u32 gfp_flags;
};

struct rt_lru_shrink_inactive {
	__u64 nr_scanned;
	__u64 nr_reclaimed;
	__u32 nr_dirty;
	__u32 nr_writeback;
	__u32 nr_congested;
	__u32 nr_immediate;
	__u32 nr_activate0;
	__u32 nr_activate1;
	__u32 nr_ref_keep;
	__u32 nr_unmap_fail;
	__u32 reclaim_flags;
	__s16 nid;
	__s16 priority;
	__u32 nr_calls;
};

struct rt_reclaim_pages {
	__u64 nr_scanned;
	__u64 nr_reclaimed;
	__u32 nr_dirty;
	__u32 nr_writeback;
	__u32 nr_congested;
	__u32 nr_immediate;
	__u32 nr_activate0;
	__u32 nr_activate1;
	__u32 nr_ref_keep;
	__u32 nr_unmap_fail;
	__s32 nid;
};

struct rt_throttled {
	__s32 nid;
	__s32 usec_timeout;
	__s32 usec_delayed;
	__s32 reason;
};

struct rt_mark_victim {
	__u64 total_vm;
	__u64 anon_rss;
	__u64 file_rss;
	__u64 shmem_rss;
	__u32 pgtables;
	__s32 pid;
	__u32 uid;
	__s32 oom_score_adj;
	char victim_comm[RT_COMM_BYTES];
};

struct rt_reclaim_retry_zone {
	__u64 reclaimable;
	__u64 available;
	__u64 min_wmark;
	__s32 node;
	__s32 zone_idx;
	__s32 order;
	__s32 no_progress_loops;
	__u32 wmark_check;
};

struct rt_compact_retry {
	__s32 order;
	__s32 priority;
	__s32 result;
	__s32 retries;
	__s32 max_retries;
	__u32 ret;
};

struct rt_balloon_work_begin {
	__u64 work;
	__u64 function;
};

struct rt_balloon_work_end {
	__u64 work;
	__u64 function;
};

struct rt_oom_notifier_run {
	__u64 cb;
};

struct rt_update_balloon_size_begin {
	__u32 num_pages;
};

struct rt_fill_balloon_begin {
	__u64 num;
};

struct rt_fill_balloon_end {
	__u64 filled;
};

struct rt_leak_balloon_begin {
	__u64 num;
};

struct rt_leak_balloon_end {
	__u64 freed;
};

struct rt_tell_host {
	__u64 vq;
	__u32 num_pfns;
	__s32 direction;
};

struct rt_balloon_shrinker_begin {
	__u64 nr_to_scan;
};

struct rt_balloon_shrinker_end {
	__u64 freed;
};

struct rt_oom_notify_begin {
	__u64 cb;
};

struct rt_oom_notify_end {
	__s32 retval;
};

struct rt_out_of_memory_end {
	__s32 retval;
};

struct rt_compaction_begin {
	__u32 sync;
};

struct rt_compaction_end {
	__s32 status;
};

struct rt_virtballoon_free_page_report {
	__u32 nents;
};

struct rt_balloon_run_pages {
	__u64 inflated_pages;
	__u64 deflated_pages;
};

struct rt_oom_notifier_end {
	__u64 deflated_pages;
};

struct rt_proactive_reclaim_end {
	__s64 retval;
};

struct rt_module_load {
	char module_name[RT_MODULE_NAME_BYTES];
};

struct rt_module_free {
	char module_name[RT_MODULE_NAME_BYTES];
};

struct rt_balloon_status {
	__u64 available;
	__u64 committed;
	__u64 vm_memory_committed;
	__u64 pages_ballooned;
	__u64 pages_added;
	__u64 pages_onlined;
};

union rt_args {
	__u8 bytes[RT_ARGS_BYTES];
	struct rt_shrink_slab_start shrink_slab_start;
	struct rt_shrink_slab_end shrink_slab_end;
	struct rt_direct_reclaim_begin direct_reclaim_begin;
	struct rt_direct_reclaim_end direct_reclaim_end;
	struct rt_memcg_reclaim_begin memcg_reclaim_begin;
	struct rt_memcg_reclaim_end memcg_reclaim_end;
	struct rt_memcg_softlimit_reclaim_begin memcg_softlimit_reclaim_begin;
	struct rt_memcg_softlimit_reclaim_end memcg_softlimit_reclaim_end;
	struct rt_node_reclaim_begin node_reclaim_begin;
	struct rt_node_reclaim_end node_reclaim_end;
	struct rt_kswapd_wake kswapd_wake;
	struct rt_kswapd_sleep kswapd_sleep;
	struct rt_wakeup_kswapd wakeup_kswapd;
	struct rt_lru_shrink_inactive lru_shrink_inactive;
	struct rt_reclaim_pages reclaim_pages;
	struct rt_throttled throttled;
	struct rt_mark_victim mark_victim;
	struct rt_reclaim_retry_zone reclaim_retry_zone;
	struct rt_compact_retry compact_retry;
	struct rt_balloon_work_begin balloon_work_begin;
	struct rt_balloon_work_end balloon_work_end;
	struct rt_oom_notifier_run oom_notifier_run;
	struct rt_update_balloon_size_begin update_balloon_size_begin;
	struct rt_fill_balloon_begin fill_balloon_begin;
	struct rt_fill_balloon_end fill_balloon_end;
	struct rt_leak_balloon_begin leak_balloon_begin;
	struct rt_leak_balloon_end leak_balloon_end;
	struct rt_tell_host tell_host;
	struct rt_balloon_shrinker_begin balloon_shrinker_begin;
	struct rt_balloon_shrinker_end balloon_shrinker_end;
	struct rt_oom_notify_begin oom_notify_begin;
	struct rt_oom_notify_end oom_notify_end;
	struct rt_out_of_memory_end out_of_memory_end;
	struct rt_compaction_begin compaction_begin;
	struct rt_compaction_end compaction_end;
	struct rt_virtballoon_free_page_report virtballoon_free_page_report;
	struct rt_balloon_run_pages balloon_run_pages;
	struct rt_oom_notifier_end oom_notifier_end;
	struct rt_proactive_reclaim_end proactive_reclaim_end;
	struct rt_module_load module_load;
	struct rt_module_free module_free;
	struct rt_balloon_status balloon_status;
};

struct rt_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 tid;
	__u32 tgid;
	char comm[RT_COMM_BYTES];
	__u16 kind;
	__u16 cpu;
	__u32 reserved;
	union rt_args args;
};

/* Records that found no room in the ring. */
struct rt_lost {
	__u64 by_kind[RT_MAX_KINDS];
};

/* Scans of an open reclaim span that no event has told of yet. */
struct rt_lru_span {
	__u32 tid;
	__u32 tgid;
	char comm[RT_COMM_BYTES];
	__u64 cpu; /* where it began */
	struct rt_lru_shrink_inactive anon;
	struct rt_lru_shrink_inactive file;
};

_Static_assert(sizeof(union rt_args) == RT_ARGS_BYTES, "some arguments do not fit");

#endif
