/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The record that every program makes, 104 bytes; most are written in 80 (short.h). tracer/schema.py is the source of
 * these layouts and numbers: a test compiles this file and compares each of them with it.
 */
#ifndef RT_EVENTS_H
#define RT_EVENTS_H

#include <linux/types.h>

#include "arguments.h"

#define RT_ARGS_BYTES 64
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
	RT_BALANCE_PGDAT_BEGIN = 50,
	RT_BALANCE_PGDAT_END = 51,
	RT_KSWAPD_RECLAIM_FAIL = 52,
	RT_KSWAPD_CLEAR_HOPELESS = 53,
	RT_DAMOS_STAT = 54,
	RT_REPORT_FREE_PAGE = 55,
	RT_SIGNAL_GENERATE = 56,
	RT_KINDS_END,
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
	struct rt_out_of_memory_begin out_of_memory_begin;
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
	struct rt_balance_pgdat_begin balance_pgdat_begin;
	struct rt_balance_pgdat_end balance_pgdat_end;
	struct rt_kswapd_reclaim_fail kswapd_reclaim_fail;
	struct rt_kswapd_clear_hopeless kswapd_clear_hopeless;
	struct rt_damos_stat damos_stat;
	struct rt_report_free_page report_free_page;
	struct rt_signal_generate signal_generate;
};

struct rt_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 tid;
	__u32 tgid;
	char comm[RT_COMM_BYTES];
	__u16 kind;
	__u16 cpu;
	__u32 cgroup_id; /* 0: unknown */
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
	__u32 cpu; /* where it began */
	__u32 cgroup_id;
	struct rt_lru_shrink_inactive anon;
	struct rt_lru_shrink_inactive file;
};

_Static_assert(sizeof(union rt_args) == RT_ARGS_BYTES, "some arguments do not fit");

#endif
