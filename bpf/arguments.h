/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What each kind of event says, at most 64 bytes: tracer/schema.py is the source of these layouts. */
#ifndef RT_ARGUMENTS_H
#define RT_ARGUMENTS_H

#include <linux/types.h>

#define RT_COMM_BYTES 16
#define RT_MODULE_NAME_BYTES 56

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

struct rt_out_of_memory_begin {
	__u32 gfp_flags;
	__s32 order;
	__u64 memcg_id;
};

struct rt_out_of_memory_end {
	__s32 retval;
	__s32 constraint;
};

struct rt_compaction_begin {
	__u32 sync;
};

struct rt_compaction_end {
	__s32 status;
};

struct rt_virtballoon_free_page_report {
	__u32 nents;
	__u64 reported_pages;
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

struct rt_balance_pgdat_begin {
	__s32 nid;
	__s32 order;
	__s32 highest_zoneidx;
};

struct rt_balance_pgdat_end {
	__u64 nr_reclaimed;
	__s32 nid;
	__s32 order;
	__s32 highest_zoneidx;
};

struct rt_kswapd_reclaim_fail {
	__s32 nid;
	__s32 failures;
};

struct rt_kswapd_clear_hopeless {
	__s32 nid;
	__s32 reason;
};

struct rt_damos_stat {
	__u32 context_idx;
	__u32 scheme_idx;
	__u64 nr_tried;
	__u64 sz_tried;
	__u64 nr_applied;
	__u64 sz_applied;
	__u64 sz_ops_filter_passed;
	__u64 qt_exceeds;
	__u64 nr_snapshots;
};

struct rt_report_free_page {
	__u64 hinted_pages;
	__u64 returned_pages;
	__u32 cmd_id;
};

struct rt_signal_generate {
	__s32 sig;
	__s32 code;
	__s32 pid;
	__s32 group;
	__s32 result;
	char victim_comm[RT_COMM_BYTES];
};

#endif
