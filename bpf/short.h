/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Arguments in narrower integers, for a record of 80 bytes: tracer/short_records.py is the source of these layouts.
 * Kinds whose arguments take no more than RT_SHORT_ARGS_BYTES as they are need none.
 */
#ifndef RT_SHORT_H
#define RT_SHORT_H

#include "events.h"

#define RT_SHORT_ARGS_BYTES 40
#define RT_SHORT_BYTES (sizeof(struct rt_event) - RT_ARGS_BYTES + RT_SHORT_ARGS_BYTES)

struct rt_short_shrink_slab_start {
	__u64 shr;
	__s32 shrink; /* the kernel's code is in the highest 2 GiB on x86-64 */
	__s32 nr_objects_to_shrink;
	__u32 cache_items;
	__u32 delta;
	__s32 total_scan;
	__u32 memcg_id;
	__u32 gfp_flags;
	__s16 nid;
	__s16 priority;
};

struct rt_short_shrink_slab_end {
	__u64 shr;
	__s32 shrink;
	__s32 unused_scan;
	__s32 new_scan;
	__s32 total_scan;
	__u32 memcg_id;
	__s32 retval;
	__s16 nid;
};

struct rt_short_lru_shrink_inactive {
	__u32 nr_scanned;
	__u32 nr_reclaimed;
	__u16 nr_dirty;
	__u16 nr_writeback;
	__u16 nr_congested;
	__u16 nr_immediate;
	__u16 nr_activate0;
	__u16 nr_activate1;
	__u16 nr_ref_keep;
	__u16 nr_unmap_fail;
	__u32 reclaim_flags;
	__s16 nid;
	__s16 priority;
	__u32 nr_calls;
};

struct rt_short_reclaim_pages {
	__u32 nr_scanned;
	__u32 nr_reclaimed;
	__u16 nr_dirty;
	__u16 nr_writeback;
	__u16 nr_congested;
	__u16 nr_immediate;
	__u16 nr_activate0;
	__u16 nr_activate1;
	__u16 nr_ref_keep;
	__u16 nr_unmap_fail;
	__s32 nid;
};

struct rt_short_reclaim_retry_zone {
	__u32 reclaimable;
	__u32 available;
	__u32 min_wmark;
	__s32 node;
	__s32 zone_idx;
	__s32 order;
	__s32 no_progress_loops;
	__u32 wmark_check;
};

union rt_short_args {
	__u8 bytes[RT_SHORT_ARGS_BYTES];
	struct rt_short_shrink_slab_start shrink_slab_start;
	struct rt_short_shrink_slab_end shrink_slab_end;
	struct rt_short_lru_shrink_inactive lru_shrink_inactive;
	struct rt_short_reclaim_pages reclaim_pages;
	struct rt_short_reclaim_retry_zone reclaim_retry_zone;
};

enum rt_form {
	RT_SHORT,
	RT_LONG, /* as this kind always is */
	RT_TOO_LARGE, /* a value does not fit */
};

#define RT_SHORT_ARGS(event, kind) (((union rt_short_args *)&(event)->args)->kind)

/* Bits that a narrower integer would lose: 0 where none. */
#define RT_BEYOND_U16(value) ((value) & ~0xffffULL)
#define RT_BEYOND_U32(value) ((__u64)(value) >> 32)
#define RT_BEYOND_S32(value) ((__u64)(value) ^ (__u64)(__s64)(__s32)(value))

static inline enum rt_form rt_shorten_slab_start(struct rt_event *event)
{
	struct rt_shrink_slab_start from = event->args.shrink_slab_start;

	if (RT_BEYOND_S32(from.shrink) | RT_BEYOND_S32(from.nr_objects_to_shrink) | RT_BEYOND_U32(from.cache_items) |
	    RT_BEYOND_U32(from.delta) | RT_BEYOND_S32(from.total_scan) | RT_BEYOND_U32(from.memcg_id))
		return RT_TOO_LARGE;
	RT_SHORT_ARGS(event, shrink_slab_start) = (struct rt_short_shrink_slab_start){
		.shr = from.shr,
		.shrink = from.shrink,
		.nr_objects_to_shrink = from.nr_objects_to_shrink,
		.cache_items = from.cache_items,
		.delta = from.delta,
		.total_scan = from.total_scan,
		.memcg_id = from.memcg_id,
		.gfp_flags = from.gfp_flags,
		.nid = from.nid,
		.priority = from.priority,
	};
	return RT_SHORT;
}

static inline enum rt_form rt_shorten_slab_end(struct rt_event *event)
{
	struct rt_shrink_slab_end from = event->args.shrink_slab_end;

	if (RT_BEYOND_S32(from.shrink) | RT_BEYOND_S32(from.unused_scan) | RT_BEYOND_S32(from.new_scan) |
	    RT_BEYOND_S32(from.total_scan) | RT_BEYOND_U32(from.memcg_id))
		return RT_TOO_LARGE;
	RT_SHORT_ARGS(event, shrink_slab_end) = (struct rt_short_shrink_slab_end){
		.shr = from.shr,
		.shrink = from.shrink,
		.unused_scan = from.unused_scan,
		.new_scan = from.new_scan,
		.total_scan = from.total_scan,
		.memcg_id = from.memcg_id,
		.retval = from.retval,
		.nid = from.nid,
	};
	return RT_SHORT;
}

/* The page counts that two kinds begin with, in the same places. */
#define RT_SHORTEN_COUNTS(from) \
	.nr_scanned = (from).nr_scanned, .nr_reclaimed = (from).nr_reclaimed, .nr_dirty = (from).nr_dirty, \
	.nr_writeback = (from).nr_writeback, .nr_congested = (from).nr_congested, \
	.nr_immediate = (from).nr_immediate, .nr_activate0 = (from).nr_activate0, \
	.nr_activate1 = (from).nr_activate1, .nr_ref_keep = (from).nr_ref_keep, .nr_unmap_fail = (from).nr_unmap_fail

#define RT_COUNTS_BEYOND(from) \
	(RT_BEYOND_U32((from).nr_scanned) | RT_BEYOND_U32((from).nr_reclaimed) | \
	 RT_BEYOND_U16((from).nr_dirty | (from).nr_writeback | (from).nr_congested | (from).nr_immediate | \
		       (from).nr_activate0 | (from).nr_activate1 | (from).nr_ref_keep | (from).nr_unmap_fail))

static inline enum rt_form rt_shorten_lru(struct rt_event *event)
{
	struct rt_lru_shrink_inactive from = event->args.lru_shrink_inactive;

	if (RT_COUNTS_BEYOND(from))
		return RT_TOO_LARGE;
	RT_SHORT_ARGS(event, lru_shrink_inactive) = (struct rt_short_lru_shrink_inactive){
		RT_SHORTEN_COUNTS(from),
		.reclaim_flags = from.reclaim_flags,
		.nid = from.nid,
		.priority = from.priority,
		.nr_calls = from.nr_calls,
	};
	return RT_SHORT;
}

static inline enum rt_form rt_shorten_reclaim_pages(struct rt_event *event)
{
	struct rt_reclaim_pages from = event->args.reclaim_pages;

	if (RT_COUNTS_BEYOND(from))
		return RT_TOO_LARGE;
	RT_SHORT_ARGS(event, reclaim_pages) = (struct rt_short_reclaim_pages){
		RT_SHORTEN_COUNTS(from),
		.nid = from.nid,
	};
	return RT_SHORT;
}

static inline enum rt_form rt_shorten_retry_zone(struct rt_event *event)
{
	struct rt_reclaim_retry_zone from = event->args.reclaim_retry_zone;

	if (RT_BEYOND_U32(from.reclaimable) | RT_BEYOND_U32(from.available) | RT_BEYOND_U32(from.min_wmark))
		return RT_TOO_LARGE;
	RT_SHORT_ARGS(event, reclaim_retry_zone) = (struct rt_short_reclaim_retry_zone){
		.reclaimable = from.reclaimable,
		.available = from.available,
		.min_wmark = from.min_wmark,
		.node = from.node,
		.zone_idx = from.zone_idx,
		.order = from.order,
		.no_progress_loops = from.no_progress_loops,
		.wmark_check = from.wmark_check,
	};
	return RT_SHORT;
}

/* Make the event's first RT_SHORT_BYTES its short record, if it has one; else it stays as it is. */
static inline enum rt_form rt_shorten(struct rt_event *event)
{
	switch (event->kind) {
	case RT_SHRINK_SLAB_START:
		return rt_shorten_slab_start(event);
	case RT_SHRINK_SLAB_END:
		return rt_shorten_slab_end(event);
	case RT_LRU_SHRINK_INACTIVE:
		return rt_shorten_lru(event);
	case RT_RECLAIM_PAGES:
		return rt_shorten_reclaim_pages(event);
	case RT_RECLAIM_RETRY_ZONE:
		return rt_shorten_retry_zone(event);
	case RT_MARK_VICTIM:
	case RT_MODULE_LOAD:
	case RT_MODULE_FREE:
	case RT_BALLOON_STATUS:
	case RT_DAMOS_STAT:
		return RT_LONG;
	}
	return event->kind < RT_KINDS_END ? RT_SHORT : RT_LONG;
}

_Static_assert(sizeof(union rt_short_args) == RT_SHORT_ARGS_BYTES, "some short arguments do not fit");

#endif
