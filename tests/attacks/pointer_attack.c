// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pointers that the kernel should not have trusted: to memory that can't be
 * written, where nothing may have happened then; and into the caller's own
 * mapped block, the very one that the call is about, where it ends either way
 * but ends (locks), and nobody else's page is hit.
 *
 * The controls: the same calls on ordinary memory do what they are for.
 */
#include <stdatomic.h>
#include <pthread.h>

#include "victim.h"

#define OWNER	"attack.pointer"

union command {
	__u32 size;
	struct labyrinth_info info;
	struct labyrinth_alloc alloc;
	struct labyrinth_free free;
	struct labyrinth_query query;
	struct labyrinth_rw rw;
	struct labyrinth_set set;
	struct labyrinth_attach attach;
	struct labyrinth_give give;
	struct labyrinth_take take;
	struct labyrinth_map map;
};

/* Where a call's struct, and the array or buffer that it names, lie. */
struct place {
	union command *command;
	void *data;		/* a page, or a part of it */
	void *told;		/* where the kernel is told that it is */
};

/* Who calls, and what it is about. */
struct scene {
	unsigned long nr;
	int fd;
	int other;		/* accepts what it is given, and gives */
	__u64 handle;
};

FIXTURE(pointer) {
	struct scene scene;
	struct place ordinary;
};

FIXTURE_VARIANT(pointer) {
	unsigned long nr;
	bool has_data;		/* the kernel writes to the array or buffer */
};

FIXTURE_VARIANT_ADD(pointer, info) { LABYRINTH_IOC_INFO, false };
FIXTURE_VARIANT_ADD(pointer, alloc) { LABYRINTH_IOC_ALLOC, true };
FIXTURE_VARIANT_ADD(pointer, free) { LABYRINTH_IOC_FREE, false };
FIXTURE_VARIANT_ADD(pointer, query) { LABYRINTH_IOC_QUERY, false };
FIXTURE_VARIANT_ADD(pointer, read) { LABYRINTH_IOC_READ, true };
FIXTURE_VARIANT_ADD(pointer, write) { LABYRINTH_IOC_WRITE, false };
FIXTURE_VARIANT_ADD(pointer, attach) { LABYRINTH_IOC_ATTACH, false };
FIXTURE_VARIANT_ADD(pointer, give) { LABYRINTH_IOC_GIVE, false };
FIXTURE_VARIANT_ADD(pointer, take) { LABYRINTH_IOC_TAKE, true };
FIXTURE_VARIANT_ADD(pointer, map) { LABYRINTH_IOC_MAP, false };

static void *new_page(void)
{
	return mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_SETUP(pointer)
{
	struct scene *scene = &self->scene;
	__u64 given;

	survive_touching();
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = NOBODY, .mode = 0600 }));
	ASSERT_EQ(0, turn_into(NOBODY));
	scene->nr = variant->nr;
	scene->fd = test_open_device(O_RDWR);
	scene->other = test_open_device(O_RDWR);
	self->ordinary.command = new_page();
	self->ordinary.data = new_page();
	self->ordinary.told = self->ordinary.data;
	test_accept(scene->other, LABYRINTH_ACCEPT_UID, 0);
	test_accept(scene->fd, LABYRINTH_ACCEPT_UID, 0);
	/* Who holds a block can't attach. */
	if (scene->nr == LABYRINTH_IOC_ATTACH)
		return;
	test_alloc(scene->fd, 0, 1, &scene->handle);
	ASSERT_EQ(0, put_pattern(scene->fd, scene->handle, page_size(), 1));
	test_alloc(scene->other, 0, 1, &given);
	test_give(scene->other, owner_number(scene->fd), 1, &given);
}

/* By root, after the test's process. */
FIXTURE_TEARDOWN_PARENT(pointer)
{
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, owner_del(OWNER));
	EXPECT_EQ(0, verify_result());
}

/* What there is to do is written to @place. */
static void put_command(const struct scene *scene, struct place place)
{
	union command *to = place.command;
	__u64 data = (uintptr_t)place.told;

	memset(to, 0, sizeof(*to));
	to->size = _IOC_SIZE(scene->nr);
	switch (scene->nr) {
	case LABYRINTH_IOC_ALLOC:
		to->alloc.count = 1;
		to->alloc.fallback = LABYRINTH_FALLBACK_FAIL;
		to->alloc.handles = data;
		return;
	case LABYRINTH_IOC_QUERY:
		to->query.handle = scene->handle;
		return;
	case LABYRINTH_IOC_READ:
	case LABYRINTH_IOC_WRITE:
		to->rw.handle = scene->handle;
		to->rw.length = 64;
		to->rw.buffer = data;
		memset(place.data, 'w', 64);
		return;
	case LABYRINTH_IOC_SET:
		to->set.handle = scene->handle;
		to->set.flags = LABYRINTH_SET_TAG;
		to->set.tag = 5;
		return;
	case LABYRINTH_IOC_ATTACH:
		memcpy(to->attach.name, OWNER, sizeof(OWNER));
		return;
	case LABYRINTH_IOC_TAKE:
		to->take.count = 1;
		to->take.handles = data;
		return;
	case LABYRINTH_IOC_FREE:
		to->free.count = 1;
		to->free.handles = data;
		break;
	case LABYRINTH_IOC_GIVE:
		to->give.count = 1;
		to->give.to = owner_number(scene->other);
		to->give.handles = data;
		break;
	case LABYRINTH_IOC_MAP:
		to->map.count = 1;
		to->map.handles = data;
		break;
	}
	if (scene->nr != LABYRINTH_IOC_INFO)
		memcpy(place.data, &scene->handle, sizeof(scene->handle));
}

static int make(const struct scene *scene, struct place place)
{
	return ioctl(scene->fd, scene->nr, place.command) ? -errno : 0;
}

/* === It can't be written ================================================= */

/* All that a call could have changed. */
struct state {
	struct labyrinth_query query;
	__u32 owner;
	__u64 used;
	__u32 waiting;
	__u64 others_used;
	__u32 others_waiting;
	char page[64];
};

static struct state state_of(const struct scene *scene)
{
	struct state state = {};

	if (scene->handle) {
		_query(scene->fd, 0, scene->handle, &state.query);
		_read_page(scene->fd, scene->handle, 0, sizeof(state.page),
			   state.page);
	}
	state.query.out_age_ns = 0;
	state.owner = owner_number(scene->fd);
	state.used = used_pages(scene->fd);
	state.waiting = inbox_used(scene->fd);
	state.others_used = used_pages(scene->other);
	state.others_waiting = inbox_used(scene->other);
	return state;
}

static void is_refused_unwritable(struct __test_metadata *_metadata,
				  FIXTURE_DATA(pointer) *self, void *page)
{
	struct scene *scene = &self->scene;
	struct state before = state_of(scene), after;
	int ret;

	put_command(scene, self->ordinary);
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	ret = make(scene, self->ordinary);
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ | PROT_WRITE));
	EXPECT_EQ(-EFAULT, ret);
	after = state_of(scene);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before))) {
		TH_LOG("something has changed");
	}
}

TEST_F(pointer, to_what_cannot_be_written_changes_nothing)
{
	is_refused_unwritable(_metadata, self, self->ordinary.command);
	if (variant->has_data)
		is_refused_unwritable(_metadata, self, self->ordinary.data);
	/* The control, last, as it uses up what it is about. */
	put_command(&self->scene, self->ordinary);
	EXPECT_EQ(0, make(&self->scene, self->ordinary));
}

/* === It is the caller's own block ======================================== */

/* Struct and data lie in the block itself; @again: mapped once more, or @at. */
static struct place inside(char *at, char *again)
{
	size_t half = page_size() / 2;

	return (struct place){ (union command *)at, at + half, again + half };
}

/* A mapping that nobody has touched: its first touch will be the kernel's. */
static char *map_again(struct scene *scene)
{
	return map_at(scene->fd, PROT_READ | PROT_WRITE, page_size(),
		      place_of(scene->fd, scene->handle));
}

static int calls_on_itself(void *arg)
{
	struct scene *scene = arg;
	char *at, *again;

	/* Another process than the fixture's: it may have to be killed. */
	scene->fd = _open_device(O_RDWR);
	if (scene->fd < 0 || _accept(scene->fd, LABYRINTH_ACCEPT_UID, 0) ||
	    _alloc(scene->fd, 0, 1, &scene->handle))
		return 100;
	at = map_blocks(scene->fd, 1, &scene->handle);
	again = map_again(scene);
	if (at == MAP_FAILED || again == MAP_FAILED)
		return 101;
	put_command(scene, inside(at, again));
	make(scene, inside(at, again));
	return 0;
}

TEST_F(pointer, into_the_block_that_it_is_about_ends)
{
	struct scene *scene = &self->scene;
	int expected = 0, ret;
	char *at;

	/* The control: an ordinary mapping of a file. */
	at = map_at(secret_memfd(), PROT_READ | PROT_WRITE, page_size(), 0);
	ASSERT_NE(MAP_FAILED, at);
	put_command(scene, inside(at, at));
	ASSERT_EQ(0, make(scene, inside(at, at)));

	EXPECT_EQ(0, in_child(calls_on_itself, scene)) {
		TH_LOG("the call did not end, or there was nothing to call on");
	}

	/* And here: EFAULT, with nothing changed, or what it says of any block. */
	scene->fd = test_open_device(O_RDWR);
	test_alloc(scene->fd, 0, 1, &scene->handle);
	at = test_map_blocks(scene->fd, 1, &scene->handle);
	put_command(scene, inside(at, at));
	ret = make(scene, inside(at, at));
	if (scene->nr == LABYRINTH_IOC_TAKE)
		expected = -EAGAIN;
	if (scene->nr == LABYRINTH_IOC_ATTACH)
		expected = -EBUSY;
	EXPECT_TRUE(ret == expected || ret == -EFAULT) {
		TH_LOG("it answered %s", strerror(-ret));
	}
	if (ret == -EFAULT)
		EXPECT_EQ(1, used_pages(scene->fd));
}

/* Others touch the block, and map it anew, meanwhile. */
struct crowd {
	char *_Atomic at;
	atomic_int fd;
	atomic_ulong offset;
	atomic_bool stop;
	char *area;		/* PLACES pages of addresses, and nothing else */
	unsigned int next;
};

/* So many that whoever comes late maps where nobody is any more. */
#define PLACES	65536

/*
 * What it maps may be a moment old: then it fails, or is another block of the
 * same process's. The page table is empty after it.
 */
static void *map_on(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int turn = 0;
	__u64 value;

	while (!atomic_load(&crowd->stop)) {
		char *at = atomic_load(&crowd->at);

		mmap(at, page_size(), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, atomic_load(&crowd->fd),
		     atomic_load(&crowd->offset));
		if (turn++ % 4 == 0)
			try_load(at, &value);
	}
	return NULL;
}

static const unsigned long calls[] = {
	LABYRINTH_IOC_READ, LABYRINTH_IOC_WRITE, LABYRINTH_IOC_QUERY,
	LABYRINTH_IOC_SET, LABYRINTH_IOC_ALLOC, LABYRINTH_IOC_TAKE,
	LABYRINTH_IOC_INFO, LABYRINTH_IOC_MAP, LABYRINTH_IOC_FREE,
	LABYRINTH_IOC_GIVE,
};

static int empty_place(char *at)
{
	return mmap(at, page_size(), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at;
}

/* One call of each kind, each on a block and a descriptor of its own. */
static int call_in_a_crowd(struct crowd *crowd, struct scene *scene,
			   unsigned long served[])
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		char *at = crowd->area + crowd->next++ % PLACES * page_size();
		__u64 offset;

		scene->nr = calls[i];
		scene->fd = _open_device(O_RDWR);
		if (scene->fd < 0 || take_pages(scene->fd, 1, &scene->handle) ||
		    _map(scene->fd, 1, &scene->handle, &offset))
			return 101;
		if (mmap(at, page_size(), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, scene->fd, offset) != at)
			return 102;
		put_command(scene, inside(at, at));
		atomic_store(&crowd->fd, scene->fd);
		atomic_store(&crowd->offset, offset);
		atomic_store(&crowd->at, at);
		for (int try = 0; try < 8; try++)
			served[i] += !make(scene, inside(at, at));
		close(scene->fd);
		if (empty_place(at))
			return 103;
	}
	return 0;
}

static int calls_in_a_crowd(void *arg)
{
	unsigned long served[ARRAY_SIZE(calls)] = {};
	struct scene scene = { .other = _open_device(O_RDWR) };
	struct crowd crowd = {
		.area = mmap(NULL, PLACES * page_size(), PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	};
	time_t end = now_seconds() + 10;
	pthread_t thread;
	__u64 got[16];
	int ret = 0, n;

	(void)arg;
	survive_touching();
	atomic_store(&crowd.at, crowd.area);
	atomic_store(&crowd.fd, -1);
	if (crowd.area == MAP_FAILED || scene.other < 0 ||
	    _accept(scene.other, LABYRINTH_ACCEPT_UID, 16) ||
	    pthread_create(&thread, NULL, map_on, &crowd))
		return 100;
	while (!ret && now_seconds() < end) {
		ret = call_in_a_crowd(&crowd, &scene, served);
		n = take_up_to(scene.other, 16, got);
		if (n > 0 && _free_pages(scene.other, n, got))
			ret = 104;
	}
	atomic_store(&crowd.stop, true);
	pthread_join(thread, NULL);
	/* READ, WRITE, QUERY, SET, INFO touch nothing that goes away. */
	if (!ret && (!served[0] || !served[1] || !served[2] || !served[6]))
		ret = complain("control: a call was never served");
	return ret;
}

TEST(calls_into_a_block_end_while_others_touch_it)
{
	EXPECT_EQ(0, in_child(calls_in_a_crowd, NULL));
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, verify_result());
}

TEST_HARNESS_MAIN
