// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: storm [SECONDS [SEED [WORKERS]]]
 *
 * Processes allocate, map, write, verify, give to each other, take, free, fork and
 * exec, as root and as nobody; this one kills and restarts them, and takes what
 * they have, all at random. What any of them sees is its own, was given to it as
 * it is, or is zero; when they are gone nothing is held, and the books agree. TAP.
 */
#include <sys/prctl.h>

#include "worker.h"

#define SECONDS		60
#define WORKERS		64
#define NAMED_INBOX	64

/* Which writer's number comes twice, nobody could tell: see pattern.h. */
#define MOST_WRITERS	(1U << 20)

static struct board *board;
static pid_t pids[MOST_WORKERS];
static __u64 dice;
static int failures, ill_ends;

static __u32 chance(__u32 sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 16) % sides;
}

static void verdict(bool ok, const char *name)
{
	static int number;

	printf("%sok %d %s\n", ok ? "" : "not ", ++number, name);
	fflush(stdout);
	failures += !ok;
}

static void complain(const char *what, long long value)
{
	printf("# %s: %lld\n", what, value);
	fflush(stdout);
}

/* === Setting up ========================================================== */

static struct board *share_board(void)
{
	int fd = memfd_create("storm", 0);
	void *at;

	if (fd < 0 || dup2(fd, BOARD_FD) != BOARD_FD ||
	    ftruncate(BOARD_FD, sizeof(struct board)))
		return NULL;
	close(fd);
	at = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE,
		  MAP_SHARED, BOARD_FD, 0);
	return at == MAP_FAILED ? NULL : at;
}

static int make_owners(bool make)
{
	char name[LABYRINTH_NAME_SIZE];
	int ret = 0;

	for (int i = 0; i < NAMED_OWNERS && !ret; i++) {
		snprintf(name, sizeof(name), NAMED_PREFIX "%d", i);
		ret = owner_del(name);
		if (make)
			ret = owner_add(name, (struct owner_options){
				.mode = 0666,
				.accept = LABYRINTH_ACCEPT_ANY,
				.inbox = NAMED_INBOX });
	}
	return ret;
}

static int set_up(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	board = share_board();
	if (!board)
		return -errno;
	board->workers = argc > 3 ? atoi(argv[3]) : WORKERS;
	board->seed = argc > 2 ? strtoull(argv[2], NULL, 0) :
				 (__u64)time(NULL);
	if (board->workers < 2 || board->workers > MOST_WORKERS)
		return -EINVAL;
	if (readlink("/proc/self/exe", board->program,
		     sizeof(board->program) - 1) < 0)
		return -errno;
	dice = board->seed * 0x9E3779B97F4A7C15ULL | 1;
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		return -errno;
	return open_to_all(true) ?: make_owners(true);
}

/* === Workers ============================================================= */

static int work(int index)
{
	setpriority(PRIO_PROCESS, 0, 0);
	if (index % 2 && become(NOBODY, NOBODY))
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_prepare(board, index);
	return worker_run();
}

static void begin_worker(int index)
{
	pids[index] = fork();
	if (!pids[index])
		_exit(work(index));
}

/* It ended by itself, or because we killed it. */
static bool ended_well(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL;
	return !WEXITSTATUS(status);
}

/* Those that have ended begin again, but for the end. False: one of them failed. */
static bool reap_workers(bool again)
{
	int status;
	bool well = true;

	for (int i = 0; i < board->workers; i++) {
		if (pids[i] <= 0 || waitpid(pids[i], &status, WNOHANG) !=
				    pids[i])
			continue;
		pids[i] = 0;
		atomic_store(&board->number[i], 0);
		if (!ended_well(status)) {
			if (!ill_ends++)
				complain("a process ended with wait status",
					 status);
			well = false;
		}
		if (again)
			begin_worker(i);
	}
	return well;
}

static void kill_some(void)
{
	int index = chance(board->workers);

	if (pids[index] > 0 && !kill(pids[index], SIGKILL))
		did(board, OP_KILL);
}

/* The board knows before it happens, so that nobody is surprised without reason. */
static bool revoke_some(void)
{
	__u32 number = atomic_load(&board->number[chance(board->workers)]);
	unsigned long epoch = atomic_load(&board->begun);
	long long pages;

	if (!number)
		return true;
	atomic_store(&board->revoked[epoch % REVOCATIONS], number);
	atomic_store(&board->begun, epoch + 1);
	pages = revoke_from(number, NULL, 0);
	atomic_store(&board->ended, epoch + 1);
	if (pages > 0)
		did(board, OP_REVOKE);
	/* Its owner may be gone by now, or going. */
	if (pages >= 0 || pages == -ENOENT || pages == -ESHUTDOWN)
		return true;
	complain("REVOKE: errno", -pages);
	return false;
}

/* Compared while they are at it: then it may not be able to tell, but not differ. */
static bool books_do_not_differ(void)
{
	return verify_result() != 1;
}

static bool blow(time_t end)
{
	time_t look = now_seconds() + 5;

	/* Or it would hardly have its turn among so many. */
	setpriority(PRIO_PROCESS, 0, -20);
	for (int i = 0; i < board->workers; i++)
		begin_worker(i);
	while (now_seconds() < end) {
		usleep(5000 + chance(10000));
		if (!reap_workers(true) || atomic_load(&board->failed))
			return false;
		if (!chance(5))
			kill_some();
		if (!chance(4) && !revoke_some())
			return false;
		if (atomic_load(&board->incarnations) > MOST_WRITERS - 1000)
			break;
		if (now_seconds() < look)
			continue;
		if (!books_do_not_differ())
			return false;
		look = now_seconds() + 5;
	}
	return true;
}

static bool any_left(void)
{
	reap_workers(false);
	for (int i = 0; i < board->workers; i++)
		if (pids[i] > 0)
			return true;
	return false;
}

static bool calm(void)
{
	bool well = true;

	atomic_store(&board->stop, true);
	for (time_t end = now_seconds() + DEADLINE_SECONDS;
	     now_seconds() < end && any_left();)
		usleep(10000);
	for (int i = 0; i < board->workers; i++) {
		if (pids[i] <= 0)
			continue;
		complain("a process does not end, pid", pids[i]);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		well = false;
	}
	return well;
}

/* === What came of it ===================================================== */

static bool all_was_done(void)
{
	bool all = true;

	for (int op = 0; op < OPS; op++) {
		unsigned long count = atomic_load(&board->done[op]);

		printf("# %-8s %lu\n", op_names[op], count);
		all &= count > 0;
	}
	printf("# processes, and images in them: %u\n", board->incarnations);
	return all;
}

static bool nothing_is_held(__u64 owners)
{
	struct books books;

	if (make_owners(false) || !WAIT_UNTIL(!pages_out())) {
		complain("pages that are held", pages_out());
		return false;
	}
	if (!WAIT_UNTIL(!books_get(&books) && books.owners <= owners)) {
		complain("owners that are left", books.owners - owners);
		return false;
	}
	return true;
}

static int run_storm(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : SECONDS;
	struct books before;
	bool well;
	int ret;

	if (geteuid() || books_get(&before)) {
		printf("1..0 # SKIP needs root, and the module\n");
		return 4;
	}
	ret = set_up(argc, argv);
	if (ret) {
		printf("Bail out! storm [SECONDS [SEED [WORKERS]]]: %s\n",
		       strerror(-ret));
		return 1;
	}
	printf("TAP version 13\n1..4\n# %d processes, %d seconds, seed %llu\n",
	       board->workers, seconds, (unsigned long long)board->seed);
	fflush(stdout);
	well = blow(now_seconds() + seconds);
	well &= calm();
	/* Who fails may still be telling. */
	if (atomic_load(&board->failed))
		printf("# %.*s\n", (int)sizeof(board->text), board->text);
	verdict(well && !board->failed,
		"all that was seen was one's own, or given, or zero");
	verdict(all_was_done(), "everything was done");
	verdict(nothing_is_held(before.owners), "nothing is held afterwards");
	verdict(!verify_result(), "the books agree");
	open_to_all(false);
	return failures ? 1 : 0;
}

static int after_exec(char **argv)
{
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED,
		     BOARD_FD, 0);
	if (board == MAP_FAILED)
		return 3;
	worker_prepare(board, atoi(argv[2]));
	begin_after_exec(atoi(argv[3]), strtoull(argv[4], NULL, 10));
	return worker_run();
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], AFTER_EXEC))
		return after_exec(argv);
	return run_storm(argc, argv);
}
