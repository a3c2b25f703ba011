// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mapping is moved, copied, grown, split and covered: nowhere may it show
 * more than the owner's pages, and nothing of them once they are freed.
 */
#include "mapping.h"

/* Half of the target is mapped once more, and made to reach what lies behind. */
static int grow(struct target *target, char *bag)
{
	size_t half = target_size() / 2;
	char *address = mmap(NULL, half, PROT_READ, MAP_SHARED, target->fd,
			     target->offset);
	char *grown;
	int ret;

	if (address == MAP_FAILED)
		return -EPROTO;
	grown = mremap(address, half, target_size(), MREMAP_MAYMOVE);
	ret = take_home(grown, target_size(), bag);
	if (ret)
		munmap(address, half);
	return ret;
}

TEST_F(mapping, mremap_grows)
{
	READS(EFAULT, memfd, grow);
}

/* An old length of 0 asks for a second mapping. */
static int duplicate(struct target *target, char *bag)
{
	return take_home(mremap(target->address, 0, target_size(),
				MREMAP_MAYMOVE), target_size(), bag);
}

TEST_F(mapping, mremap_duplicates)
{
	READS(EFAULT, memfd, duplicate);
}

/* The pages go elsewhere, and the old mapping stays for others to come. */
static int leave_old(struct target *target, char *bag)
{
	return take_home(mremap(target->address, target_size(), target_size(),
				MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL),
			 target_size(), bag);
}

TEST_F(mapping, mremap_dontunmap)
{
	READS(EINVAL, anonymous, leave_old);
	EXPECT_FALSE(is_intact(&self->anonymous)) {
		TH_LOG("the control left the contents where they were");
	}
}

/* The first page there that a touch does not answer with SIGBUS; -1: none. */
static int first_reached(char *address)
{
	for (int i = 0; i < PAGES; i++) {
		if (touch(page_of(address, i), false) != SIGBUS)
			return i;
	}
	return -1;
}

/*
 * Another owner gets pages, likely the same: no touch through the old mapping
 * may reach them.
 */
static int next_owner_is_alone(char *address)
{
	struct target next = {};
	int ret = lay_secret(&next, 5000);

	for (int i = 0; i < PAGES && !ret; i++) {
		if (!touch(page_of(address, i), false) ||
		    !touch(page_of(address, i), true))
			ret = -EEXIST;
	}
	if (!ret && !is_intact(&next))
		ret = -EBADMSG;
	close(next.fd);
	return ret;
}

static int free_secret(struct target *target)
{
	return _free_pages(target->fd, PAGES, target->handles);
}

static char *move(struct target *target, int first, int count)
{
	char *place = mmap(NULL, target_size(), PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mremap(page_of(target->address, first), count * page_size(),
		      count * page_size(), MREMAP_MAYMOVE | MREMAP_FIXED,
		      page_of(place, first)) == MAP_FAILED ? NULL : place;
}

/* To move is allowed, or refused; but never is anything left behind. */
TEST_F(mapping, mremap_moves)
{
	char *moved = move(&self->memfd, 0, PAGES), *old = self->secret.address;

	CONTROL(moved ? 0 : -errno);
	ASSERT_EQ(SIGSEGV, touch(self->memfd.address, false));
	self->memfd.address = moved;
	ASSERT_TRUE(is_intact(&self->memfd));
	ASSERT_EQ(0, ftruncate(self->memfd.fd, 0));
	CONTROL(touch(moved, false) == SIGBUS ? 0 : -EBADMSG);

	moved = move(&self->secret, 0, PAGES);
	if (moved) {
		EXPECT_EQ(SIGSEGV, touch(old, false)) {
			TH_LOG("the old mapping is alive");
		}
		EXPECT_EQ(SIGSEGV, touch(old, true));
		self->secret.address = moved;
	}
	UNHARMED();
	ASSERT_EQ(0, free_secret(&self->secret));
	EXPECT_EQ(-1, first_reached(self->secret.address));
	EXPECT_EQ(0, next_owner_is_alone(self->secret.address));
}

TEST_F(mapping, mremap_moves_a_part)
{
	char *moved = move(&self->memfd, 1, 2);

	CONTROL(moved ? 0 : -errno);
	ASSERT_TRUE(shows_pattern(page_of(moved, 1), page_size(),
				  self->memfd.seed + 1));
	ASSERT_EQ(SIGSEGV, touch(page_of(self->memfd.address, 1), false));

	moved = move(&self->secret, 1, 2);
	if (!moved)
		SKIP(return, "the kernel does not split this mapping: %s",
		     strerror(errno));
	for (int i = 1; i < 3; i++) {
		EXPECT_EQ(SIGSEGV,
			  touch(page_of(self->secret.address, i), false));
		EXPECT_TRUE(shows_pattern(page_of(moved, i), page_size(),
					  self->secret.seed + i));
	}
	ASSERT_EQ(0, free_secret(&self->secret));
	EXPECT_EQ(SIGBUS, touch(page_of(self->secret.address, 0), false));
	EXPECT_EQ(SIGBUS, touch(page_of(moved, 1), false));
	EXPECT_EQ(SIGBUS, touch(page_of(moved, 2), false));
	EXPECT_EQ(SIGBUS, touch(page_of(self->secret.address, 3), false));
	EXPECT_EQ(0, next_owner_is_alone(self->secret.address));
	EXPECT_EQ(SIGBUS, touch(page_of(moved, 1), false));
}

static int punch(struct target *target)
{
	return munmap(page_of(target->address, 1), page_size()) ? -errno : 0;
}

TEST_F(mapping, munmap_splits)
{
	char *address = self->secret.address;

	CONTROL(punch(&self->memfd));
	ASSERT_EQ(SIGSEGV, touch(page_of(self->memfd.address, 1), false));
	ASSERT_TRUE(shows_pattern(page_of(self->memfd.address, 2), page_size(),
				  self->memfd.seed + 2));

	ASSERT_EQ(0, punch(&self->secret));
	EXPECT_EQ(SIGSEGV, touch(page_of(address, 1), false));
	for (int i = 0; i < PAGES; i++) {
		EXPECT_EQ(0, check_pattern(self->secret.fd,
					   self->secret.handles[i], page_size(),
					   self->secret.seed + i));
	}
	ASSERT_EQ(0, free_secret(&self->secret));
	EXPECT_EQ(SIGBUS, touch(page_of(address, 0), false));
	EXPECT_EQ(SIGBUS, touch(page_of(address, 2), false));
	EXPECT_EQ(SIGBUS, touch(page_of(address, 3), false));
	EXPECT_EQ(0, next_owner_is_alone(address));
}

/* What can't be touched for now is still mapped: it has to go with the rest. */
TEST_F(mapping, freed_while_prot_none)
{
	struct target *secret = &self->secret;

	CONTROL(protect(&self->memfd, 1, 2, PROT_NONE));
	ASSERT_EQ(SIGSEGV, touch(page_of(self->memfd.address, 1), false));
	CONTROL(protect(&self->memfd, 1, 2, PROT_READ | PROT_WRITE));
	ASSERT_TRUE(is_intact(&self->memfd));

	ASSERT_EQ(0, protect(secret, 1, 2, PROT_NONE));
	ASSERT_EQ(SIGSEGV, touch(page_of(secret->address, 1), false));
	ASSERT_EQ(0, free_secret(secret));
	ASSERT_EQ(0, protect(secret, 1, 2, PROT_READ | PROT_WRITE));
	EXPECT_EQ(-1, first_reached(secret->address));
	EXPECT_EQ(0, next_owner_is_alone(secret->address));
}

/* Covered by other memory: that is what is there, before and after. */
TEST_F(mapping, map_fixed_over)
{
	struct target *targets[] = { &self->memfd, &self->secret };

	for (int i = 0; i < 2; i++) {
		char *page = page_of(targets[i]->address, 1);

		ASSERT_EQ(page, mmap(page, page_size(), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				     -1, 0));
		ASSERT_TRUE(all_bytes_are(page, 0, page_size())) {
			TH_LOG("new memory shows what it covers");
		}
		fill_pattern(page, page_size(), 7000);
	}
	EXPECT_EQ(0, check_pattern(self->secret.fd, self->secret.handles[1],
				   page_size(), self->secret.seed + 1)) {
		TH_LOG("what was written to the cover reached the page");
	}
	CONTROL(ftruncate(self->memfd.fd, 0));
	ASSERT_EQ(0, free_secret(&self->secret));
	for (int i = 0; i < 2; i++) {
		EXPECT_TRUE(shows_pattern(page_of(targets[i]->address, 1),
					  page_size(), 7000));
		EXPECT_EQ(SIGBUS, touch(page_of(targets[i]->address, 0), false));
		EXPECT_EQ(SIGBUS, touch(page_of(targets[i]->address, 2), false));
	}
}

/* Places in the descriptor that are not the caller's, or not wholly. */
static int try_map(struct target *target, size_t size, __u64 offset)
{
	char *address = mmap(NULL, size, PROT_READ, MAP_SHARED, target->fd,
			     offset);

	if (address == MAP_FAILED)
		return -errno;
	munmap(address, size);
	return 0;
}

static int map_behind(struct target *target, char *bag)
{
	(void)bag;
	return try_map(target, page_size(), target->offset + target_size());
}

static int map_more(struct target *target, char *bag)
{
	(void)bag;
	return try_map(target, target_size() + page_size(), target->offset);
}

static int map_far(struct target *target, char *bag)
{
	(void)bag;
	return try_map(target, page_size(), 1ULL << 40);
}

TEST_F(mapping, mmap_elsewhere)
{
	GETS_HOLD(ENXIO, memfd, map_behind);
	GETS_HOLD(ENXIO, memfd, map_more);
	GETS_HOLD(ENXIO, memfd, map_far);
	CONTROL(try_map(&self->memfd, page_size(), 0));
	REFUSED(ENXIO, try_map(&self->secret, page_size(), 0));
	REFUSED(ENXIO, try_map(&self->secret, page_size(),
			      self->secret.offset - page_size()));
}

/* Another owner's offset, in one's own descriptor. */
TEST_F(mapping, mmap_anothers_offset)
{
	struct target other = {};
	char *address;

	ASSERT_EQ(0, lay_secret(&other, 4000));
	CONTROL(take_home(mmap(NULL, target_size(), PROT_READ, MAP_SHARED,
			       other.fd, other.offset), target_size(),
			  self->bag));
	ASSERT_TRUE(finds_target(self->bag, target_size(), &other));
	memset(self->bag, 0, target_size());
	address = mmap(NULL, target_size(), PROT_READ, MAP_SHARED,
		       self->secret.fd, other.offset);
	if (address == MAP_FAILED)
		REFUSED(ENXIO, -errno);
	else
		take_home(address, target_size(), self->bag);
	EXPECT_FALSE(finds_target(self->bag, target_size(), &other)) {
		TH_LOG("another owner's pages are mapped");
	}
	EXPECT_TRUE(is_intact(&other));
	UNHARMED();
	close(other.fd);
}

TEST_HARNESS_MAIN
