// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page frame beneath the mapping is taken away, or shared with another
 * page: soft offlining, which migrates what is there; memory errors; KSM. As
 * root, whom alone the kernel lets.
 */
#include "advice.h"
#include "system.h"

#define SOFT_OFFLINE	"/sys/devices/system/memory/soft_offline_page"
#define KSM		"/sys/kernel/mm/ksm/"
#define KPF_HWPOISON	19

static __u64 physical_frame(struct target *target)
{
	return target->handles[0] ? address_of(target, 0) / page_size() :
				    frame_of(target->address);
}

static int by_advice(struct target *target)
{
	return madvise(target->address, page_size(), MADV_SOFT_OFFLINE) ?
		-errno : 0;
}

static int by_address(struct target *target)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx",
		 physical_frame(target) * page_size());
	return write_text(SOFT_OFFLINE, text);
}

/* Success is that the page lies elsewhere now. */
static int offline(struct target *target, int (*how)(struct target *target))
{
	__u64 before = physical_frame(target);
	int ret = how(target);

	/* So that it is mapped again. */
	if (touch(target->address, false))
		return -EFAULT;
	return ret ?: physical_frame(target) == before ? -EALREADY : 0;
}

static int offline_by_advice(struct target *target, char *bag)
{
	(void)bag;
	return offline(target, by_advice);
}

static int offline_by_address(struct target *target, char *bag)
{
	(void)bag;
	return offline(target, by_address);
}

static bool is_poisoned(__u64 frame)
{
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	__u64 flags = 0;
	bool read;

	read = pread(fd, &flags, sizeof(flags), frame * sizeof(flags)) ==
	       sizeof(flags);
	close(fd);
	return !read || flags >> KPF_HWPOISON & 1;
}

#define NOT_OFFLINED(error, attack)					\
do {									\
	__u64 ordinary_ = physical_frame(&self->anonymous);		\
	__u64 secret_ = physical_frame(&self->secret);			\
									\
	GETS_HOLD(error, anonymous, attack);				\
	ASSERT_TRUE(is_poisoned(ordinary_)) {				\
		TH_LOG("the control left the frame in use");		\
	}								\
	EXPECT_TRUE(is_intact(&self->anonymous));			\
	EXPECT_FALSE(is_poisoned(secret_));				\
	EXPECT_EQ(secret_, physical_frame(&self->secret));		\
	EXPECT_TRUE(is_in_place(&self->secret)) {			\
		TH_LOG("the owner's pages are not where they were");	\
	}								\
} while (0)

static bool has_memory_failure(void)
{
	return !access(SOFT_OFFLINE, W_OK);
}

#define NO_MEMORY_FAILURE	"this kernel knows no memory failure"

TEST_F(system, soft_offline_by_advice)
{
	if (!has_memory_failure())
		SKIP(return, NO_MEMORY_FAILURE);
	NOT_OFFLINED(EFAULT, offline_by_advice);
}

/* That nobody holds a reference is taken for a page that can't be handled. */
TEST_F(system, soft_offline_by_address)
{
	if (!has_memory_failure())
		SKIP(return, NO_MEMORY_FAILURE);
	NOT_OFFLINED(EIO, offline_by_address);
}

/* A child's own page, as everybody who maps a poisoned one is killed. */
static int poison_own(void *arg)
{
	struct target own = {};
	int ret = lay_anonymous(&own, 6000);

	(void)arg;
	ret = ret ?: (madvise(own.address, page_size(), MADV_HWPOISON) ?
		      -errno : 0);
	return ret ?: -touch(own.address, false);
}

TEST_F(system, memory_error_on_advice)
{
	int ret;

	if (!has_memory_failure())
		SKIP(return, NO_MEMORY_FAILURE);
	ret = attack_in_child(poison_own, NULL);
	CONTROL(ret == -SIGBUS || ret == -DIES_OF(SIGBUS) ? 0 : ret ?: -EPERM);
	REFUSED(EFAULT, madvise(self->secret.address, target_size(),
				MADV_HWPOISON) ? -errno : 0);
	EXPECT_FALSE(is_poisoned(physical_frame(&self->secret)));
	EXPECT_TRUE(is_in_place(&self->secret));
}

static int offer_for_merging(struct target *target)
{
	return madvise(target->address, target_size(), MADV_MERGEABLE) ?
		-errno : 0;
}

static bool are_one(struct target *a, struct target *b)
{
	for (int i = 0; i < PAGES; i++) {
		__u64 frame = frame_of(page_of(a->address, i));

		if (!frame || frame != frame_of(page_of(b->address, i)))
			return false;
	}
	return true;
}

static int start_ksm(void)
{
	int ret = write_text(KSM "sleep_millisecs", "10");

	ret = ret ?: write_text(KSM "pages_to_scan", "1000");
	return ret ?: write_text(KSM "run", "1");
}

/* Three times the same contents: only ordinary memory becomes one. */
TEST_F(system, ksm)
{
	struct target twin = {};

	if (access(KSM "run", W_OK))
		SKIP(return, "no KSM in this kernel");
	ASSERT_EQ(0, lay_anonymous(&twin, self->anonymous.seed));
	self->secret.seed = self->anonymous.seed;
	fill_target(&self->secret);
	CONTROL(offer_for_merging(&self->anonymous));
	CONTROL(offer_for_merging(&twin));
	/* Of such a mapping the advice is ignored, not refused. */
	offer_for_merging(&self->secret);
	CONTROL(start_ksm());
	CONTROL(WAIT_UNTIL(are_one(&self->anonymous, &twin)) ? 0 : -ETIMEDOUT);
	for (int i = 0; i < PAGES; i++) {
		EXPECT_NE(frame_of(page_of(twin.address, i)),
			  address_of(&self->secret, i) / page_size());
	}
	EXPECT_TRUE(is_in_place(&self->secret)) {
		TH_LOG("the owner's pages have been merged");
	}
	EXPECT_TRUE(is_intact(&twin));
	EXPECT_EQ(0, write_text(KSM "run", "2"));
	EXPECT_EQ(0, write_text(KSM "run", "0"));
}

TEST_HARNESS_MAIN
