// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left of a page when it changes hands: nothing can be read of it after
 * its release, nothing can be written to it by whoever had it, and who gets it
 * next sees zeroes, by READ and by mmap.
 *
 * The controls: a memfd that is closed can be read and written through the mapping
 * that stays; and what is looked for here is found in pages that were given on
 * purpose.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "victim.h"

#define COUNT	512
#define ROUNDS	8

static bool memfd_survives(char **at)
{
	int fd = secret_memfd();

	*at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	close(fd);
	return *at != MAP_FAILED && !memcmp(*at, secret, sizeof(secret));
}

static __u64 physical_address(int fd, __u64 handle)
{
	struct labyrinth_query query;

	return _query(fd, 0, handle, &query) ? 0 : query.out_phys;
}

/* === After release ======================================================= */

enum release { BY_FREE, BY_GIVE, BY_REVOKE };

FIXTURE(release) {
	int fd;
	int next;
	__u64 handles[COUNT];
	char *at;
};

FIXTURE_VARIANT(release) {
	enum release by;
};

FIXTURE_VARIANT_ADD(release, free) { BY_FREE };
FIXTURE_VARIANT_ADD(release, give) { BY_GIVE };
FIXTURE_VARIANT_ADD(release, revoke) { BY_REVOKE };

FIXTURE_SETUP(release)
{
	survive_touching();
	self->fd = test_open_device(O_RDWR);
	self->next = test_open_device(O_RDWR);
	test_accept(self->next, LABYRINTH_ACCEPT_ANY, 0);
	test_alloc(self->fd, 0, COUNT, self->handles);
	self->at = test_map_blocks(self->fd, COUNT, self->handles);
	for (int i = 0; i < COUNT; i++)
		memcpy(self->at + i * page_size(), secret, sizeof(secret));
}

FIXTURE_TEARDOWN(release)
{
	close(self->fd);
	close(self->next);
	EXPECT_EQ(0, verify_result());
}

static int release_all(FIXTURE_DATA(release) *self, enum release by)
{
	int fd = self->fd;

	switch (by) {
	case BY_FREE:
		return _free_pages(fd, COUNT, self->handles);
	case BY_GIVE:
		return _give(fd, owner_number(self->next), COUNT,
			     self->handles);
	default:
		return revoke_from(owner_number(fd), NULL, 0) == COUNT ?
		       0 : -EREMOTEIO;
	}
}

TEST_F(release, nothing_can_be_read_or_written_any_more)
{
	char *control;

	ASSERT_TRUE(memfd_survives(&control)) {
		TH_LOG("control: a closed memfd could not be read");
	}
	control[0] = 'c';
	ASSERT_EQ(0, release_all(self, variant->by));
	EXPECT_TRUE(is_gone(self->at, COUNT)) {
		TH_LOG("the mapping still answers");
	}
	for (int i = 0; i < COUNT; i++)
		ASSERT_EQ(0, every_call_refuses(self->fd, self->handles[i]));
}

/* === The next owner ====================================================== */

/* Zero by READ, or by a fresh mapping. */
static bool is_zero(int fd, __u64 handle, bool by_mapping)
{
	char buffer[16384], *at;
	bool zero;

	if (!by_mapping)
		return !_read_page(fd, handle, 0, page_size(), buffer) &&
		       all_bytes_are(buffer, 0, page_size());
	at = map_blocks(fd, 1, &handle);
	if (at == MAP_FAILED)
		return false;
	zero = all_bytes_are(at, 0, page_size());
	munmap(at, page_size());
	return zero;
}

/* What the writer tells root of: its frames, to see which come again. */
struct frames {
	__u64 was[COUNT];
	__u64 handles[COUNT];
	__u32 reader;
	int socket;
};

static int writes_everywhere(void *arg)
{
	struct frames *frames = arg;
	int fd = open_as(NOBODY);
	char *at;

	if (fd < 0)
		return 100;
	for (int round = 0; round < ROUNDS; round++) {
		if (take_pages(fd, COUNT, frames->handles))
			return 101;
		at = map_blocks(fd, COUNT, frames->handles);
		if (at == MAP_FAILED)
			return 102;
		fill_pattern(at, COUNT * page_size(), round);
		if (signal_peer(frames->socket) || await_peer(frames->socket))
			return 103;
		/* The last page goes to the reader on purpose, as it is. */
		if (_give(fd, frames->reader, 1, &frames->handles[COUNT - 1]))
			return 104;
		munmap(at, COUNT * page_size());
		if (_free_pages(fd, COUNT - 1, frames->handles) ||
		    signal_peer(frames->socket) || await_peer(frames->socket))
			return 105;
	}
	return 0;
}

struct seen_frame {
	struct frames *frames;
	__u32 n;
};

static int note_frame(const struct nlmsghdr *nlh, void *arg)
{
	struct seen_frame *seen = arg;

	for (int i = 0; i < COUNT; i++)
		if (nl_get(nlh, LABYRINTH_A_PAGE_HANDLE) ==
		    seen->frames->handles[i]) {
			seen->frames->was[i] =
				nl_get(nlh, LABYRINTH_A_PAGE_PHYS);
			seen->n++;
		}
	return 0;
}

static int note_frames(struct frames *frames)
{
	static struct nl_message msg;
	struct seen_frame seen = { .frames = frames };
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	ret = nl_run(&nl, &msg, note_frame, &seen);
	nl_close(&nl);
	return ret ?: seen.n == COUNT ? 0 : -ENODATA;
}

static int compare(const void *a, const void *b)
{
	__u64 left = *(const __u64 *)a, right = *(const __u64 *)b;

	return left < right ? -1 : left > right;
}

/* How many of the frames came to @fd, which takes as many as there were. */
static int count_inherited(struct __test_metadata *_metadata, int fd,
			   struct frames *frames)
{
	__u64 handles[COUNT];
	int inherited = 0;

	qsort(frames->was, COUNT, sizeof(__u64), compare);
	ASSERT_EQ(0, take_pages(fd, COUNT, handles));
	for (int i = 0; i < COUNT; i++) {
		__u64 address = physical_address(fd, handles[i]);

		inherited += !!bsearch(&address, frames->was, COUNT,
				       sizeof(address), compare);
		ASSERT_TRUE(is_zero(fd, handles[i], i % 2)) {
			TH_LOG("page %d at %#llx is not zero by %s", i, address,
			       i % 2 ? "mmap" : "READ");
		}
	}
	test_free(fd, COUNT, handles);
	return inherited;
}

/* After those above: without them a stray write ends the machine. */
FIXTURE(next) {
	struct books before;
};

FIXTURE_SETUP(next)
{
	survive_touching();
	ASSERT_EQ(0, books_get(&self->before));
}

FIXTURE_TEARDOWN(next)
{
	EXPECT_EQ(0, reserve_set(self->before.low, self->before.high, KEEP));
	EXPECT_EQ(0, verify_result());
}

TEST_F(next, sees_zeroes_whoever_had_the_page)
{
	struct frames *frames = mmap(NULL, sizeof(*frames),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = test_open_device(O_RDWR), sockets[2], inherited = 0;
	pid_t writer;

	ASSERT_NE(MAP_FAILED, frames);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	frames->socket = sockets[1];
	frames->reader = owner_number(fd);
	test_accept(fd, LABYRINTH_ACCEPT_ANY, 0);
	writer = spawn(writes_everywhere, frames);
	close(sockets[1]);

	for (int round = 0; round < ROUNDS; round++) {
		__u64 given;

		/* Frames come round by the reserve, then by the system. */
		ASSERT_EQ(0, await_peer(sockets[0]));
		if (round % (ROUNDS / 2) == 0)
			ASSERT_EQ(0, refill_to(round ? 16 : COUNT,
					       round ? 32 : 2 * COUNT));
		ASSERT_EQ(0, note_frames(frames));
		ASSERT_EQ(0, signal_peer(sockets[0]));
		ASSERT_EQ(0, await_peer(sockets[0]));
		test_take(fd, 1, &given);
		ASSERT_FALSE(is_zero(fd, given, false)) {
			TH_LOG("control: a page that was given has no contents");
		}
		ASSERT_FALSE(is_zero(fd, given, true));
		test_free(fd, 1, &given);
		/* Taken twice: what was ready before, and what was wiped. */
		inherited += count_inherited(_metadata, fd, frames);
		inherited += count_inherited(_metadata, fd, frames);
		ASSERT_EQ(0, signal_peer(sockets[0]));
	}
	EXPECT_EQ(0, reap(writer));
	TH_LOG("%d of the pages seen were the writer's before", inherited);
	EXPECT_LT(0, inherited) {
		TH_LOG("control: none was anybody's before");
	}
	close(fd);
}

/* === Writes that go on =================================================== */

#define HAMMERED	32

struct hammer {
	char *at;
	size_t pages;
	atomic_bool stop;
	unsigned long landed;
	unsigned long refused;
};

static void *keep_writing(void *arg)
{
	struct hammer *hammer = arg;
	size_t word = 0;

	while (!atomic_load(&hammer->stop)) {
		for (size_t i = 0; i < hammer->pages; i++) {
			if (try_store(hammer->at + i * page_size() +
				      8 * (word % 512), ~0ULL))
				hammer->refused++;
			else
				hammer->landed++;
		}
		word++;
	}
	return NULL;
}

/*
 * Pages come and go under a thread that never stops writing to where they were
 * mapped: as nobody, in a process of its own, until the parent has seen enough.
 */
static int hammers(void *arg)
{
	struct hammer hammer = { .pages = HAMMERED };
	int fd = open_as(NOBODY), socket = *(int *)arg;
	size_t size = HAMMERED * page_size();
	struct pollfd pollfd = { .fd = socket, .events = POLLIN };
	__u64 handles[HAMMERED];
	pthread_t thread;

	survive_touching();
	hammer.at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	if (fd < 0 || hammer.at == MAP_FAILED ||
	    pthread_create(&thread, NULL, keep_writing, &hammer))
		return 100;
	while (!poll(&pollfd, 1, 0)) {
		__u64 offset;

		if (take_pages(fd, HAMMERED, handles) ||
		    _map(fd, HAMMERED, handles, &offset) ||
		    mmap(hammer.at, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, offset) != hammer.at)
			return 101;
		sched_yield();
		if (_free_pages(fd, HAMMERED, handles))
			return 102;
		if (!is_gone(hammer.at, HAMMERED))
			return complain("a page is reached after its release");
	}
	atomic_store(&hammer.stop, true);
	if (pthread_join(thread, NULL))
		return 103;
	printf("# %lu writes landed, %lu were refused\n", hammer.landed,
	       hammer.refused);
	fflush(stdout);
	return hammer.landed && hammer.refused ? 0 :
	       complain("control: the writer was never let, or never refused");
}

/* The same on ordinary memory: what it writes is seen by who shares it. */
static bool memfd_is_hit(void)
{
	struct hammer hammer = { .pages = 1 };
	int fd = secret_memfd();
	unsigned char *next;
	pthread_t thread;
	bool hit;

	hammer.at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
	next = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (pthread_create(&thread, NULL, keep_writing, &hammer))
		return false;
	hit = WAIT_UNTIL(*(volatile unsigned char *)(next + 2048) == 0xFF);
	atomic_store(&hammer.stop, true);
	pthread_join(thread, NULL);
	return hit;
}

TEST_F(next, is_not_reached_by_writes_after_release)
{
	int fd = test_open_device(O_RDWR), sockets[2];
	unsigned long seen = 0;
	__u64 handles[COUNT];
	time_t end;
	pid_t pid;

	ASSERT_TRUE(memfd_is_hit()) {
		TH_LOG("control: the writes do not show in a memfd either");
	}
	ASSERT_EQ(0, refill_to(COUNT, 2 * COUNT));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = spawn(hammers, &sockets[1]);
	end = now_seconds() + 15;
	while (now_seconds() < end) {
		ASSERT_EQ(0, take_pages(fd, COUNT, handles));
		/* At first sight, and after a while. */
		for (int i = 0; i < 2 * COUNT; i++) {
			ASSERT_TRUE(is_zero(fd, handles[i % COUNT], i % 2)) {
				TH_LOG("written to after %lu pages", seen);
			}
		}
		test_free(fd, COUNT, handles);
		seen += COUNT;
	}
	ASSERT_EQ(0, signal_peer(sockets[0]));
	EXPECT_EQ(0, reap(pid));
	TH_LOG("%lu pages were zero, twice", seen);
	close(fd);
}

TEST_HARNESS_MAIN
