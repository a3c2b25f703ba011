/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Labyrinth: the generic netlink family, which inspects and administrates.
 *
 * Pages are only ever taken through a descriptor of the character device
 * (linux/labyrinth.h), which has a lifetime; a netlink socket has none.
 */
#ifndef _UAPI_LINUX_LABYRINTH_NETLINK_H
#define _UAPI_LINUX_LABYRINTH_NETLINK_H

#define LABYRINTH_GENL_NAME	"labyrinth"
#define LABYRINTH_GENL_VERSION	1

/**
 * DOC: Operations and rights
 *
 * "Admin" is CAP_SYS_ADMIN in the initial user namespace, of the sender and of
 * whoever opened the socket; without it: EPERM. Owners and pages of other
 * users are shown to admins only: others find them as absent (ENOENT), and a
 * dump leaves them out. A file owner's user is the one who opened it, a named
 * owner's is its uid, a kernel owner's is nobody.
 *
 * Unknown attributes are refused. Every error names its cause in the extack
 * text, and its attribute where there is one (but 6.1's generic netlink passes
 * no text on for a dump that is refused).
 *
 * Counts, quotas and limits are in base pages unless said otherwise.
 *
 * ================= ====== ===== ==============================================
 * command           kind   admin request -> reply
 * ================= ====== ===== ==============================================
 * INFO_GET          do           nothing -> LABYRINTH_A_INFO_*
 * OWNER_GET         do           OWNER_ID or OWNER_NAME -> LABYRINTH_A_OWNER_*
 * OWNER_GET         dump         nothing -> LABYRINTH_A_OWNER_*
 * PAGE_GET          do           PAGE_HANDLE -> LABYRINTH_A_PAGE_*
 * PAGE_GET          dump         nothing, or PAGE_OWNER -> LABYRINTH_A_PAGE_*
 * STATS_GET         do           nothing -> LABYRINTH_A_STATS_*
 * RESERVE_SET       do     yes   RESERVE_NODE (all nodes without it) and at
 *                                least one of LOW, HIGH, EMERGENCY -> ack
 * OWNER_ADD         do     yes   OWNER_NAME; UID, GID, MODE, QUOTA, GUARANTEE,
 *                                EMERGENCY, ACCEPT, INBOX -> OWNER_ID
 * OWNER_DEL         do     yes   OWNER_ID or OWNER_NAME -> ack; a file that is
 *                                attached finds its owner dead (ESHUTDOWN)
 * OWNER_SET         do     yes   OWNER_ID or OWNER_NAME, and at least one of
 *                                UID, GID, MODE (named owners only), QUOTA,
 *                                GUARANTEE, EMERGENCY, ACCEPT, INBOX -> ack
 * REVOKE            do     yes   OWNER_ID or OWNER_NAME; OWNER_HANDLE (all of its
 *                                blocks without it) -> OWNER_REVOKED. Not from
 *                                kernel owners
 * VERIFY            do     yes   nothing -> LABYRINTH_A_VERIFY_*
 * LATENCY_GET       do           nothing -> ENABLED, DEADLINE
 * LATENCY_GET       dump         nothing -> for each context and rung with a
 *                                record: LABYRINTH_A_LATENCY_*
 * LATENCY_SET       do     yes   at least one of ENABLED, DEADLINE, RESET -> ack
 * ================= ====== ===== ==============================================
 *
 * REVOKE of all takes what is in the owner's inbox too, but neither what an ALLOC
 * that has not returned is about to have, nor what is deferred.
 *
 * A dump's messages are each consistent in themselves. NLM_F_DUMP_INTR tells
 * that owners came or went during an OWNER_GET dump.
 *
 * ============ ==============================================================
 * errno        meaning, the same for all commands
 * ============ ==============================================================
 * EBUSY        OWNER_ADD: no owner's number is free; INBOX: the inbox has
 *              another capacity already; REVOKE: the block waits in the inbox
 * EEXIST       OWNER_ADD: an owner of that name exists
 * EINVAL       understood, but wrong: unknown attribute, value of the wrong
 *              type or length, missing or contradicting attributes, watermarks
 *              that do not fit
 * ENOENT       no such owner, page or node, or not the caller's to see
 * ENOMEM       no memory for the call itself
 * ENOSPC       the system did not give the pages for the guarantee
 * EOPNOTSUPP   no such command; or not for this kind of owner
 * EPERM        admins only
 * ERANGE       value out of bounds; or the node's guarantees would exceed its
 *              low watermark
 * ESHUTDOWN    the owner is being removed; OWNER_SET: or it is a file's own, and
 *              the file is attached to another
 * ============ ==============================================================
 */
enum labyrinth_cmd {
	LABYRINTH_CMD_INFO_GET = 1,
	LABYRINTH_CMD_OWNER_GET,
	LABYRINTH_CMD_PAGE_GET,
	LABYRINTH_CMD_STATS_GET,
	LABYRINTH_CMD_RESERVE_SET,
	LABYRINTH_CMD_OWNER_ADD,
	LABYRINTH_CMD_OWNER_DEL,
	LABYRINTH_CMD_OWNER_SET,
	LABYRINTH_CMD_VERIFY,
	LABYRINTH_CMD_LATENCY_GET,
	LABYRINTH_CMD_LATENCY_SET,
	LABYRINTH_CMD_REVOKE,

	__LABYRINTH_CMD_MAX,
	LABYRINTH_CMD_MAX = (__LABYRINTH_CMD_MAX - 1)
};

/**
 * enum labyrinth_info_attr - INFO_GET's reply
 * @LABYRINTH_A_INFO_VERSION: string, the module's version
 * @LABYRINTH_A_INFO_PAGE_SIZE: u32, bytes
 * @LABYRINTH_A_INFO_MAX_ORDER: u32
 * @LABYRINTH_A_INFO_MAX_BATCH: u32
 * @LABYRINTH_A_INFO_SLOTS: u64, capacity of the registry in blocks
 * @LABYRINTH_A_INFO_SLOTS_VACANT: u64
 * @LABYRINTH_A_INFO_PAGES_TAKEN: u64, pages taken from the system in all
 * @LABYRINTH_A_INFO_OWNERS: u32
 * @LABYRINTH_A_INFO_GUARANTEED: u64, sum of all guarantees
 * @LABYRINTH_A_INFO_DEBUG: flag, built with CONFIG_LABYRINTH_DEBUG
 * @LABYRINTH_A_INFO_RESERVE: nest, one for each node: LABYRINTH_A_RESERVE_*
 * @LABYRINTH_A_INFO_PAD: alignment of u64
 * @LABYRINTH_A_INFO_CEILING: u64, PAGES_TAKEN is never more
 */
enum labyrinth_info_attr {
	LABYRINTH_A_INFO_VERSION = 1,
	LABYRINTH_A_INFO_PAGE_SIZE,
	LABYRINTH_A_INFO_MAX_ORDER,
	LABYRINTH_A_INFO_MAX_BATCH,
	LABYRINTH_A_INFO_SLOTS,
	LABYRINTH_A_INFO_SLOTS_VACANT,
	LABYRINTH_A_INFO_PAGES_TAKEN,
	LABYRINTH_A_INFO_OWNERS,
	LABYRINTH_A_INFO_GUARANTEED,
	LABYRINTH_A_INFO_DEBUG,
	LABYRINTH_A_INFO_RESERVE,
	LABYRINTH_A_INFO_PAD,
	LABYRINTH_A_INFO_CEILING,

	__LABYRINTH_A_INFO_MAX,
	LABYRINTH_A_INFO_MAX = (__LABYRINTH_A_INFO_MAX - 1)
};

/**
 * enum labyrinth_reserve_attr - a node's reserve
 * @LABYRINTH_A_RESERVE_NODE: u32
 * @LABYRINTH_A_RESERVE_LOW: u64, refill starts below it
 * @LABYRINTH_A_RESERVE_HIGH: u64, refill stops at it: the declared reserve
 * @LABYRINTH_A_RESERVE_EMERGENCY: u64, size of the emergency part
 * @LABYRINTH_A_RESERVE_AVAILABLE: u64, for whoever asks
 * @LABYRINTH_A_RESERVE_GUARANTEED: u64, at hand and set aside for owners
 * @LABYRINTH_A_RESERVE_EMERGENCY_AVAILABLE: u64
 * @LABYRINTH_A_RESERVE_CPU: u64, in CPUs' ready stacks, on top of the above
 * @LABYRINTH_A_RESERVE_PAD: alignment of u64
 *
 * RESERVE_SET: LOW <= HIGH, and LOW not below the guarantees of the node.
 */
enum labyrinth_reserve_attr {
	LABYRINTH_A_RESERVE_NODE = 1,
	LABYRINTH_A_RESERVE_LOW,
	LABYRINTH_A_RESERVE_HIGH,
	LABYRINTH_A_RESERVE_EMERGENCY,
	LABYRINTH_A_RESERVE_AVAILABLE,
	LABYRINTH_A_RESERVE_GUARANTEED,
	LABYRINTH_A_RESERVE_EMERGENCY_AVAILABLE,
	LABYRINTH_A_RESERVE_CPU,
	LABYRINTH_A_RESERVE_PAD,

	__LABYRINTH_A_RESERVE_MAX,
	LABYRINTH_A_RESERVE_MAX = (__LABYRINTH_A_RESERVE_MAX - 1)
};

/**
 * enum labyrinth_owner_attr - an owner
 * @LABYRINTH_A_OWNER_ID: u32, its number
 * @LABYRINTH_A_OWNER_KIND: u32, enum labyrinth_owner_kind
 * @LABYRINTH_A_OWNER_NAME: string; a file owner's is the opener's comm
 * @LABYRINTH_A_OWNER_UID: u32
 * @LABYRINTH_A_OWNER_GID: u32
 * @LABYRINTH_A_OWNER_MODE: u32, 0 to 0777; named owners only
 * @LABYRINTH_A_OWNER_PID: u32, process that opened, or is attached; absent if
 *	none
 * @LABYRINTH_A_OWNER_USED: u64, pages held and charged
 * @LABYRINTH_A_OWNER_QUOTA: u64; LABYRINTH_UNLIMITED for no limit
 * @LABYRINTH_A_OWNER_GUARANTEE: u64
 * @LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE: u64, of it at hand
 * @LABYRINTH_A_OWNER_EMERGENCY: u32, 0 or 1: may take from the emergency part
 * @LABYRINTH_A_OWNER_QUARANTINED: u64, pages held back, still charged
 * @LABYRINTH_A_OWNER_AGE: u64, ns since it was made
 * @LABYRINTH_A_OWNER_ATTACHED: u32, 0 or 1; named owners only
 * @LABYRINTH_A_OWNER_PAD: alignment of u64
 * @LABYRINTH_A_OWNER_ACCEPT: u32, enum labyrinth_accept
 * @LABYRINTH_A_OWNER_INBOX: u32, capacity in blocks, 1 to LABYRINTH_INBOX_MAX;
 *	fixed once there is an inbox; absent while there is none
 * @LABYRINTH_A_OWNER_INBOX_USED: u32, blocks that wait there, or have a place
 *	there that is kept for them
 * @LABYRINTH_A_OWNER_DEFERRED: u32, of these, blocks that are still to come
 * @LABYRINTH_A_OWNER_HANDLE: u64, REVOKE: this block only
 * @LABYRINTH_A_OWNER_REVOKED: u64, REVOKE's reply: pages taken from the owner
 */
enum labyrinth_owner_attr {
	LABYRINTH_A_OWNER_ID = 1,
	LABYRINTH_A_OWNER_KIND,
	LABYRINTH_A_OWNER_NAME,
	LABYRINTH_A_OWNER_UID,
	LABYRINTH_A_OWNER_GID,
	LABYRINTH_A_OWNER_MODE,
	LABYRINTH_A_OWNER_PID,
	LABYRINTH_A_OWNER_USED,
	LABYRINTH_A_OWNER_QUOTA,
	LABYRINTH_A_OWNER_GUARANTEE,
	LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE,
	LABYRINTH_A_OWNER_EMERGENCY,
	LABYRINTH_A_OWNER_QUARANTINED,
	LABYRINTH_A_OWNER_AGE,
	LABYRINTH_A_OWNER_ATTACHED,
	LABYRINTH_A_OWNER_PAD,
	LABYRINTH_A_OWNER_ACCEPT,
	LABYRINTH_A_OWNER_INBOX,
	LABYRINTH_A_OWNER_INBOX_USED,
	LABYRINTH_A_OWNER_DEFERRED,
	LABYRINTH_A_OWNER_HANDLE,
	LABYRINTH_A_OWNER_REVOKED,

	__LABYRINTH_A_OWNER_MAX,
	LABYRINTH_A_OWNER_MAX = (__LABYRINTH_A_OWNER_MAX - 1)
};

/**
 * enum labyrinth_page_state - the state that a slot's ownership word names
 * @LABYRINTH_PAGE_VACANT: no page
 * @LABYRINTH_PAGE_READY: clean, at hand
 * @LABYRINTH_PAGE_OWNED: somebody's
 * @LABYRINTH_PAGE_LEAVING: still the owner's, on its way out
 * @LABYRINTH_PAGE_TRANSIT: given, not yet taken
 * @LABYRINTH_PAGE_DIRTY: released, not yet wiped
 * @LABYRINTH_PAGE_QUARANTINED: could not be proved clean
 * @LABYRINTH_PAGE_RETIRED: no page, and no generation left
 */
enum labyrinth_page_state {
	LABYRINTH_PAGE_VACANT,
	LABYRINTH_PAGE_READY,
	LABYRINTH_PAGE_OWNED,
	LABYRINTH_PAGE_LEAVING,
	LABYRINTH_PAGE_TRANSIT,
	LABYRINTH_PAGE_DIRTY,
	LABYRINTH_PAGE_QUARANTINED,
	LABYRINTH_PAGE_RETIRED,
};

/**
 * enum labyrinth_page_attr - a block that some owner holds (owned, leaving, in
 *	transit or quarantined)
 * @LABYRINTH_A_PAGE_HANDLE: u64
 * @LABYRINTH_A_PAGE_OWNER: u32
 * @LABYRINTH_A_PAGE_STATE: u32, enum labyrinth_page_state
 * @LABYRINTH_A_PAGE_ORDER: u32
 * @LABYRINTH_A_PAGE_SCOPE: u32, enum labyrinth_scope
 * @LABYRINTH_A_PAGE_RUNG: u32, enum labyrinth_rung
 * @LABYRINTH_A_PAGE_TAG: u64, the owner's
 * @LABYRINTH_A_PAGE_USED: u64, used length in bytes, the owner's
 * @LABYRINTH_A_PAGE_AGE: u64, ns since it was allocated; absent where nobody
 *	looked at a clock (kernel owners, and what they gave)
 * @LABYRINTH_A_PAGE_PHYS: u64, physical address; admins only
 * @LABYRINTH_A_PAGE_PAD: alignment of u64
 * @LABYRINTH_A_PAGE_MAPPED: u32, 0 or 1: it has a place where mmap(2) finds it
 */
enum labyrinth_page_attr {
	LABYRINTH_A_PAGE_HANDLE = 1,
	LABYRINTH_A_PAGE_OWNER,
	LABYRINTH_A_PAGE_STATE,
	LABYRINTH_A_PAGE_ORDER,
	LABYRINTH_A_PAGE_SCOPE,
	LABYRINTH_A_PAGE_RUNG,
	LABYRINTH_A_PAGE_TAG,
	LABYRINTH_A_PAGE_USED,
	LABYRINTH_A_PAGE_AGE,
	LABYRINTH_A_PAGE_PHYS,
	LABYRINTH_A_PAGE_PAD,
	LABYRINTH_A_PAGE_MAPPED,

	__LABYRINTH_A_PAGE_MAX,
	LABYRINTH_A_PAGE_MAX = (__LABYRINTH_A_PAGE_MAX - 1)
};

/**
 * enum labyrinth_stats_attr - counters since load, blocks unless said otherwise
 * @LABYRINTH_A_STATS_ALLOC: nest, u64 for each enum labyrinth_rung as its type
 * @LABYRINTH_A_STATS_FAIL: nest, u64 for each enum labyrinth_reason as its type
 * @LABYRINTH_A_STATS_FREE: u64
 * @LABYRINTH_A_STATS_RECYCLED: u64, wiped and READY again
 * @LABYRINTH_A_STATS_RETURNED: u64, wiped and given back to the system
 * @LABYRINTH_A_STATS_REFILLED: u64, taken from the system by the refill
 * @LABYRINTH_A_STATS_REFILL_FAILED: u64, attempts that the system refused
 * @LABYRINTH_A_STATS_REFILL_HELD: u64, attempts held back by the headroom check
 * @LABYRINTH_A_STATS_QUARANTINED: u64
 * @LABYRINTH_A_STATS_PAD: alignment of u64
 * @LABYRINTH_A_STATS_GIVEN: u64
 * @LABYRINTH_A_STATS_TAKEN: u64, out of inboxes
 * @LABYRINTH_A_STATS_DROPPED: u64, given or deferred to an owner that died
 *	before it took them: wiped
 * @LABYRINTH_A_STATS_REFUSED: nest, u64 for each enum labyrinth_reason as its
 *	type: blocks that were not given
 * @LABYRINTH_A_STATS_DEFERRED: u64, requests queued
 * @LABYRINTH_A_STATS_REVOKED: u64
 */
enum labyrinth_stats_attr {
	LABYRINTH_A_STATS_ALLOC = 1,
	LABYRINTH_A_STATS_FAIL,
	LABYRINTH_A_STATS_FREE,
	LABYRINTH_A_STATS_RECYCLED,
	LABYRINTH_A_STATS_RETURNED,
	LABYRINTH_A_STATS_REFILLED,
	LABYRINTH_A_STATS_REFILL_FAILED,
	LABYRINTH_A_STATS_REFILL_HELD,
	LABYRINTH_A_STATS_QUARANTINED,
	LABYRINTH_A_STATS_PAD,
	LABYRINTH_A_STATS_GIVEN,
	LABYRINTH_A_STATS_TAKEN,
	LABYRINTH_A_STATS_DROPPED,
	LABYRINTH_A_STATS_REFUSED,
	LABYRINTH_A_STATS_DEFERRED,
	LABYRINTH_A_STATS_REVOKED,

	__LABYRINTH_A_STATS_MAX,
	LABYRINTH_A_STATS_MAX = (__LABYRINTH_A_STATS_MAX - 1)
};

/**
 * enum labyrinth_context - where a call was made from
 * @LABYRINTH_CONTEXT_PROCESS: also with preemption or interrupts off
 * @LABYRINTH_CONTEXT_SOFTIRQ:
 * @LABYRINTH_CONTEXT_HARDIRQ:
 * @LABYRINTH_CONTEXT_NMI:
 */
enum labyrinth_context {
	LABYRINTH_CONTEXT_PROCESS,
	LABYRINTH_CONTEXT_SOFTIRQ,
	LABYRINTH_CONTEXT_HARDIRQ,
	LABYRINTH_CONTEXT_NMI,
};

/*
 * A histogram's bucket of a time t in ns: below 16 it is t; above, with e the
 * place of t's highest bit, 8 * (e - 3) + the three bits below it + 8: eight
 * buckets for each power of two. The last one has all from 2^34 ns on.
 */
#define LABYRINTH_LATENCY_BUCKETS	257

/**
 * enum labyrinth_latency_attr - how long allocations took
 * @LABYRINTH_A_LATENCY_ENABLED: u32, 0 or 1: it is being recorded
 * @LABYRINTH_A_LATENCY_DEADLINE: u64, ns; what takes longer is counted; 0: none
 * @LABYRINTH_A_LATENCY_RESET: flag: forget what has been recorded
 * @LABYRINTH_A_LATENCY_CONTEXT: u32, enum labyrinth_context
 * @LABYRINTH_A_LATENCY_RUNG: u32, enum labyrinth_rung that served it
 * @LABYRINTH_A_LATENCY_COUNT: u64, calls recorded
 * @LABYRINTH_A_LATENCY_LONGEST: u64, ns, since reset
 * @LABYRINTH_A_LATENCY_LATE: u64, of them, beyond the deadline as it was then
 * @LABYRINTH_A_LATENCY_BUCKET: nest, u64 for each bucket that is not empty, with
 *	the bucket's number plus 1 as its type
 * @LABYRINTH_A_LATENCY_PAD: alignment of u64
 */
enum labyrinth_latency_attr {
	LABYRINTH_A_LATENCY_ENABLED = 1,
	LABYRINTH_A_LATENCY_DEADLINE,
	LABYRINTH_A_LATENCY_RESET,
	LABYRINTH_A_LATENCY_CONTEXT,
	LABYRINTH_A_LATENCY_RUNG,
	LABYRINTH_A_LATENCY_COUNT,
	LABYRINTH_A_LATENCY_LONGEST,
	LABYRINTH_A_LATENCY_LATE,
	LABYRINTH_A_LATENCY_BUCKET,
	LABYRINTH_A_LATENCY_PAD,

	__LABYRINTH_A_LATENCY_MAX,
	LABYRINTH_A_LATENCY_MAX = (__LABYRINTH_A_LATENCY_MAX - 1)
};

/**
 * enum labyrinth_verify_attr - what comparing the books said
 * @LABYRINTH_A_VERIFY_RESULT: u32: 0 all books agree, 1 they do not, 2 too busy
 *	to tell (they differed each time, each time otherwise)
 * @LABYRINTH_A_VERIFY_TRIES: u32
 * @LABYRINTH_A_VERIFY_SLOTS: u64, slots read
 * @LABYRINTH_A_VERIFY_PAGES: u64, pages found in them
 * @LABYRINTH_A_VERIFY_BOOK: string, the first book that disagrees: "words",
 *	"stacks", "rings", "dirty", "owners", "index", "charges", "taken",
 *	"inboxes", "frames" or "references"; absent if none
 * @LABYRINTH_A_VERIFY_TEXT: string, what differs, for a person
 * @LABYRINTH_A_VERIFY_EXPECTED: u64
 * @LABYRINTH_A_VERIFY_FOUND: u64
 * @LABYRINTH_A_VERIFY_PAD: alignment of u64
 */
enum labyrinth_verify_attr {
	LABYRINTH_A_VERIFY_RESULT = 1,
	LABYRINTH_A_VERIFY_TRIES,
	LABYRINTH_A_VERIFY_SLOTS,
	LABYRINTH_A_VERIFY_PAGES,
	LABYRINTH_A_VERIFY_BOOK,
	LABYRINTH_A_VERIFY_TEXT,
	LABYRINTH_A_VERIFY_EXPECTED,
	LABYRINTH_A_VERIFY_FOUND,
	LABYRINTH_A_VERIFY_PAD,

	__LABYRINTH_A_VERIFY_MAX,
	LABYRINTH_A_VERIFY_MAX = (__LABYRINTH_A_VERIFY_MAX - 1)
};

#endif /* _UAPI_LINUX_LABYRINTH_NETLINK_H */
