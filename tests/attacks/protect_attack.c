// SPDX-License-Identifier: GPL-2.0-only
/*
 * More is asked of a mapping than its owner may do: a private copy, to execute,
 * and to write what was opened for reading.
 */
#include <sys/personality.h>
#include <sys/statvfs.h>

#include "admin_util.h"
#include "mapping.h"

/* A copy of one's own, which nobody would zap and fork would share. */
static int map_private(struct target *target, char *bag)
{
	return take_home(mmap(NULL, target_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE, target->fd, target->offset),
			 target_size(), bag);
}

static int map_private_readable(struct target *target, char *bag)
{
	return take_home(mmap(NULL, target_size(), PROT_READ, MAP_PRIVATE,
			      target->fd, target->offset), target_size(), bag);
}

TEST_F(mapping, map_private)
{
	READS(EINVAL, memfd, map_private);
	READS(EINVAL, memfd, map_private_readable);
}

static int map_executable(struct target *target, char *bag)
{
	return take_home(mmap(NULL, target_size(), PROT_READ | PROT_EXEC,
			      MAP_SHARED, target->fd, target->offset),
			 target_size(), bag);
}

static int make_executable(struct target *target, char *bag)
{
	(void)bag;
	return protect(target, 0, PAGES, PROT_READ | PROT_EXEC);
}

/* Where the device lies on a noexec mount, the kernel itself says so. */
static int exec_errno(void)
{
	struct statvfs fs;

	return statvfs(LABYRINTH_DEVICE, &fs) || !(fs.f_flag & ST_NOEXEC) ?
		EACCES : EPERM;
}

TEST_F(mapping, prot_exec)
{
	READS(exec_errno(), memfd, map_executable);
	GETS_HOLD(EACCES, memfd, make_executable);
}

/* 1 or 0 as its line in /proc/self/maps has it, or -errno. */
static int is_executable(char *address)
{
	unsigned long start, end;
	FILE *maps = fopen("/proc/self/maps", "re");
	int ret = -ENOENT;
	char x;

	if (!maps)
		return -errno;
	while (ret < 0 && fscanf(maps, "%lx-%lx %*c%*c%c%*[^\n]\n", &start,
				 &end, &x) == 3) {
		if (start <= (uintptr_t)address && (uintptr_t)address < end)
			ret = x == 'x';
	}
	fclose(maps);
	return ret;
}

/* What old programs ask for without knowing it: readable is executable. */
static int map_implied(struct target *target, char *bag)
{
	char *address;
	int ret;

	(void)bag;
	personality(READ_IMPLIES_EXEC);
	address = mmap(NULL, target_size(), PROT_READ, MAP_SHARED, target->fd,
		       target->offset);
	personality(0);
	if (address == MAP_FAILED)
		return -errno;
	ret = is_executable(address);
	munmap(address, target_size());
	return ret == 1 ? 0 : ret ?: -EACCES;
}

TEST_F(mapping, read_implies_exec)
{
	GETS_HOLD(EACCES, memfd, map_implied);
}

/* === Opened for reading ================================================== */

#define OWNER	"attack.readonly"

FIXTURE(readonly) {
	struct target memfd;
	struct target secret;
	char *bag;
};

/* Pages of a named owner's, that an administrator has put there. */
static int fill_owner(struct target *target)
{
	int fd = _open_device(O_RDWR);
	int ret = fd < 0 ? fd : _attach(fd, OWNER);

	ret = ret ?: _alloc(fd, 0, PAGES, target->handles);
	for (int i = 0; i < PAGES && !ret; i++)
		ret = put_pattern(fd, target->handles[i], page_size(),
				  target->seed + i);
	close(fd);
	return ret;
}

static int map_readable(struct target *target)
{
	target->address = mmap(NULL, target_size(), PROT_READ, MAP_SHARED,
			       target->fd, target->offset);
	return target->address == MAP_FAILED ? -errno : 0;
}

FIXTURE_SETUP(readonly)
{
	struct owner_options options = {
		.uid = NOBODY, .gid = NOBODY, .mode = 0600,
	};

	survive_touching();
	self->bag = shared_memory(target_size());
	ASSERT_NE(MAP_FAILED, self->bag);
	ASSERT_EQ(0, lay_memfd(&self->memfd, 1000));
	ASSERT_EQ(0, map_readable(&self->memfd));
	owner_del(OWNER);
	ASSERT_EQ(0, owner_add(OWNER, options));
	self->secret.seed = 3000;
	ASSERT_EQ(0, fill_owner(&self->secret));
	ASSERT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
					    LABYRINTH_A_OWNER_ATTACHED)));
	ASSERT_EQ(0, become_nobody());
	self->secret.fd = test_open_device(O_RDONLY);
	test_attach(self->secret.fd, OWNER);
	test_map(self->secret.fd, PAGES, self->secret.handles,
		 &self->secret.offset);
	ASSERT_EQ(0, map_readable(&self->secret));
}

/* In the parent, which is root as before. */
FIXTURE_TEARDOWN_PARENT(readonly)
{
	owner_del(OWNER);
}

static int make_writable(struct target *target, char *bag)
{
	int ret = protect(target, 0, PAGES, PROT_READ | PROT_WRITE);

	if (!ret)
		memcpy(target->address, bag, target_size());
	return ret;
}

static int map_writable(struct target *target, char *bag)
{
	char *address = mmap(NULL, target_size(), PROT_READ | PROT_WRITE,
			     MAP_SHARED, target->fd, target->offset);

	if (address == MAP_FAILED)
		return -errno;
	memcpy(address, bag, target_size());
	munmap(address, target_size());
	return 0;
}

TEST_F(readonly, mprotect)
{
	EXPECT_EQ(SIGSEGV, touch(self->secret.address, true));
	WRITES(EACCES, memfd, make_writable);
	EXPECT_EQ(SIGSEGV, touch(self->secret.address, true));
}

TEST_F(readonly, mmap)
{
	WRITES(EACCES, memfd, map_writable);
}

TEST_HARNESS_MAIN
