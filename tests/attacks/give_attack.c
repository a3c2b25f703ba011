// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving at the worst moment: to oneself, to an owner that is dead or is being
 * killed, while root revokes, while a thread goes on writing through the mapping.
 * Each page is its giver's as before, or it has arrived as it was given, or it
 * is gone; who gave it can't touch it any more.
 *
 * The controls: what is passed on as a memfd is still its sender's to change; and
 * undisturbed, every page arrives.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "fd_passing.h"
#include "victim.h"

#define SECONDS	10
#define INBOX	64

/* Shared by all processes of a test. */
struct market {
	atomic_uint giver;	/* owner numbers, 0: none just now */
	atomic_uint receiver;
	atomic_bool stop;
	bool revoking;		/* any page may go at any time */
	atomic_ulong given;
	atomic_ulong kept;	/* GIVE was refused: as before */
	atomic_ulong lost;	/* revoked before it could be given */
	atomic_ulong arrived;
	atomic_ulong vanished;	/* revoked after it had arrived */
	int socket;
};

FIXTURE(market) {
	struct market *market;
};

FIXTURE_SETUP(market)
{
	ASSERT_TRUE(all_pages_are_back());
	self->market = mmap(NULL, sizeof(*self->market), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->market);
}

FIXTURE_TEARDOWN(market)
{
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, verify_result());
}

/* === A page on offer ===================================================== */

struct offer {
	int fd;
	__u64 handle;
	char *at;
	__u64 seed;
};

/* A page full of a pattern that its tag tells, mapped. 0 or -errno. */
static int make_offer(struct offer *offer)
{
	int ret = take_pages(offer->fd, 1, &offer->handle);
	char *page;

	if (ret)
		return ret;
	offer->seed++;
	offer->at = map_blocks(offer->fd, 1, &offer->handle);
	/* Revoked already: neither is an error here. */
	if (offer->at == MAP_FAILED)
		return -ENOENT;
	page = malloc(page_size());
	fill_pattern(page, page_size(), offer->seed);
	ret = _write_page(offer->fd, offer->handle, 0, page_size(), page);
	free(page);
	ret = ret ?: _set(offer->fd, LABYRINTH_SET_TAG, offer->handle,
			  offer->seed, 0);
	return ret;
}

static void drop_offer(struct offer *offer)
{
	if (offer->at != MAP_FAILED)
		munmap(offer->at, page_size());
	_free_pages(offer->fd, 1, &offer->handle);
}

static int is_out_of_reach(struct offer *offer)
{
	if (offer->at != MAP_FAILED && !is_gone(offer->at, 1))
		return complain("page %llu: its giver's mapping answers",
				offer->seed);
	if (every_call_refuses(offer->fd, offer->handle))
		return complain("page %llu: its giver's handle is good",
				offer->seed);
	return 0;
}

static int is_as_before(struct offer *offer)
{
	int ret = check_pattern(offer->fd, offer->handle, page_size(),
				offer->seed);

	if (!ret && !shows_pattern(offer->at, page_size(), offer->seed))
		ret = -EBADMSG;
	return ret ? complain("page %llu, which was not given: %s", offer->seed,
			      strerror(-ret)) : 0;
}

/* === To oneself, to the dead ============================================= */

static int dies_with_its_owner(void *arg)
{
	struct market *market = arg;
	int fd = open_as(NOBODY);

	if (fd < 0 || _accept(fd, LABYRINTH_ACCEPT_ANY, INBOX))
		return 100;
	market->receiver = owner_number(fd);
	raise(SIGKILL);
	return 101;
}

static int gives_badly(void *arg)
{
	struct market *market = arg;
	struct offer offer = { .fd = open_as(NOBODY) };
	int other = _open_device(O_RDWR), ret;

	survive_touching();
	if (offer.fd < 0 || other < 0 || make_offer(&offer) ||
	    _accept(other, LABYRINTH_ACCEPT_ANY, INBOX) ||
	    _accept(offer.fd, LABYRINTH_ACCEPT_ANY, INBOX))
		return 100;
	ret = _give(offer.fd, owner_number(offer.fd), 1, &offer.handle);
	if (ret != -EINVAL)
		return complain("to oneself: %s", strerror(-ret));
	ret = _give(offer.fd, market->receiver, 1, &offer.handle);
	if (ret != -ESRCH)
		return complain("to the dead: %s", strerror(-ret));
	if (is_as_before(&offer) || inbox_used(offer.fd))
		return 1;
	/* The control. */
	ret = _give(offer.fd, owner_number(other), 1, &offer.handle);
	if (ret)
		return complain("control: to another: %s", strerror(-ret));
	return is_out_of_reach(&offer);
}

TEST_F(market, nobody_gives_to_itself_or_to_the_dead)
{
	EXPECT_EQ(256 + SIGKILL, in_child(dies_with_its_owner, self->market));
	EXPECT_EQ(0, in_child(gives_badly, self->market));
}

/* === Givers and receivers ================================================ */

/* Every page ends in one of three ways, and each is looked at. */
static int keeps_giving(void *arg)
{
	struct market *market = arg;
	struct offer offer = { .fd = open_as(NOBODY) };
	int bad = 0;

	survive_touching();
	if (offer.fd < 0)
		return 100;
	market->giver = owner_number(offer.fd);
	while (!market->receiver && !market->stop)
		usleep(1000);
	while (!bad && !market->stop) {
		int ret = make_offer(&offer);

		ret = ret ?: _give(offer.fd, market->receiver, 1,
				   &offer.handle);
		switch (ret) {
		case 0:
			market->given++;
			bad = is_out_of_reach(&offer);
			break;
		case -ENOENT:
			market->lost++;
			bad = is_out_of_reach(&offer);
			break;
		case -ESRCH:
		case -EACCES:
		case -ENOSPC:
		case -EDQUOT:
			market->kept++;
			bad = market->revoking ? 0 : is_as_before(&offer);
			break;
		default:
			bad = complain("GIVE: %s", strerror(-ret));
		}
		drop_offer(&offer);
	}
	return bad;
}

/* 0: as it was given. -ENOENT: it was revoked. */
static int look_at_arrival(int fd, __u64 handle)
{
	struct labyrinth_query query;
	int ret = _query(fd, 0, handle, &query);

	ret = ret ?: check_pattern(fd, handle, page_size(), query.out_tag);
	return ret ?: _free_pages(fd, 1, &handle);
}

/* Takes and looks, for some while or until the market closes. */
static int receive(struct market *market, int fd, unsigned int most)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	__u64 handles[INBOX];

	while (!market->stop && most) {
		int n = take_up_to(fd, INBOX, handles);

		if (n == -EAGAIN) {
			poll(&pollfd, 1, 10);
			continue;
		}
		if (n < 0)
			return complain("TAKE: %s", strerror(-n));
		for (int i = 0; i < n; i++) {
			int ret = look_at_arrival(fd, handles[i]);

			if (ret && ret != -ENOENT)
				return complain("what arrived: %s",
						strerror(-ret));
			if (ret)
				market->vanished++;
			else
				market->arrived++;
		}
		most--;
	}
	return 0;
}

static int keeps_receiving(void *arg)
{
	struct market *market = arg;
	int fd = open_as(NOBODY);

	if (fd < 0 || _accept(fd, LABYRINTH_ACCEPT_UID, INBOX))
		return 100;
	market->receiver = owner_number(fd);
	return receive(market, fd, -1);
}

/* It dies in the middle of receiving, as often as it is started. */
static int receives_and_dies(void *arg)
{
	struct market *market = arg;
	int fd = open_as(NOBODY);

	if (fd < 0 || _accept(fd, LABYRINTH_ACCEPT_UID, INBOX))
		return 100;
	market->receiver = owner_number(fd);
	if (receive(market, fd, 1 + random() % 3))
		return 101;
	raise(SIGKILL);
	return 102;
}

static void tell(struct __test_metadata *_metadata, struct market *market)
{
	TH_LOG("given %lu (arrived %lu, revoked then %lu), kept %lu, revoked before %lu",
	       market->given, market->arrived, market->vanished, market->kept,
	       market->lost);
}

TEST_F(market, to_receivers_that_are_killed)
{
	struct market *market = self->market;
	time_t end = now_seconds() + SECONDS;
	pid_t giver = spawn(keeps_giving, market);
	int deaths = 0;

	while (now_seconds() < end) {
		ASSERT_EQ(256 + SIGKILL, in_child(receives_and_dies, market));
		deaths++;
		/* Who gives to the dead is told so. */
		usleep(1000);
	}
	market->stop = true;
	EXPECT_EQ(0, reap(giver));
	tell(_metadata, market);
	EXPECT_LT(0, market->arrived);
	EXPECT_LT(0, market->kept) {
		TH_LOG("control: nothing was ever given to one of %d dead",
		       deaths);
	}
}

TEST_F(market, while_root_revokes)
{
	struct market *market = self->market;
	long long taken = 0, from_receiver = 0;
	pid_t receiver, giver;
	time_t end;

	market->revoking = true;
	receiver = spawn(keeps_receiving, market);
	ASSERT_TRUE(WAIT_UNTIL(market->receiver));
	giver = spawn(keeps_giving, market);
	ASSERT_TRUE(WAIT_UNTIL(market->arrived > 100)) {
		TH_LOG("control: undisturbed, nothing arrives either");
	}
	EXPECT_EQ(0, market->vanished + market->lost) {
		TH_LOG("control: undisturbed, pages are lost");
	}

	end = now_seconds() + SECONDS;
	while (now_seconds() < end) {
		long long n = revoke_from(market->giver, NULL, 0);

		ASSERT_LE(0, n);
		taken += n;
		n = revoke_from(market->receiver, NULL, 0);
		ASSERT_LE(0, n);
		from_receiver += n;
	}
	market->stop = true;
	EXPECT_EQ(0, reap(giver));
	EXPECT_EQ(0, reap(receiver));
	tell(_metadata, market);
	TH_LOG("revoked %lld from the giver, %lld from the receiver", taken,
	       from_receiver);
	EXPECT_LT(0, market->lost) {
		TH_LOG("control: none was ever revoked from the giver in time");
	}
	EXPECT_LE(market->lost, taken);
	EXPECT_LT(0, from_receiver);
	/* What did not arrive was revoked, or waits in the end. */
	EXPECT_LE(market->arrived + market->vanished, market->given);
	EXPECT_LE(market->given,
		  market->arrived + market->vanished + from_receiver + INBOX);
}

/* === Writing goes on ===================================================== */

struct scribe {
	char *_Atomic at;
	atomic_bool stop;
	unsigned long landed;
};

static void *scribble(void *arg)
{
	struct scribe *scribe = arg;
	__u64 word = 0;

	while (!scribe->stop) {
		char *at = scribe->at;

		if (at && !try_store(at + 8 * (word % 512), word))
			scribe->landed++;
		word++;
	}
	return NULL;
}

static int gives_and_scribbles(void *arg)
{
	struct market *market = arg;
	struct offer offer = { .fd = open_as(NOBODY) };
	struct scribe scribe = {};
	pthread_t thread;
	int ret = 0;

	survive_touching();
	if (offer.fd < 0 || pthread_create(&thread, NULL, scribble, &scribe))
		return 100;
	while (!ret && !market->stop) {
		ret = make_offer(&offer);
		scribe.at = offer.at;
		sched_yield();
		ret = ret ?: _give(offer.fd, market->receiver, 1,
				   &offer.handle);
		if (ret == -ENOSPC)
			ret = 0;
		/* The mapping stays until the next one is there. */
		if (!ret && await_peer(market->socket))
			ret = -EPIPE;
		scribe.at = NULL;
		munmap(offer.at, page_size());
		_free_pages(offer.fd, 1, &offer.handle);
	}
	scribe.stop = true;
	pthread_join(thread, NULL);
	return ret ? complain("GIVE: %s", strerror(-ret)) : !scribe.landed;
}

static bool stays_the_same(const char *at)
{
	char *before = malloc(page_size());
	bool same = true;

	memcpy(before, at, page_size());
	for (int i = 0; i < 20 && same; i++) {
		sched_yield();
		same = !memcmp(before, at, page_size());
	}
	free(before);
	return same;
}

/* The control: a memfd that was sent still changes under its receiver. */
static bool memfd_changes(void)
{
	struct scribe scribe = {};
	int sockets[2], fd;
	pthread_t thread;
	char *at;
	bool changed;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) ||
	    send_fd(sockets[0], secret_memfd()))
		return false;
	fd = receive_fd(sockets[1]);
	scribe.at = map_at(fd, PROT_READ | PROT_WRITE, page_size(), 0);
	at = map_at(fd, PROT_READ, page_size(), 0);
	if (pthread_create(&thread, NULL, scribble, &scribe))
		return false;
	changed = WAIT_UNTIL(!stays_the_same(at));
	scribe.stop = true;
	pthread_join(thread, NULL);
	return changed;
}

TEST_F(market, what_was_given_does_not_change)
{
	int fd = test_open_device(O_RDWR), sockets[2];
	struct market *market = self->market;
	unsigned long seen = 0;
	time_t end;
	pid_t pid;

	survive_touching();
	ASSERT_TRUE(memfd_changes()) {
		TH_LOG("control: what was sent as a memfd does not change");
	}
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	market->socket = sockets[1];
	test_accept(fd, LABYRINTH_ACCEPT_ANY, INBOX);
	market->receiver = owner_number(fd);
	pid = spawn(gives_and_scribbles, market);
	for (end = now_seconds() + SECONDS; now_seconds() < end; seen++) {
		__u64 handle;
		char *at;

		ASSERT_TRUE(WAIT_UNTIL(!_take(fd, 1, &handle)));
		at = test_map_blocks(fd, 1, &handle);
		ASSERT_TRUE(stays_the_same(at)) {
			TH_LOG("page %lu is written to by who gave it", seen);
		}
		munmap(at, page_size());
		test_free(fd, 1, &handle);
		if (now_seconds() >= end)
			market->stop = true;
		ASSERT_EQ(0, signal_peer(sockets[0]));
	}
	market->stop = true;
	/* It may be in the middle of one more. */
	signal_peer(sockets[0]);
	EXPECT_EQ(0, reap(pid));
	TH_LOG("%lu pages did not change", seen);
	EXPECT_LT(10, seen);
	close(fd);
}

TEST_HARNESS_MAIN
