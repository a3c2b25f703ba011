// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody acts with rights that are not theirs: attaches another's named
 * owner, or administrates through a netlink socket that has crossed a change
 * of privilege. The controls: who may, does the same and is served.
 */
#include "fd_passing.h"
#include "victim.h"

#define THEIRS	"attack.theirs"	/* OTHER_USER's, with a page */
#define OWN	"attack.own"	/* nobody's */
#define NEW	"attack.new"

static void remove_owners(void)
{
	owner_del(THEIRS);
	owner_del(OWN);
	owner_del(NEW);
}

static int add_owner(const char *name, uid_t uid, __u32 mode)
{
	return owner_add(name, (struct owner_options){
		.uid = uid, .gid = OTHER_GROUP, .mode = mode });
}

/* A page with the secret in it, that waits for its owner. */
static int fill_owner(const char *name, __u64 *handle)
{
	int fd = _open_device(O_RDWR);
	int ret = fd < 0 ? fd : _attach(fd, name);

	ret = ret ?: _alloc(fd, 0, 1, handle);
	ret = ret ?: _write_page(fd, *handle, 0, sizeof(secret), secret);
	close(fd);
	return ret;
}

/* === ATTACH ============================================================== */

FIXTURE(attach) {
	__u64 theirs;
	__u64 own;
};

FIXTURE_SETUP(attach)
{
	remove_owners();
	ASSERT_EQ(0, add_owner(OWN, NOBODY, 0600));
	ASSERT_EQ(0, fill_owner(OWN, &self->own));
	ASSERT_EQ(0, add_owner(THEIRS, OTHER_USER, 0600));
	ASSERT_EQ(0, fill_owner(THEIRS, &self->theirs));
}

FIXTURE_TEARDOWN(attach)
{
	remove_owners();
}

/* Attaches @name and reads the secret from @handle: 0 or -errno. */
static int break_in(const char *name, __u64 handle, int flags)
{
	char buffer[sizeof(secret)] = {};
	int fd = _open_device(flags);
	int ret = fd < 0 ? -ENODEV : _attach(fd, name);

	if (!ret && flags != O_WRONLY)
		ret = _read_page(fd, handle, 0, sizeof(buffer), buffer);
	if (!ret && flags != O_WRONLY && memcmp(buffer, secret, sizeof(secret)))
		ret = -EBADMSG;
	close(fd);
	return ret;
}

static int nobody_breaks_in(void *arg)
{
	FIXTURE_DATA(attach) *self = arg;
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE };
	int ret;

	if (turn_into(NOBODY))
		return 100;
	ret = break_in(OWN, self->own, O_RDWR);
	if (ret)
		return complain("control: its own: %s", strerror(-ret));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		ret = break_in(THEIRS, self->theirs, flags[i]);
		if (ret != -EACCES)
			return complain("opened with %#o: %s", flags[i],
					strerror(-ret));
		/* As it was, a second later too. */
		ret = break_in(OWN, self->own, O_RDWR);
		if (ret)
			return complain("its own, after it: %s", strerror(-ret));
	}
	return 0;
}

TEST_F(attach, of_anothers_owner_is_refused_to_nobody)
{
	static const __u32 modes[] = { 0600, 0660, 0700, 0770, 0000, 0111 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		ASSERT_EQ(0, owner_set_named(THEIRS, LABYRINTH_A_OWNER_MODE,
					     modes[i]));
		EXPECT_EQ(0, in_child(nobody_breaks_in, self)) {
			TH_LOG("mode %03o", modes[i]);
		}
	}
	/* The control of the refusals: the bits are what it hung on. */
	ASSERT_EQ(0, owner_set_named(THEIRS, LABYRINTH_A_OWNER_MODE, 0606));
	EXPECT_NE(0, in_child(nobody_breaks_in, self));
}

/* Opened as root: the descriptor must not carry that right on. */
static int once_root_breaks_in(void *arg)
{
	FIXTURE_DATA(attach) *self = arg;
	int device = _open_device(O_RDWR), own = _open_device(O_RDWR);

	(void)self;
	if (device < 0 || own < 0 || turn_into(NOBODY))
		return 100;
	if (_attach(own, OWN))
		return complain("control: its own");
	return _attach(device, THEIRS) == -EACCES ? 0 :
	       complain("a descriptor opened as root attached it");
}

TEST_F(attach, by_a_descriptor_opened_as_root_is_refused_to_nobody)
{
	EXPECT_EQ(0, in_child(once_root_breaks_in, self));
}

/* Its mode changes all the time, from one that is not enough to another. */
static int nobody_tries_often(void *arg)
{
	FIXTURE_DATA(attach) *self = arg;
	int ret;

	if (turn_into(NOBODY))
		return 100;
	for (int i = 0; i < 3000; i++) {
		ret = break_in(THEIRS, self->theirs, O_RDWR);
		if (ret != -EACCES)
			return complain("try %d: %s", i, strerror(-ret));
	}
	return break_in(OWN, self->own, O_RDWR);
}

TEST_F(attach, while_its_mode_changes_is_refused_to_nobody)
{
	pid_t pid = spawn(nobody_tries_often, self);
	int status;

	/* Read for all, or write for all: never both at once. */
	while (!waitpid(pid, &status, WNOHANG)) {
		ASSERT_EQ(0, owner_set_named(THEIRS, LABYRINTH_A_OWNER_MODE,
					     0604));
		ASSERT_EQ(0, owner_set_named(THEIRS, LABYRINTH_A_OWNER_MODE,
					     0602));
	}
	EXPECT_EQ(0, status);
}

/* === Netlink ============================================================= */

static struct nl_message msg;

static const int admin_commands[] = {
	LABYRINTH_CMD_RESERVE_SET,
	LABYRINTH_CMD_LATENCY_SET,
	LABYRINTH_CMD_VERIFY,
	LABYRINTH_CMD_OWNER_ADD,
	LABYRINTH_CMD_OWNER_SET,
	LABYRINTH_CMD_REVOKE,
	LABYRINTH_CMD_OWNER_DEL,
};

static void put_attributes(int command, const char *name, const char *added)
{
	switch (command) {
	case LABYRINTH_CMD_RESERVE_SET:
		nl_put_u64(&msg, LABYRINTH_A_RESERVE_LOW, 0);
		break;
	case LABYRINTH_CMD_LATENCY_SET:
		nl_put_u64(&msg, LABYRINTH_A_LATENCY_DEADLINE, 0);
		break;
	case LABYRINTH_CMD_OWNER_ADD:
		nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, added);
		break;
	case LABYRINTH_CMD_OWNER_SET:
		nl_put_u64(&msg, LABYRINTH_A_OWNER_QUOTA, 1000);
		nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, name);
		break;
	case LABYRINTH_CMD_REVOKE:
	case LABYRINTH_CMD_OWNER_DEL:
		nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, name);
		break;
	}
}

/* 0 if each answers @expected. @name: whom they are for. */
static int every_command_answers(struct nl *nl, int expected, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(admin_commands); i++) {
		int ret;

		nl_start(nl, &msg, admin_commands[i], 0);
		put_attributes(admin_commands[i], name, NEW);
		ret = nl_call(nl, &msg);
		if (ret != expected)
			return complain("command %d of %s: %s, not %s",
					admin_commands[i], name, strerror(-ret),
					strerror(-expected));
	}
	return 0;
}

struct listed {
	__u64 theirs;		/* a handle */
	int found;
	int others;		/* pages of owners that are not nobody's */
};

static int see_page(const struct nlmsghdr *nlh, void *arg)
{
	struct listed *listed = arg;

	listed->others++;
	if (nl_get(nlh, LABYRINTH_A_PAGE_HANDLE) == listed->theirs)
		listed->found++;
	return 0;
}

/* Does the socket show @theirs, in a dump and by its handle? */
static int shows_page(struct nl *nl, __u64 theirs, bool expected)
{
	struct listed listed = { .theirs = theirs };
	int ret;

	nl_start(nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	ret = nl_run(nl, &msg, see_page, &listed);
	if (ret || listed.found != expected || (!expected && listed.others))
		return complain("a dump shows %d of one page, and %d others",
				listed.found, listed.others - listed.found);
	nl_start(nl, &msg, LABYRINTH_CMD_PAGE_GET, 0);
	nl_put_u64(&msg, LABYRINTH_A_PAGE_HANDLE, theirs);
	ret = nl_call(nl, &msg);
	if (ret != (expected ? 0 : -ENOENT))
		return complain("PAGE_GET of it: %s", strerror(-ret));
	return 0;
}

FIXTURE(netlink) {
	__u64 theirs;
	int fd;			/* root's, with a page */
	__u64 own;
	int socket;
	struct nl roots;
	struct books before;
};

FIXTURE_SETUP(netlink)
{
	remove_owners();
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, add_owner(THEIRS, OTHER_USER, 0600));
	ASSERT_EQ(0, fill_owner(THEIRS, &self->theirs));
	self->fd = test_open_device(O_RDWR);
	test_alloc(self->fd, 0, 1, &self->own);
	ASSERT_EQ(0, nl_open(&self->roots));
	/* The control. NEW is made, used and removed by it. */
	ASSERT_EQ(0, every_command_answers(&self->roots, 0, NEW));
	ASSERT_EQ(0, reserve_set(self->before.low, KEEP, KEEP));
	ASSERT_EQ(0, shows_page(&self->roots, self->theirs, true));
	ASSERT_EQ(0, shows_page(&self->roots, self->own, true));
}

FIXTURE_TEARDOWN(netlink)
{
	char buffer[sizeof(secret)] = {};
	int fd = _open_device(O_RDWR);
	struct books books;

	/* Nothing of what was tried has happened. */
	EXPECT_EQ(0, books_get(&books));
	EXPECT_EQ(self->before.low, books.low);
	EXPECT_EQ(NL_ABSENT, owner_value(NEW, LABYRINTH_A_OWNER_ID));
	EXPECT_NE(1000, owner_value(THEIRS, LABYRINTH_A_OWNER_QUOTA));
	EXPECT_EQ(0, _attach(fd, THEIRS));
	EXPECT_EQ(0, _read_page(fd, self->theirs, 0, sizeof(buffer), buffer));
	EXPECT_EQ(0, memcmp(buffer, secret, sizeof(secret)));
	close(fd);
	close(self->fd);
	nl_close(&self->roots);
	remove_owners();
}

static int is_worth_nothing(struct nl *nl, FIXTURE_DATA(netlink) *self)
{
	return every_command_answers(nl, -EPERM, THEIRS) ?:
	       shows_page(nl, self->theirs, false) ?:
	       shows_page(nl, self->own, false);
}

static int nobody_with_roots_socket(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;

	if (turn_into(NOBODY))
		return 100;
	return is_worth_nothing(&self->roots, self);
}

TEST_F(netlink, a_socket_that_root_opened_is_worth_nothing_to_nobody)
{
	EXPECT_EQ(0, in_child(nobody_with_roots_socket, self));
}

/* As a program that is set-uid root does: nobody's, and root's again. */
static int gains_root(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	struct nl nl, after;

	if (setresuid(NOBODY, NOBODY, 0) || nl_open(&nl))
		return 100;
	if (is_worth_nothing(&nl, self))
		return complain("as nobody");
	if (seteuid(0) || nl_open(&after))
		return 101;
	if (shows_page(&after, self->theirs, true))
		return complain("control: root is not root again");
	return is_worth_nothing(&nl, self);
}

TEST_F(netlink, a_socket_that_nobody_opened_gains_nothing_with_root)
{
	EXPECT_EQ(0, in_child(gains_root, self));
}

static int opens_for_root(void *arg)
{
	struct nl nl;

	if (turn_into(NOBODY) || nl_open(&nl))
		return 100;
	return send_fd(*(int *)arg, nl.fd) ? 101 : 0;
}

TEST_F(netlink, a_socket_that_nobody_sent_is_worth_nothing_to_root)
{
	struct nl nl = self->roots;
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	EXPECT_EQ(0, in_child(opens_for_root, &sockets[1]));
	nl.fd = receive_fd(sockets[0]);
	ASSERT_LE(0, nl.fd);
	EXPECT_EQ(0, is_worth_nothing(&nl, self));
	nl_close(&nl);
}

static int root_of_a_namespace(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	struct nl nl;

	if (turn_into(NOBODY))
		return 100;
	if (unshare(CLONE_NEWUSER))
		return errno == EPERM ? KSFT_SKIP : 101;
	if (nl_open(&nl))
		return 102;
	return is_worth_nothing(&nl, self) ?:
	       is_worth_nothing(&self->roots, self);
}

TEST_F(netlink, root_of_a_user_namespace_is_nobody)
{
	int ret = in_child(root_of_a_namespace, self);

	if (ret == KSFT_SKIP)
		SKIP(return, "this kernel lets nobody make no user namespace");
	EXPECT_EQ(0, ret);
}

/* === A dump under way ==================================================== */

#define MANY	1500		/* pages of nobody's: more than one message holds */
#define ROOTS	300

/* Asks on root's socket, but does not read. */
static int nobody_asks(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	__u64 handles[MANY / 2];
	int fd, ret;

	if (turn_into(NOBODY))
		return 100;
	fd = _open_device(O_RDWR);
	ret = fd < 0 ? fd : take_pages(fd, MANY / 2, handles);
	ret = ret ?: take_pages(fd, MANY / 2, handles);
	if (ret)
		return complain("nobody's pages: %s", strerror(-ret));
	nl_start(&self->roots, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	if (send(self->roots.fd, msg.request, nl_request(&msg)->nlmsg_len,
		 0) < 0)
		return 101;
	/* Its pages are there for as long as the dump takes. */
	fd = owner_number(fd);
	return write(self->socket, &fd, sizeof(fd)) != sizeof(fd) ||
	       await_peer(self->socket);
}

struct told {
	int messages;
	int own;		/* nobody's pages */
	int others;
};

/* Reads one buffer full: 1 once it was the last. */
static int read_on(int fd, __u32 nobodys, struct told *told)
{
	_Alignas(8) char buffer[32768];
	ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
	struct nlmsghdr *nlh = (void *)buffer;

	if (length < 0)
		return -errno;
	told->messages++;
	for (; NLMSG_OK(nlh, length); nlh = NLMSG_NEXT(nlh, length)) {
		if (nlh->nlmsg_type == NLMSG_DONE ||
		    nlh->nlmsg_type == NLMSG_ERROR)
			return 1;
		if (nl_get(nlh, LABYRINTH_A_PAGE_OWNER) == nobodys)
			told->own++;
		else
			told->others++;
	}
	return 0;
}

/* While root reads it, it is still nobody who asked. */
TEST_F(netlink, a_dump_that_nobody_asked_for_is_nobodys_whoever_reads)
{
	__u64 handles[ROOTS];
	struct told told = {};
	int sockets[2], ret;
	__u32 nobodys;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	self->socket = sockets[1];
	pid = spawn(nobody_asks, self);
	close(sockets[1]);
	ASSERT_EQ(sizeof(nobodys), read(sockets[0], &nobodys, sizeof(nobodys)));
	test_alloc(self->fd, 0, ROOTS, handles);
	do {
		ret = read_on(self->roots.fd, nobodys, &told);
	} while (!ret);
	EXPECT_EQ(1, ret);
	ASSERT_EQ(0, signal_peer(sockets[0]));
	EXPECT_EQ(0, reap(pid));
	EXPECT_LT(1, told.messages) {
		TH_LOG("control: all was told at once");
	}
	EXPECT_EQ(MANY, told.own);
	EXPECT_EQ(0, told.others) {
		TH_LOG("pages that are not nobody's were told of");
	}
}

TEST_HARNESS_MAIN
