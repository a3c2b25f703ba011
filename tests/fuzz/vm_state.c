// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process has: descriptors, handles, places and mappings, and where the
 * memory lies that calls are given.
 */
#include "vm_fuzz.h"

struct state have;

/* === Memory that calls are given ========================================= */

#define ARENA_PAGES	(ROLES * ROLE_PAGES)

/* The same pages twice: to read and write, and to read only; nothing behind them. */
static char *arena, *arena_read;
static __thread sigjmp_buf *volatile landing;

static void crashed(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (landing)
		siglongjmp(*landing, signal);
	complain("a signal out of nowhere, at", (uintptr_t)info->si_addr);
	_exit(1);
}

static char *map_arena(int fd, int protection)
{
	size_t size = ARENA_PAGES * page_size();
	char *at = mmap(NULL, size + page_size(), PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED ||
	    mmap(at, size, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		return NULL;
	return at;
}

int spots_prepare(void)
{
	struct sigaction action = {
		.sa_sigaction = crashed,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};
	int fd = memfd_create("arena", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, ARENA_PAGES * page_size()))
		return -errno;
	arena = map_arena(fd, PROT_READ | PROT_WRITE);
	arena_read = map_arena(fd, PROT_READ);
	close(fd);
	if (!arena || !arena_read)
		return -ENOMEM;
	return sigaction(SIGSEGV, &action, NULL) || sigaction(SIGBUS, &action, NULL) ?
		-errno : 0;
}

int copy_guarded(void *to, const void *from, size_t size)
{
	sigjmp_buf here;
	int signal = sigsetjmp(here, 1);

	if (!signal) {
		landing = &here;
		atomic_signal_fence(memory_order_seq_cst);
		memcpy(to, from, size);
		atomic_signal_fence(memory_order_seq_cst);
	}
	landing = NULL;
	return signal;
}

int touch_guarded(char *at, bool store)
{
	sigjmp_buf here;
	int signal = sigsetjmp(here, 1);

	if (!signal) {
		landing = &here;
		if (store)
			*(volatile char *)at = 'x';
		else
			(void)*(volatile char *)at;
	}
	landing = NULL;
	return signal;
}

static void *bad_spot(struct cursor *at, char *good, size_t size)
{
	size_t pages = page_size();

	switch (choose(at, 10)) {
	case 0:		/* the last before nothing */
		return arena + ARENA_PAGES * pages - size;
	case 1:		/* half of it there */
		return arena + ARENA_PAGES * pages - choose(at, size + 1);
	case 2:		/* in two pages, the other one read-only */
		return good + pages - choose(at, size + 1);
	case 3:
		return arena_read + (good - arena);
	case 4:
		return NULL;
	case 5:
		return (void *)(uintptr_t)(0xffff888000000000 + choose(at, 256) * pages);
	case 6:
		return (void *)(uintptr_t)(0x00007ffffffff000 - choose(at, size + 1));
	case 7:
		return (void *)(uintptr_t)any(at);
	case 8:
		return good + 1 + choose(at, 7);
	default:	/* in what is being allocated, freed, given */
		return range_at(some_range(at)) + choose(at, 4096);
	}
}

void *spot(struct cursor *at, enum role what_for, const void *content, size_t size)
{
	char *good = arena + what_for * ROLE_PAGES * page_size(), *user = good;

	if (wild(at))
		user = bad_spot(at, good, size);
	/* What lies behind it is zero, or left from before. */
	if (user == good && choose(at, 2))
		memset(good, 0, size + 256);
	if (content) {
		copy_guarded(good, content, size);
		copy_guarded(user, content, size);
	}
	return user;
}

/* === Descriptors and their owners ======================================== */

int state_open(u32 file, int flags)
{
	struct labyrinth_info info;
	int fd = open(LABYRINTH_DEVICE, flags | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (have.fd[file] >= 0)
		close(have.fd[file]);
	have.fd[file] = fd;
	have.number[file] = 0;
	if (!_info(fd, &info)) {
		have.number[file] = info.out_owner;
		atomic_store(&board->number[info.out_owner % SHARED], info.out_owner);
	}
	return 0;
}

void state_begin(void)
{
	have.holdings = 0;
	have.places = 0;
	memset(have.range, 0, sizeof(have.range));
	memset(have.held, 0, sizeof(have.held));
	memset(have.number, 0, sizeof(have.number));
	for (u32 i = 0; i < FILES; i++)
		have.fd[i] = -1;
	state_open(0, O_RDWR);
	state_open(1, O_RDWR);
	if (have.fd[1] >= 0)
		_accept(have.fd[1], LABYRINTH_ACCEPT_ANY, 16);
}

void state_end(void)
{
	if (have.threaded)
		pthread_join(have.thread, NULL);
	have.threaded = false;
	if (have.child > 0) {
		kill(have.child, SIGKILL);
		waitpid(have.child, NULL, 0);
	}
	have.child = 0;
	munmap(range_at(0), RANGES * RANGE_ROOM);
	for (u32 i = 0; i < FILES; i++)
		if (have.fd[i] >= 0)
			close(have.fd[i]);
}

/* === Choosing among them ================================================= */

/* Most often the first that is open. */
u32 some_file(struct cursor *at)
{
	u32 file = choose(at, 2) ? 0 : choose(at, FILES);

	for (u32 i = 0; i < FILES && have.fd[file] < 0; i++)
		file = (file + 1) % FILES;
	return file;
}

char *range_at(u32 range)
{
	return (char *)(RANGES_AT + range * RANGE_ROOM);
}

/* Where something is mapped, if anywhere. */
u32 some_range(struct cursor *at)
{
	u32 range = choose(at, RANGES);

	for (u32 i = 0; i < RANGES && !have.range[range]; i++)
		range = (range + 1) % RANGES;
	return range;
}

u32 some_holder(struct cursor *at)
{
	u32 which = choose(at, HANDLES);

	if (wild(at))
		return some_file(at);
	for (u32 i = 0; i < HANDLES; i++, which = (which + 1) % HANDLES)
		if (have.held[which].live)
			return have.held[which].file;
	return some_file(at);
}

static u64 wild_handle(struct cursor *at)
{
	u64 handle = have.held[choose(at, HANDLES)].handle;

	switch (choose(at, 6)) {
	case 0:		/* another file's, or one that was */
		return handle;
	case 1:		/* another process's */
		return atomic_load(&board->handle[choose(at, SHARED)]);
	case 2:
		return handle ^ 1ULL << choose(at, 64);
	case 3:		/* of the next generation */
		return handle + (1ULL << 24);
	case 4:
		return handle + 1;
	default:
		return any(at);
	}
}

u64 some_handle(struct cursor *at, u32 file)
{
	u32 which = choose(at, HANDLES);

	if (wild(at))
		return wild_handle(at);
	for (u32 i = 0; i < HANDLES; i++, which = (which + 1) % HANDLES)
		if (have.held[which].live && have.held[which].file == file)
			return have.held[which].handle;
	return have.held[which].handle;
}

u32 some_owner(struct cursor *at, u32 file)
{
	if (wild(at))
		return any(at);
	if (choose(at, 4))
		return have.number[file != 1];
	return atomic_load(&board->number[choose(at, SHARED)]);
}

void some_name(struct cursor *at, void *name)
{
	char *bytes = name;

	memset(name, 0, LABYRINTH_NAME_SIZE);
	snprintf(name, LABYRINTH_NAME_SIZE, "fuzz%u", choose(at, NAMES));
	if (wild(at))
		bytes[choose(at, LABYRINTH_NAME_SIZE)] = any(at);
	if (wild(at))
		memset(bytes + choose(at, 8), 'n', LABYRINTH_NAME_SIZE - 8 + choose(at, 2));
}

void keep_handles(u32 file, const u64 *handles, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		have.held[have.holdings++ % HANDLES] = (struct holding){
			.handle = handles[i], .file = file, .live = true };
	}
	if (count)
		atomic_store(&board->handle[handles[0] % SHARED], handles[0]);
}

void drop_handles(const u64 *handles, u32 count)
{
	for (u32 i = 0; i < count; i++)
		for (u32 n = 0; n < HANDLES; n++)
			if (have.held[n].handle == handles[i])
				have.held[n].live = false;
}
