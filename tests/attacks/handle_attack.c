// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody guesses handles: a million of them, the right ones among them, as
 * nobody, against pages of another user's. None hits, and nothing tells a right
 * guess from a wrong one.
 *
 * The control stands in each call: the last handle of each batch is the
 * guesser's own, and that one is served.
 */
#include <sys/socket.h>

#include "victim.h"

#define VICTIMS		256
#define BATCH		1024
#define GENERATIONS	16
#define SLOTS		32768
#define RANDOM_BATCHES	512

/* What the two share; @handles only tell how many guesses were right. */
struct scene {
	__u64 handles[VICTIMS];	/* ascending */
	__u64 offset;
	int socket;		/* the victim's end */
	__u64 guesses;
	__u64 right;
};

static int compare(const void *a, const void *b)
{
	__u64 left = *(const __u64 *)a, right = *(const __u64 *)b;

	return left < right ? -1 : left > right;
}

/* === The victim ========================================================== */

static int victims_pages_are_there(int fd, struct scene *scene, char *mapping)
{
	char buffer[sizeof(secret)];

	for (int i = 0; i < VICTIMS; i++) {
		char *at = mapping + i * page_size();

		if (_read_page(fd, scene->handles[i], 0, sizeof(buffer),
			       buffer) ||
		    memcmp(buffer, secret, sizeof(secret)) ||
		    memcmp(at, secret, sizeof(secret)))
			return complain("page %d of the victim's is gone", i);
	}
	return used_pages(fd) != VICTIMS;
}

static int victim(void *arg)
{
	struct scene *scene = arg;
	int fd = open_as(OTHER_USER);
	char *mapping;

	if (fd < 0 || _alloc(fd, 0, VICTIMS, scene->handles))
		return 100;
	qsort(scene->handles, VICTIMS, sizeof(__u64), compare);
	for (int i = 0; i < VICTIMS; i++) {
		if (_write_page(fd, scene->handles[i], 0, sizeof(secret),
				secret))
			return 101;
	}
	if (_map(fd, VICTIMS, scene->handles, &scene->offset))
		return 102;
	mapping = mmap(NULL, VICTIMS * page_size(), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, scene->offset);
	if (mapping == MAP_FAILED)
		return 103;
	if (signal_peer(scene->socket) || await_peer(scene->socket))
		return 104;
	return victims_pages_are_there(fd, scene, mapping);
}

FIXTURE(guess) {
	struct scene *scene;
	int socket;
	pid_t victim;
};

FIXTURE_SETUP(guess)
{
	int sockets[2];

	self->scene = mmap(NULL, sizeof(*self->scene), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->scene);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	self->socket = sockets[0];
	self->scene->socket = sockets[1];
	self->victim = spawn(victim, self->scene);
	close(sockets[1]);
	ASSERT_EQ(0, await_peer(self->socket));
}

/* The control: to whom they belong, the right handles open everything. */
FIXTURE_TEARDOWN(guess)
{
	EXPECT_EQ(0, signal_peer(self->socket));
	EXPECT_EQ(0, reap(self->victim));
}

/* === The guesser ========================================================= */

/* Frees @count guesses and one page of its own: only that one may go. */
static int try_batch(int fd, struct scene *scene, __u64 *guesses, __u32 count)
{
	struct labyrinth_free cmd = {
		.flags = LABYRINTH_FREE_PARTIAL,
		.count = count + 1,
		.handles = (uintptr_t)guesses,
	};
	int ret = take_pages(fd, 1, &guesses[count]);

	if (ret)
		return complain("a page of its own: %s", strerror(-ret));
	for (__u32 i = 0; i < count; i++)
		scene->right += !!bsearch(&guesses[i], scene->handles, VICTIMS,
					  sizeof(__u64), compare);
	scene->guesses += count;
	ret = _free_cmd(fd, &cmd);
	if (ret)
		return complain("control: its own page: %s", strerror(-ret));
	if (cmd.out_count != 1)
		return complain("%u of the guesses between %#llx and %#llx hit",
				cmd.out_count - 1, guesses[0],
				guesses[count - 1]);
	return 0;
}

/* Every slot there may be, in each of its first generations. */
static int guess_in_order(int fd, struct scene *scene, __u64 *guesses)
{
	__u32 n = 0;

	for (__u64 generation = 0; generation < GENERATIONS; generation++) {
		for (__u64 slot = 0; slot < SLOTS; slot++) {
			guesses[n++] = generation << 24 | slot;
			if (n < BATCH - 1)
				continue;
			if (try_batch(fd, scene, guesses, n))
				return 1;
			n = 0;
		}
	}
	return n ? try_batch(fd, scene, guesses, n) : 0;
}

/* The right ones, with one bit or two of them flipped: and the right ones. */
static int guess_nearby(int fd, struct scene *scene, __u64 *guesses)
{
	for (int i = 0; i < VICTIMS; i++) {
		__u32 n = 0;

		guesses[n++] = scene->handles[i];
		for (int bit = 0; bit < 64; bit++)
			guesses[n++] = scene->handles[i] ^ 1ULL << bit;
		for (int bit = 1; bit < 64; bit++)
			guesses[n++] = scene->handles[i] ^ 3ULL << (bit - 1);
		if (try_batch(fd, scene, guesses, n))
			return 1;
	}
	return 0;
}

static int guess_at_random(int fd, struct scene *scene, __u64 *guesses)
{
	for (int i = 0; i < RANDOM_BATCHES; i++) {
		fill_pattern(guesses, BATCH * sizeof(__u64), i);
		if (try_batch(fd, scene, guesses, BATCH - 1))
			return 1;
	}
	return 0;
}

static int guess_by_the_million(void *arg)
{
	__u64 guesses[BATCH];
	int fd = open_as(NOBODY);

	if (fd < 0)
		return 100;
	return guess_in_order(fd, arg, guesses) ?:
	       guess_nearby(fd, arg, guesses) ?:
	       guess_at_random(fd, arg, guesses);
}

TEST_F(guess, a_million_of_them_and_none_hits)
{
	EXPECT_EQ(0, in_child(guess_by_the_million, self->scene));
	TH_LOG("%llu handles tried, %llu of them right, none hit",
	       self->scene->guesses, self->scene->right);
	EXPECT_LE(1000000, self->scene->guesses);
	EXPECT_LE(VICTIMS, self->scene->right);
}

/* === The right handle, by every call ===================================== */

static int every_call_says_not_there(int fd, __u64 handle)
{
	int ret = every_call_refuses(fd, handle);

	if (ret)
		return complain("%#llx: a call answered %s", handle,
				strerror(-ret));
	ret = _give(fd, 1, 1, &handle);
	/* Owner 1 may not be there, or not accept: never told after the page. */
	if (ret != -ENOENT && ret != -ESRCH && ret != -EACCES)
		return complain("%#llx: GIVE: %s", handle, strerror(-ret));
	return 0;
}

static int use_right_handles(void *arg)
{
	struct scene *scene = arg;
	int fd = open_as(NOBODY);
	__u64 own, offset;
	char *at;

	if (fd < 0 || _alloc(fd, 0, 1, &own))
		return 100;
	at = map_blocks(fd, 1, &own);
	if (at == MAP_FAILED || _write_page(fd, own, 0, sizeof(secret), secret) ||
	    memcmp(at, secret, sizeof(secret)))
		return complain("control: its own page can't be used");
	for (int i = 0; i < VICTIMS; i++) {
		if (every_call_says_not_there(fd, scene->handles[i]))
			return 1;
	}

	/* The place where another descriptor has its pages, in this one. */
	offset = place_of(fd, own);
	if (mmap_error(fd, PROT_READ, MAP_SHARED, page_size(),
		       offset))
		return complain("control: its own page can't be mapped");
	for (int i = 0; i < VICTIMS; i++) {
		__u64 place = scene->offset + i * page_size();

		int ret = mmap_error(fd, PROT_READ, MAP_SHARED, page_size(),
				     place);

		if (place != offset && ret != -ENXIO)
			return complain("mmap at the victim's offset %#llx: %s",
					place, strerror(-ret));
	}
	return 0;
}

TEST_F(guess, the_right_handle_opens_nothing_to_another)
{
	EXPECT_EQ(0, in_child(use_right_handles, self->scene));
}

static int use_as_the_same_user(void *arg)
{
	struct scene *scene = arg;
	int fd = open_as(OTHER_USER);

	return fd < 0 ? 100 : every_call_says_not_there(fd, scene->handles[0]);
}

static int use_as_root(void *arg)
{
	struct scene *scene = arg;
	int fd = _open_device(O_RDWR);

	return fd < 0 ? 100 : every_call_says_not_there(fd, scene->handles[0]);
}

TEST_F(guess, nor_to_its_own_user_nor_to_root)
{
	EXPECT_EQ(0, in_child(use_as_the_same_user, self->scene));
	EXPECT_EQ(0, in_child(use_as_root, self->scene));
}

TEST_HARNESS_MAIN
