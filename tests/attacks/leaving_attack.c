// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREE and GIVE are held half-way, and their blocks are LEAVING: another thread
 * tries to get at them, by every call and by touching a mapping of them. The calls
 * are held there by memory that does not answer (userfaultfd).
 *
 * The controls: the same is served before, and again when the call is called off.
 */
#include "stuck.h"
#include "victim.h"

#define COUNT	64

FIXTURE(leaving) {
	struct labyrinth_free free;
	struct labyrinth_give give;
	struct slow_page slow;
	struct stuck stuck;
	int fd;
	int other;
	__u64 handles[COUNT];
	__u64 offset;
	char *at;		/* mapped there, and never touched before */
};

FIXTURE_VARIANT(leaving) {
	bool give;
};

FIXTURE_VARIANT_ADD(leaving, free) { false };
FIXTURE_VARIANT_ADD(leaving, give) { true };

FIXTURE_SETUP(leaving)
{
	bool give = variant->give;
	char *control;

	survive_touching();
	ASSERT_TRUE(all_pages_are_back());
	self->fd = test_open_device(O_RDWR);
	self->other = test_open_device(O_RDWR);
	test_accept(self->other, LABYRINTH_ACCEPT_ANY, 0);
	test_alloc(self->fd, 0, COUNT, self->handles);
	for (int i = 0; i < COUNT; i++)
		ASSERT_EQ(0, put_pattern(self->fd, self->handles[i],
					 page_size(), i));
	test_map(self->fd, COUNT, self->handles, &self->offset);
	self->at = test_map_at(self->fd, PROT_READ | PROT_WRITE,
			       COUNT * page_size(), self->offset);
	self->free = (struct labyrinth_free){
		.size = sizeof(self->free),
		.count = COUNT,
		.handles = (uintptr_t)self->handles,
	};
	self->give = (struct labyrinth_give){
		.size = sizeof(self->give),
		.count = COUNT,
		.handles = (uintptr_t)self->handles,
		.to = owner_number(self->other),
	};
	ASSERT_EQ(0, slow_page_holding(&self->slow,
				       give ? (void *)&self->give : &self->free,
				       give ? sizeof(self->give) :
					      sizeof(self->free)));
	/* The control: they are there, for any thread, and where they are mapped. */
	ASSERT_EQ(0, check_pattern(self->fd, self->handles[0], page_size(), 0));
	control = test_map_at(self->fd, PROT_READ, COUNT * page_size(),
			      self->offset);
	ASSERT_TRUE(shows_pattern(control, page_size(), 0));
	munmap(control, COUNT * page_size());
	self->stuck = (struct stuck){
		.fd = self->fd,
		.nr = give ? LABYRINTH_IOC_GIVE : LABYRINTH_IOC_FREE,
		.cmd = self->slow.at,
	};
	ASSERT_EQ(0, start_call(&self->stuck));
	ASSERT_EQ(0, slow_page_await(&self->slow));
}

FIXTURE_TEARDOWN(leaving)
{
	slow_page_drop(&self->slow);
	munmap(self->at, COUNT * page_size());
	close(self->fd);
	close(self->other);
	EXPECT_EQ(0, verify_result());
	EXPECT_TRUE(all_pages_are_back());
}

TEST_F(leaving, nobody_else_finds_it_meanwhile)
{
	__u64 got[COUNT];

	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[i]));
	test_err_free(ENOENT, self->fd, COUNT, self->handles);
	test_err_give(ENOENT, self->fd, owner_number(self->other), COUNT,
		      self->handles);
	test_err_take(EAGAIN, self->other, 1, got);

	ASSERT_EQ(0, slow_page_protect(&self->slow, false));
	ASSERT_EQ(0, end_call(&self->stuck));
	EXPECT_EQ(0, used_pages(self->fd));
	EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[0]));
	if (!variant->give)
		return;
	test_take(self->other, COUNT, got);
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(0, check_pattern(self->other, got[i], page_size(),
					   i));
}

/* READ into it, or WRITE out of it: then it is the kernel that touches it. */
static int kernel_touches(char *at, bool write)
{
	int fd = _open_device(O_RDWR), ret;
	__u64 handle;

	ret = fd < 0 ? fd : _alloc(fd, 0, 1, &handle);
	if (!ret)
		ret = write ? _read_page(fd, handle, 0, 8, at) :
			      _write_page(fd, handle, 0, 8, at);
	close(fd);
	return ret;
}

#define LAST	(self->at + (COUNT - 1) * page_size())

TEST_F(leaving, no_touch_reaches_it_meanwhile)
{
	EXPECT_TRUE(is_gone(self->at, COUNT)) {
		TH_LOG("a fault found a block that is LEAVING");
	}
	EXPECT_EQ(-EFAULT, kernel_touches(LAST, true));
	EXPECT_EQ(-EFAULT, kernel_touches(LAST, false));
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED, page_size(),
		      self->offset);

	ASSERT_EQ(0, slow_page_protect(&self->slow, false));
	ASSERT_EQ(0, end_call(&self->stuck));
	EXPECT_TRUE(is_gone(self->at, COUNT));
}

TEST_F(leaving, what_is_revoked_meanwhile_goes_to_nobody)
{
	__u64 got;
	int ret;

	EXPECT_EQ(COUNT, revoke_from(owner_number(self->fd), NULL, 0));
	ASSERT_EQ(0, slow_page_protect(&self->slow, false));
	/* It was answered before: what came in between is not told. */
	ret = end_call(&self->stuck);
	EXPECT_TRUE(!ret || ret == -ENOENT);
	EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[0]));
	EXPECT_EQ(0, used_pages(self->fd));
	test_err_take(EAGAIN, self->other, 1, &got);
	EXPECT_EQ(0, used_pages(self->other));
	EXPECT_EQ(0, inbox_used(self->other));
}

static bool reaches(char *at, __u64 seed)
{
	__u64 value;

	return !try_load(at, &value) && shows_pattern(at, page_size(), seed) &&
	       !try_store(at, value);
}

TEST_F(leaving, what_cannot_be_told_has_not_happened)
{
	__u64 got;

	EXPECT_TRUE(is_gone(self->at, COUNT));
	/* It was writable when the call looked; now it is not. */
	ASSERT_EQ(0, mprotect(self->slow.at, page_size(), PROT_READ));
	ASSERT_EQ(0, slow_page_protect(&self->slow, false));
	EXPECT_EQ(-EFAULT, end_call(&self->stuck));
	EXPECT_EQ(COUNT, used_pages(self->fd));
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(0, check_pattern(self->fd, self->handles[i],
					   page_size(), i));
	/* The same touches that were refused before. */
	for (int i = 0; i < COUNT; i++)
		EXPECT_TRUE(reaches(self->at + i * page_size(), i));
	EXPECT_EQ(0, kernel_touches(LAST, false));
	EXPECT_EQ(0, kernel_touches(LAST, true));
	test_err_mmap(0, self->fd, PROT_READ, MAP_SHARED, page_size(),
		      self->offset);
	test_err_take(EAGAIN, self->other, 1, &got);
	test_free(self->fd, COUNT, self->handles);
	EXPECT_TRUE(is_gone(self->at, COUNT));
}

TEST_HARNESS_MAIN
