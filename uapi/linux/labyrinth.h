/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Labyrinth: pages that exactly one owner can touch. The character device.
 *
 * Netlink, which inspects and administrates, has linux/labyrinth_netlink.h.
 */
#ifndef _UAPI_LINUX_LABYRINTH_H
#define _UAPI_LINUX_LABYRINTH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: General ioctl format
 *
 * Every argument is a pointer to a struct that starts with its own size in
 * bytes. Struct and numbers are the same for 32-bit and 64-bit callers: all
 * fields are naturally aligned, there are no holes, pointers are __u64.
 *
 * A struct only ever grows at its end. A kernel that knows less than the
 * caller accepts the longer struct if all that it does not know is zero; a
 * kernel that knows more takes what is missing as zero and writes back no more
 * than @size bytes. The least size is the struct's in its first version.
 * Dispatch looks at direction, type and number, never at the size that _IOWR()
 * encodes, so that growth breaks neither side.
 *
 * Fields named @out_* are written by the kernel, on success and, where the
 * kernel-doc says so, on failure; all others are read once. A field named
 * @__reserved must be 0. A call that fails has changed nothing, except where
 * LABYRINTH_*_PARTIAL asked for it, and for WRITE, which says how far it went.
 *
 * The descriptor is an owner. It serves the address space (mm) that opened it
 * and nobody else: after fork, in a receiver of SCM_RIGHTS, after exec and
 * after that address space died, every call fails with EIO.
 *
 * ============ ==============================================================
 * errno        meaning, the same for all calls
 * ============ ==============================================================
 * EACCES       the named owner's mode refuses the caller; GIVE: the receiver
 *              does not accept pages from the caller; mmap: PROT_EXEC, or more
 *              than the descriptor was opened for
 * EAGAIN       TAKE: the inbox is empty
 * EBADF        the call changes something, the descriptor is read-only; or
 *              READ, and it is write-only; EVENTFD: no such descriptor
 * EBUSY        the named owner is attached by another file; or this file holds
 *              pages, or is attached, already; ACCEPT: the inbox has another
 *              capacity already
 * EDQUOT       the owner's quota, or RLIMIT_MEMLOCK (see the reason)
 * E2BIG        bytes beyond what this kernel understands are not zero, or size
 *              is more than a page
 * EFAULT       a pointer of the caller's could not be read or written
 * EINVAL       understood, but wrong: unknown flag, non-zero reserved field,
 *              size too small, count, order or range out of bounds
 * EIO          descriptor used from another address space than the opener's,
 *              or the opener's is gone
 * ENODATA      QUERY: there is no block after that one
 * ENOENT       no such page of the caller's (stale, another owner's or made up:
 *              not told apart); no such named owner
 * ENOMEM       no rung of the ladder could serve it (see the reason), or no
 *              memory for the call itself (the reason is then 0)
 * ENOSPC       the inbox has no room (see the reason)
 * ENOTTY       no such call
 * EOVERFLOW    MAP: the descriptor (for a 32-bit caller: its first 2^32 pages)
 *              has no offset left
 * ENXIO        mmap: no block of the caller's at (all of) that offset
 * EOPNOTSUPP   known, but not supported here (by this version, or for this
 *              combination)
 * EPERM        the block is for the thread alone that allocated it
 * EINTR        wait: killed
 * ETIMEDOUT    wait: the timeout passed
 * ESHUTDOWN    the owner is being removed, or the hand-out is closed
 * ESRCH        GIVE: no such receiver, or none that the caller may know of (of
 *              another user's, only those that accept pages from anybody); or it
 *              is being removed
 * ============ ==============================================================
 *
 * open(2) itself: ENOMEM, ENFILE (no owner's number is free), ENXIO (a kernel
 * thread has no address space to serve).
 */

#define LABYRINTH_DEVICE	"/dev/labyrinth"
#define LABYRINTH_IOC_TYPE	0xBA

/* A named owner's name: 1 to 31 of [A-Za-z0-9._-], NUL-terminated. */
#define LABYRINTH_NAME_SIZE	32

/* "No limit", wherever a limit in pages is reported. */
#define LABYRINTH_UNLIMITED	(~0ULL)

/**
 * enum labyrinth_rung - the sources of a page, in the order they are tried
 * @LABYRINTH_RUNG_NONE: none was reached
 * @LABYRINTH_RUNG_CPU: this CPU's ready stack
 * @LABYRINTH_RUNG_GUARANTEE: the owner's guarantee
 * @LABYRINTH_RUNG_RESERVE: the node's reserve
 * @LABYRINTH_RUNG_EMERGENCY: the emergency part, for owners with that right
 * @LABYRINTH_RUNG_BUDDY: alloc_pages(), never for LABYRINTH_ALLOC_STRICT
 * @LABYRINTH_RUNG_FALLBACK: the fallback that the request named
 */
enum labyrinth_rung {
	LABYRINTH_RUNG_NONE,
	LABYRINTH_RUNG_CPU,
	LABYRINTH_RUNG_GUARANTEE,
	LABYRINTH_RUNG_RESERVE,
	LABYRINTH_RUNG_EMERGENCY,
	LABYRINTH_RUNG_BUDDY,
	LABYRINTH_RUNG_FALLBACK,
};

/**
 * enum labyrinth_reason - why a request was not served
 * @LABYRINTH_REASON_NONE: it was, or it was refused before the ladder
 * @LABYRINTH_REASON_QUOTA: the owner's quota
 * @LABYRINTH_REASON_MEMLOCK: the user's RLIMIT_MEMLOCK
 * @LABYRINTH_REASON_DYING: the owner is being removed
 * @LABYRINTH_REASON_EMPTY: strict, and reserve (and what the owner may take
 *	beyond it) is empty
 * @LABYRINTH_REASON_SYSTEM: alloc_pages() refused
 * @LABYRINTH_REASON_CONTEXT: the reserve is empty and alloc_pages() is not legal
 *	in the caller's context
 * @LABYRINTH_REASON_SLOTS: every slot of the registry is taken
 * @LABYRINTH_REASON_TIMEOUT: wait: the timeout passed
 * @LABYRINTH_REASON_KILLED: wait: the caller was killed
 * @LABYRINTH_REASON_CLOSED: the hand-out is closed (suspend to disk)
 * @LABYRINTH_REASON_SOILED: so much has been freed and not wiped yet that
 *	alloc_pages() is not asked for more
 * @LABYRINTH_REASON_INBOX: the inbox that it would go to has no room
 * @LABYRINTH_REASON_REFUSED: the receiver does not accept pages from the giver
 * @LABYRINTH_REASON_CEILING: the module has taken as much of the system's memory
 *	as it may
 */
enum labyrinth_reason {
	LABYRINTH_REASON_NONE,
	LABYRINTH_REASON_QUOTA,
	LABYRINTH_REASON_MEMLOCK,
	LABYRINTH_REASON_DYING,
	LABYRINTH_REASON_EMPTY,
	LABYRINTH_REASON_SYSTEM,
	LABYRINTH_REASON_CONTEXT,
	LABYRINTH_REASON_SLOTS,
	LABYRINTH_REASON_TIMEOUT,
	LABYRINTH_REASON_KILLED,
	LABYRINTH_REASON_CLOSED,
	LABYRINTH_REASON_SOILED,
	LABYRINTH_REASON_INBOX,
	LABYRINTH_REASON_REFUSED,
	LABYRINTH_REASON_CEILING,
};

/**
 * enum labyrinth_fallback - what to do when no rung can serve at once
 * @LABYRINTH_FALLBACK_UNSET: not a choice: EINVAL
 * @LABYRINTH_FALLBACK_FAIL: ENOMEM at once
 * @LABYRINTH_FALLBACK_WAIT: sleep on the refill, killable, up to @timeout_ns
 * @LABYRINTH_FALLBACK_DEFER: queue the request, first in, first out: its block
 *	comes later, into the owner's inbox
 */
enum labyrinth_fallback {
	LABYRINTH_FALLBACK_UNSET,
	LABYRINTH_FALLBACK_FAIL,
	LABYRINTH_FALLBACK_WAIT,
	LABYRINTH_FALLBACK_DEFER,
};

/**
 * enum labyrinth_scope - how tight exclusivity is within the owner's process
 * @LABYRINTH_SCOPE_PROCESS: every thread of the address space
 * @LABYRINTH_SCOPE_THREAD: the allocating thread only: every call of another
 *	one on the block is EPERM. Can't be mapped (a mapping serves every
 *	thread) nor deferred: EOPNOTSUPP. Ends with its thread (refused to
 *	everybody at once, wiped within a second), and when the file through which
 *	a thread has it goes. Given away, it has the scope `process`
 */
enum labyrinth_scope {
	LABYRINTH_SCOPE_PROCESS,
	LABYRINTH_SCOPE_THREAD,
};

/**
 * enum labyrinth_owner_kind - whoever may hold pages
 * @LABYRINTH_OWNER_FILE: an open descriptor, dies with its process
 * @LABYRINTH_OWNER_NAMED: made by an administrator, outlives processes
 * @LABYRINTH_OWNER_KERNEL: made by a module
 */
enum labyrinth_owner_kind {
	LABYRINTH_OWNER_FILE = 1,
	LABYRINTH_OWNER_NAMED,
	LABYRINTH_OWNER_KERNEL,
};

/**
 * enum labyrinth_accept - whom an owner takes pages from
 * @LABYRINTH_ACCEPT_NONE: nobody; the default
 * @LABYRINTH_ACCEPT_UID: owners of the same user; modules are nobody's
 * @LABYRINTH_ACCEPT_ANY: anybody
 */
enum labyrinth_accept {
	LABYRINTH_ACCEPT_NONE,
	LABYRINTH_ACCEPT_UID,
	LABYRINTH_ACCEPT_ANY,
};

/* Blocks that may wait in an inbox: if nothing else is asked for, and at most. */
#define LABYRINTH_INBOX_DEFAULT	1024
#define LABYRINTH_INBOX_MAX	65536

/**
 * struct labyrinth_info - limits of this kernel, and how the caller stands
 * @size: sizeof(struct labyrinth_info)
 * @flags: must be 0
 * @out_features: none defined yet: 0
 * @out_page_size: bytes of a base page
 * @out_max_order: largest order of a block
 * @out_max_batch: most handles that one call takes
 * @out_slots: capacity of the registry, in blocks
 * @out_owner: number of the owner that this descriptor acts as
 * @out_kind: enum labyrinth_owner_kind
 * @out_used: pages held and charged
 * @out_quota: most pages the owner may hold
 * @out_guarantee: pages set aside for this owner
 * @out_memlock_used: pages charged to the user by all accounting that counts
 *	against RLIMIT_MEMLOCK by user
 * @out_memlock_limit: RLIMIT_MEMLOCK in pages as it was at open or attach,
 *	LABYRINTH_UNLIMITED with CAP_IPC_LOCK
 * @out_reserve_available: pages that a strict request could have at once
 *	(all nodes, without guarantees and the emergency part)
 * @out_reserve_high: pages that a full reserve has (all nodes)
 * @out_accept: enum labyrinth_accept
 * @out_inbox: blocks that may wait in the inbox; 0: there is none yet
 * @out_inbox_used: blocks that wait there, or have a place there that is kept
 *	for them (deferred ones)
 * @out_deferred: of these, blocks that are still to come; one that has come and been
 *	taken may be counted for a moment more
 */
struct labyrinth_info {
	__u32 size;
	__u32 flags;
	__u64 out_features;
	__u32 out_page_size;
	__u32 out_max_order;
	__u32 out_max_batch;
	__u32 out_slots;
	__u32 out_owner;
	__u32 out_kind;
	__u64 out_used;
	__u64 out_quota;
	__u64 out_guarantee;
	__u64 out_memlock_used;
	__u64 out_memlock_limit;
	__u64 out_reserve_available;
	__u64 out_reserve_high;
	__u32 out_accept;
	__u32 out_inbox;
	__u32 out_inbox_used;
	__u32 out_deferred;
};

/* Only rungs that never leave the reserve; order 0 only (else EOPNOTSUPP). */
#define LABYRINTH_ALLOC_STRICT		0x1
/* Keep what could be had; fails only if that is nothing. */
#define LABYRINTH_ALLOC_PARTIAL		0x2

/**
 * struct labyrinth_alloc - take blocks
 * @size: sizeof(struct labyrinth_alloc)
 * @flags: LABYRINTH_ALLOC_*
 * @count: blocks wanted, 1 to out_max_batch
 * @order: each block has 2^order pages, 0 to out_max_order
 * @scope: enum labyrinth_scope
 * @fallback: enum labyrinth_fallback; there is no default
 * @timeout_ns: with LABYRINTH_FALLBACK_WAIT: how long at most, 0 for no limit;
 *	must be 0 otherwise. ETIMEDOUT comes not before that by CLOCK_MONOTONIC
 * @tag: given to the first block; each further one gets one more
 * @handles: user array of @count __u64, written before anything is published:
 *	a caller that can't be told its handles has taken nothing
 * @out_count: handles written (also on failure: 0)
 * @out_rung: deepest rung that served; on failure the last one tried
 * @out_reason: enum labyrinth_reason: why there are no more (also on failure)
 * @__reserved: must be 0
 *
 * A page is all zeroes when it is first seen. All or nothing, unless
 * LABYRINTH_ALLOC_PARTIAL. "On failure" is EDQUOT, ENOMEM, ENOSPC, ETIMEDOUT, EINTR
 * and ESHUTDOWN: what is refused before it is tried (EINVAL, EOPNOTSUPP, EFAULT)
 * writes nothing.
 *
 * With LABYRINTH_FALLBACK_DEFER (and then without PARTIAL) what can be had at
 * once is; the others, @count - @out_count, come later, in order, into the
 * inbox, where a place is kept for each: ENOSPC if there is none. They are
 * charged from now on, and cancelled when the owner dies. While some of the
 * owner's are still to come, nothing is had at once. Revoking takes what has come,
 * not what is to come. An inbox that was made for it stays, also after EFAULT.
 */
struct labyrinth_alloc {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 order;
	__u32 scope;
	__u32 fallback;
	__u64 timeout_ns;
	__u64 tag;
	__u64 handles;
	__u32 out_count;
	__u32 out_rung;
	__u32 out_reason;
	__u32 __reserved;
};

/* Free what can be freed and skip the rest. */
#define LABYRINTH_FREE_PARTIAL		0x1

/**
 * struct labyrinth_free - give blocks back
 * @size: sizeof(struct labyrinth_free)
 * @flags: LABYRINTH_FREE_*
 * @count: handles in the array, 1 to out_max_batch
 * @__reserved: must be 0
 * @handles: user array of @count __u64
 * @out_count: blocks freed
 * @out_bad: index of the first handle that was refused, @count if none (also
 *	on ENOENT)
 *
 * All or nothing, unless LABYRINTH_FREE_PARTIAL; a handle that is there twice
 * is refused the second time. Contents are wiped before anyone else can have
 * the pages. While more waits to be wiped than may (16 MiB), it returns only
 * when that has been done, or after a second; so do close(2), open(2), an ALLOC
 * that gives back what it has taken (a single page is taken or not: it does not),
 * and a GIVE to an owner that dies.
 */
struct labyrinth_free {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 __reserved;
	__u64 handles;
	__u32 out_count;
	__u32 out_bad;
};

/* @handle is the block before the one asked for; 0: ask for the first. */
#define LABYRINTH_QUERY_NEXT		0x1

/* MAP has given it a place, see @out_offset. */
#define LABYRINTH_PAGE_MAPPED		0x1

/**
 * struct labyrinth_query - ask about a block of the caller's
 * @size: sizeof(struct labyrinth_query)
 * @flags: LABYRINTH_QUERY_*
 * @handle: the block; with LABYRINTH_QUERY_NEXT the one before it
 * @out_handle: the block that is described
 * @out_tag: the caller's tag
 * @out_used: the caller's used length, in bytes
 * @out_age_ns: since it was allocated
 * @out_phys: physical address, for CAP_SYS_ADMIN; 0 for others
 * @out_order: 2^order pages
 * @out_scope: enum labyrinth_scope
 * @out_rung: enum labyrinth_rung that served it
 * @out_flags: LABYRINTH_PAGE_*
 * @out_offset: where mmap(2) finds it, in bytes; 0: nowhere
 *
 * Blocks are walked in the order in which they were taken. With
 * LABYRINTH_QUERY_NEXT, ENODATA: there is none after it; ENOENT: @handle is not
 * a block of the caller's (any more), start again.
 */
struct labyrinth_query {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u64 out_handle;
	__u64 out_tag;
	__u64 out_used;
	__u64 out_age_ns;
	__u64 out_phys;
	__u32 out_order;
	__u32 out_scope;
	__u32 out_rung;
	__u32 out_flags;
	__u64 out_offset;
};

/**
 * struct labyrinth_rw - copy out of (READ) or into (WRITE) a block
 * @size: sizeof(struct labyrinth_rw)
 * @flags: must be 0
 * @handle: the block
 * @offset: first byte; offset + length must lie within the block
 * @length: bytes; 0 only checks the handle
 * @buffer: the caller's memory
 * @out_length: bytes copied (also on EFAULT, and on ENOENT where the block
 *	went away half-way)
 * @__reserved: must be 0
 *
 * A base page at a time: a page is copied as it was at one instant; a block of
 * several is not. WRITE raises the used length to offset + length.
 */
struct labyrinth_rw {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u32 offset;
	__u32 length;
	__u64 buffer;
	__u32 out_length;
	__u32 __reserved;
};

#define LABYRINTH_SET_TAG		0x1
#define LABYRINTH_SET_USED		0x2

/**
 * struct labyrinth_set - set what the caller keeps with a block
 * @size: sizeof(struct labyrinth_set)
 * @flags: which: LABYRINTH_SET_*, at least one
 * @handle: the block
 * @tag: any 64 bits; must be 0 without LABYRINTH_SET_TAG
 * @used: used length in bytes, at most the block's; must be 0 without
 *	LABYRINTH_SET_USED
 */
struct labyrinth_set {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u64 tag;
	__u64 used;
};

/**
 * struct labyrinth_attach - act as a named owner from now on
 * @size: sizeof(struct labyrinth_attach)
 * @flags: must be 0
 * @name: the named owner
 * @out_owner: its number
 * @__reserved: must be 0
 *
 * For the rest of the descriptor's life. The descriptor must hold no page of
 * its own. Needs of the owner's mode what the descriptor was opened for: read
 * permission, write permission, or both. Closing detaches; the pages stay. Who pays
 * for them may change by it (a named owner's pages count for its user, as soon as that
 * one has attached): what it holds is then counted whatever the limit is, and it gets
 * no more until there is room.
 */
struct labyrinth_attach {
	__u32 size;
	__u32 flags;
	__u8  name[LABYRINTH_NAME_SIZE];
	__u32 out_owner;
	__u32 __reserved;
};

/**
 * struct labyrinth_give - give blocks to another owner, contents and all
 * @size: sizeof(struct labyrinth_give)
 * @flags: must be 0
 * @count: blocks, 1 to out_max_batch
 * @to: the receiver's number; 0: it is named
 * @handles: user array of @count __u64
 * @name: the receiver's name, if it is a named owner; all 0 with @to
 * @out_bad: index of the first handle that was refused, @count if none (also on
 *	failure)
 * @out_reason: why the receiver can't have them (also on failure)
 *
 * All or nothing. The receiver must accept them (see ACCEPT), be allowed to
 * hold them, and have room in its inbox: else EACCES, EDQUOT or ENOSPC, and they
 * are the caller's as before. After it, their handles are the caller's no more,
 * and they are charged to the receiver. The tag and the used length go along.
 * To oneself: EINVAL.
 */
struct labyrinth_give {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 to;
	__u64 handles;
	__u8  name[LABYRINTH_NAME_SIZE];
	__u32 out_bad;
	__u32 out_reason;
};

/**
 * struct labyrinth_take - take what has come into the inbox
 * @size: sizeof(struct labyrinth_take)
 * @flags: must be 0
 * @count: most blocks to take, 1 to out_max_batch
 * @out_count: blocks taken
 * @handles: user array of @count __u64, written before anything is taken
 *
 * In the order in which they came. Does not wait: EAGAIN if there is none;
 * poll() says POLLIN when there is. Until it is taken a block is in transit:
 * charged to the receiver, and touched by nobody.
 */
struct labyrinth_take {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 out_count;
	__u64 handles;
};

/**
 * struct labyrinth_eventfd - be told of what comes into the inbox
 * @size: sizeof(struct labyrinth_eventfd)
 * @flags: must be 0
 * @fd: an eventfd (else EINVAL), signalled once or more after blocks have come;
 *	-1 for none
 * @__reserved: must be 0
 *
 * One for a descriptor; another one replaces it.
 */
struct labyrinth_eventfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 __reserved;
};

/**
 * struct labyrinth_accept_set - say whom to take blocks from
 * @size: sizeof(struct labyrinth_accept_set)
 * @flags: must be 0
 * @accept: enum labyrinth_accept
 * @inbox: blocks that may wait in the inbox, 1 to LABYRINTH_INBOX_MAX; 0: as it
 *	is, or LABYRINTH_INBOX_DEFAULT. Once there is an inbox, its capacity
 *	stays: EBUSY
 *
 * For the file's own owner. A named owner's is its administrator's: EOPNOTSUPP
 * (OWNER_SET, see linux/labyrinth_netlink.h).
 */
struct labyrinth_accept_set {
	__u32 size;
	__u32 flags;
	__u32 accept;
	__u32 inbox;
};

/**
 * struct labyrinth_map - give blocks a place where mmap(2) finds them
 * @size: sizeof(struct labyrinth_map)
 * @flags: must be 0
 * @count: handles in the array, 1 to out_max_batch
 * @out_bad: index of the first handle that was refused, @count if none (also on
 *	failure)
 * @handles: user array of @count __u64
 * @out_offset: where the first block begins, in bytes
 * @out_length: of all blocks, in bytes
 *
 * All or nothing. The blocks lie there one behind the other, in the order of
 * @handles. Then mmap(2) the descriptor, MAP_SHARED (else EINVAL), at any part of
 * it that begins and ends with a page; as often as you like; what is mapped is
 * read and written like any memory of the caller's, and by nobody else. The
 * kernel can't be made to take references to it: O_DIRECT, vmsplice(2), fixed
 * buffers and the like fail with EFAULT; read(2) and write(2) copy, and work.
 *
 * A block has one place: another MAP of it moves it, and its old place is empty.
 * No offset is used twice in a descriptor's life. Where there is no block any more,
 * because it was freed, given, revoked or moved, touching is SIGBUS: it is so
 * when the call that ended it returns. A handle that is there twice: EINVAL.
 */
struct labyrinth_map {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 out_bad;
	__u64 handles;
	__u64 out_offset;
	__u64 out_length;
};

#define LABYRINTH_IOC_INFO	_IOWR(LABYRINTH_IOC_TYPE, 0x00, struct labyrinth_info)
#define LABYRINTH_IOC_ALLOC	_IOWR(LABYRINTH_IOC_TYPE, 0x01, struct labyrinth_alloc)
#define LABYRINTH_IOC_FREE	_IOWR(LABYRINTH_IOC_TYPE, 0x02, struct labyrinth_free)
#define LABYRINTH_IOC_QUERY	_IOWR(LABYRINTH_IOC_TYPE, 0x03, struct labyrinth_query)
#define LABYRINTH_IOC_READ	_IOWR(LABYRINTH_IOC_TYPE, 0x04, struct labyrinth_rw)
#define LABYRINTH_IOC_WRITE	_IOWR(LABYRINTH_IOC_TYPE, 0x05, struct labyrinth_rw)
#define LABYRINTH_IOC_SET	_IOWR(LABYRINTH_IOC_TYPE, 0x06, struct labyrinth_set)
#define LABYRINTH_IOC_ATTACH	_IOWR(LABYRINTH_IOC_TYPE, 0x07, struct labyrinth_attach)
#define LABYRINTH_IOC_GIVE	_IOWR(LABYRINTH_IOC_TYPE, 0x08, struct labyrinth_give)
#define LABYRINTH_IOC_TAKE	_IOWR(LABYRINTH_IOC_TYPE, 0x09, struct labyrinth_take)
#define LABYRINTH_IOC_EVENTFD	_IOWR(LABYRINTH_IOC_TYPE, 0x0a, struct labyrinth_eventfd)
#define LABYRINTH_IOC_ACCEPT	_IOWR(LABYRINTH_IOC_TYPE, 0x0b, struct labyrinth_accept_set)
#define LABYRINTH_IOC_MAP	_IOWR(LABYRINTH_IOC_TYPE, 0x0c, struct labyrinth_map)

/*
 * poll(): POLLIN while blocks wait in the inbox; POLLOUT while the reserve has a
 * page that this owner could take;
 * POLLERR | POLLHUP once the descriptor is dead, and to whoever asks from
 * another address space than the opener's, who is not waited for: an epoll set that
 * processes share tells of a descriptor that its opener has added. select(), epoll,
 * io_uring (where the maker of the ring asks, with IORING_SETUP_SQPOLL) and
 * io_submit(2)'s IOCB_CMD_POLL are told the same; io_uring refuses (EINVAL) what
 * would wait for nothing, where it is asked by level.
 */

#endif /* _UAPI_LINUX_LABYRINTH_H */
