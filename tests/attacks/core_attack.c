// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a core dump has in it: all of the process's ordinary memory, and nothing
 * of what it mapped from the device, however much it asks for that.
 */
#include "mapping.h"

/* Where cores go: attacks.sh has made it, and set the pattern to "core". */
#define CORE	"core"

struct victim {
	struct target memfd, anonymous, secret;
	int advised;
};

/* Ordinary memory was kept out of dumps before; all is asked for afterwards. */
static int ask_for_dump(struct target *target)
{
	if (!target->handles[0] &&
	    madvise(target->address, target_size(), MADV_DONTDUMP))
		return -errno;
	return madvise(target->address, target_size(), MADV_DODUMP) ? -errno : 0;
}

/* Every kind of memory. */
static int filter_nothing(void)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, "0x1ff", 5) == 5;

	close(fd);
	return written ? 0 : -EIO;
}

static int die(struct victim *victim, bool root)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	int ret;

	if (setrlimit(RLIMIT_CORE, &limit))
		return errno;
	ret = root ? 0 : become_nobody();
	ret = ret ?: filter_nothing();
	ret = ret ?: lay_memfd(&victim->memfd, 100);
	ret = ret ?: lay_anonymous(&victim->anonymous, 200);
	ret = ret ?: lay_secret(&victim->secret, 300);
	ret = ret ?: ask_for_dump(&victim->memfd);
	ret = ret ?: ask_for_dump(&victim->anonymous);
	if (ret)
		return -ret;
	victim->advised = ask_for_dump(&victim->secret);
	abort();
}

/* NULL if there is none. */
static void *read_core(size_t *size)
{
	int fd = open(CORE, O_RDONLY | O_CLOEXEC);
	void *core = NULL;
	struct stat stat;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &stat) && stat.st_size) {
		*size = stat.st_size;
		core = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	return core == MAP_FAILED ? NULL : core;
}

FIXTURE(core) {
	struct victim *victim;
};

FIXTURE_VARIANT(core) {
	bool root;
};

FIXTURE_VARIANT_ADD(core, nobody) { .root = false };
FIXTURE_VARIANT_ADD(core, root) { .root = true };

FIXTURE_SETUP(core)
{
	const char *dir = getenv("ATTACKS_DIR");

	ASSERT_NE(NULL, dir) {
		TH_LOG("ATTACKS_DIR is not set: attacks.sh does that");
	}
	ASSERT_EQ(0, chdir(dir));
	unlink(CORE);
	self->victim = shared_memory(sizeof(*self->victim));
	ASSERT_NE(MAP_FAILED, self->victim);
}

FIXTURE_TEARDOWN(core)
{
	unlink(CORE);
}

TEST_F(core, dump)
{
	struct victim *victim = self->victim;
	size_t size = 0;
	char *core;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(die(victim, variant->root));
	ASSERT_EQ(DIES_OF(SIGABRT), reap(pid));
	core = read_core(&size);
	ASSERT_NE(NULL, core) {
		TH_LOG("the process died without a core in %s",
		       getenv("ATTACKS_DIR"));
	}
	CONTROL(finds_target(core, size, &victim->memfd) ? 0 : -ENODATA);
	CONTROL(finds_target(core, size, &victim->anonymous) ? 0 : -ENODATA);
	REFUSED(EINVAL, victim->advised);
	EXPECT_FALSE(finds_target(core, size, &victim->secret)) {
		TH_LOG("the owner's contents are in the core");
	}
}

TEST_HARNESS_MAIN
