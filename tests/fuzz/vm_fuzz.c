// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: vm_fuzz
 *
 * Processes, as root and as nobody, make all calls that the module has, right ones
 * and wrong ones; this one kills them now and then. Every kind of call must have
 * succeeded, and at the end nothing is held and the books agree. TAP. As root, in a
 * VM, with the module loaded.
 *
 *	FUZZ_SEED	what is tried (printed; the same one tries the same programs)
 *	FUZZ_SECONDS	for how long (45)
 *	FUZZ_PROGRAMS	how many programs each process runs, whatever the time
 *	FUZZ_WORKERS	processes (16)
 *	FUZZ_TRACE	1: each call is told to the kernel's log before it is made
 */
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "vm_fuzz.h"

#define SECONDS		45
#define WORKERS		16
/* In tenths of a second: a process that makes no call for so long is killed. */
#define STUCK		80
#define NEVER_ENDS	1200

struct board *board;
static pid_t pids[MOST_WORKERS];
static u32 born[MOST_WORKERS];
static u32 workers, kills, stuck;
static u64 programs_each;
static struct dice dice;
static int failures, trace_fd = -1;
static __thread u32 me;

static void verdict(bool ok, const char *name)
{
	static int number;

	printf("%sok %d %s\n", ok ? "" : "not ", ++number, name);
	fflush(stdout);
	failures += !ok;
}

void complain(const char *what, u64 value)
{
	if (!atomic_exchange(&board->failed, true))
		snprintf(board->text, sizeof(board->text), "%s: %#llx", what,
			 (unsigned long long)value);
}

static u64 setting(const char *name, u64 otherwise)
{
	const char *said = getenv(name);

	return said && *said ? strtoull(said, NULL, 0) : otherwise;
}

/* === A worker ============================================================ */

void step_told(const struct cursor *at, u32 kind)
{
	const struct step *step = &at->program->step[at->step];
	char line[160];
	int length;

	atomic_fetch_add(&board->beat[me], 1);
	if (trace_fd < 0)
		return;
	length = snprintf(line, sizeof(line), "fuzz %u %u.%u: %s wild %u ", getpid(),
			  born[me], at->step, kind_of(kind)->name, step->wild);
	for (u32 i = 0; i < STEP_BYTES; i++)
		length += snprintf(line + length, sizeof(line) - length, "%02x",
				   step->bytes[i]);
	if (write(trace_fd, line, length) < 0)
		trace_fd = -1;
}

static int work_prepare(u32 index)
{
	int ret = nl_open(&have.nl) ?: spots_prepare();

	me = index;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	have.eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	/* While it is still root. */
	cover_open();
	if (!ret && index % 2)
		ret = become(NOBODY, NOBODY);
	return ret;
}

static int work(u32 index)
{
	struct dice mine = dice_of(board->seed, index * 1000003ULL + born[index]);
	struct program program;

	if (work_prepare(index))
		return 2;
	for (u64 done = 0; !atomic_load(&board->stop) &&
	     (!programs_each || done < programs_each); done++) {
		const struct program *kept = corpus_some(&mine);
		struct cursor at = { &program };

		if (kept && throw(&mine, 4)) {
			program = *kept;
			kept = corpus_some(&mine) ?: kept;
			program_change(&program, kept, &mine);
		} else {
			program_make(&program, &mine);
		}
		cover_begin();
		state_begin();
		program_run(&at, MOST_STEPS);
		state_end();
		if (cover_end())
			corpus_keep(&program);
		atomic_fetch_add(&board->programs, 1);
	}
	return 0;
}

static void begin_worker(u32 index)
{
	born[index]++;
	pids[index] = fork();
	if (!pids[index])
		_exit(work(index));
}

/* === The watch =========================================================== */

static bool ended_well(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : !WEXITSTATUS(status);
}

/* Return: how many are still at it. */
static u32 reap_workers(bool again)
{
	u32 left = 0;
	int status;

	for (u32 i = 0; i < workers; i++) {
		if (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
			if (!ended_well(status))
				complain("a process ended with wait status", status);
			pids[i] = 0;
			if (again && WIFSIGNALED(status))
				begin_worker(i);
		}
		left += pids[i] > 0;
	}
	return left;
}

/* Waiting without a limit is allowed; not to be killed is not. */
static void kill_stuck(void)
{
	static unsigned long beat[MOST_WORKERS];
	static u32 still[MOST_WORKERS];

	for (u32 i = 0; i < workers; i++) {
		unsigned long now = atomic_load(&board->beat[i]);

		still[i] = now == beat[i] && pids[i] > 0 ? still[i] + 1 : 0;
		beat[i] = now;
		if (still[i] == STUCK) {
			kill(pids[i], SIGKILL);
			stuck++;
		}
		if (still[i] == NEVER_ENDS)
			complain("a process can't be killed, pid", pids[i]);
	}
}

static bool succeeded(u32 kind)
{
	return kind_of(kind)->may_fail || atomic_load(&board->answers[kind][0]);
}

/* On a slow machine some kind may not have come to its right yet: ten times as long. */
static bool time_is_over(time_t begun, time_t seconds)
{
	bool all = true;

	if (now_seconds() < begun + seconds)
		return false;
	for (u32 kind = 0; kind < KINDS; kind++)
		all &= succeeded(kind);
	return all || now_seconds() >= begun + 10 * seconds;
}

static void watch(time_t seconds)
{
	time_t begun = now_seconds();

	for (u32 i = 0; i < workers; i++)
		begin_worker(i);
	while (reap_workers(true) && !atomic_load(&board->failed)) {
		u32 index = throw(&dice, workers);

		usleep(100000);
		kill_stuck();
		if (!programs_each && time_is_over(begun, seconds))
			atomic_store(&board->stop, true);
		if (!programs_each && !throw(&dice, 8) && pids[index] > 0 &&
		    !atomic_load(&board->stop)) {
			kill(pids[index], SIGKILL);
			kills++;
		}
	}
	atomic_store(&board->stop, true);
	for (u32 i = 0; i < workers; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	for (u32 tenths = 0; reap_workers(false) && tenths < NEVER_ENDS; tenths++)
		usleep(100000);
	if (reap_workers(false))
		complain("processes that can't be killed", reap_workers(false));
}

/* === What came of it ===================================================== */

static void show_kind(u32 kind)
{
	unsigned long tried = 0, count;

	for (u32 i = 0; i < ANSWERS; i++)
		tried += atomic_load(&board->answers[kind][i]);
	printf("# %-16s tried %8lu, ok %8lu", kind_of(kind)->name, tried,
	       atomic_load(&board->answers[kind][0]));
	for (u32 i = 1; i < ANSWERS; i++) {
		count = atomic_load(&board->answers[kind][i]);
		if (count)
			printf(" %s %lu", strerrorname_np(i) ?: "?", count);
	}
	putchar('\n');
}

static bool all_succeeded(void)
{
	bool all = true;

	for (u32 kind = 0; kind < KINDS; kind++) {
		show_kind(kind);
		if (succeeded(kind))
			continue;
		printf("# never succeeded: %s\n", kind_of(kind)->name);
		all = false;
	}
	return all;
}

static unsigned long all_calls(void)
{
	unsigned long all = 0;

	for (u32 kind = 0; kind < KINDS; kind++)
		for (u32 i = 0; i < ANSWERS; i++)
			all += atomic_load(&board->answers[kind][i]);
	return all;
}

/* In one go: a dump's answers would be in the way of what is asked meanwhile. */
static int note_named(const struct nlmsghdr *nlh, void *arg)
{
	u32 *found = arg;

	if (nl_get(nlh, LABYRINTH_A_OWNER_KIND) == LABYRINTH_OWNER_NAMED)
		*found = nl_get(nlh, LABYRINTH_A_OWNER_ID);
	return 0;
}

static int delete_named(void)
{
	static struct nl_message msg;
	struct nl nl;
	u32 found;
	int ret = nl_open(&nl);

	while (!ret) {
		found = 0;
		nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, NLM_F_DUMP);
		ret = nl_run(&nl, &msg, note_named, &found);
		if (ret || !found)
			break;
		nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_DEL, 0);
		nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, found);
		ret = nl_call(&nl, &msg);
	}
	nl_close(&nl);
	return ret;
}

static bool nothing_is_held(const struct books *before)
{
	struct books books;
	int ret;

	/* Descriptors that nobody received. */
	close(board->post[0]);
	close(board->post[1]);
	ret = recording(false) ?: delete_named() ?:
	      reserve_set(before->low, before->high, before->emergency);
	if (ret || !WAIT_UNTIL(!pages_out())) {
		printf("# errno %d; pages that are held: %lld\n", -ret, (long long)pages_out());
		return false;
	}
	if (WAIT_UNTIL(!books_get(&books) && books.owners <= before->owners))
		return true;
	printf("# owners that are left: %llu\n", books.owners - before->owners);
	return false;
}

static int set_up(void)
{
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return -errno;
	board->seed = setting("FUZZ_SEED", (u64)time(NULL) * 1000 + getpid() % 1000);
	dice = dice_of(board->seed, ~0ULL);
	programs_each = setting("FUZZ_PROGRAMS", 0);
	workers = setting("FUZZ_WORKERS", WORKERS);
	if (!workers || workers > MOST_WORKERS)
		return -EINVAL;
	if (setting("FUZZ_TRACE", 0))
		trace_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	cover_find_text();
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, board->post))
		return -errno;
	return recording(true) ?: open_to_all(true);
}

static void report(bool covered)
{
	printf("# programs: %lu, calls: %lu, blocks seen to be zero: %lu\n",
	       atomic_load(&board->programs), all_calls(), atomic_load(&board->zeroes));
	printf("# processes killed: %u, that waited without end: %u\n", kills, stuck);
	if (covered)
		printf("# edges: %lu, programs kept for them: %u\n",
		       atomic_load(&board->edges), atomic_load(&board->kept));
	else
		printf("# no KCOV in this kernel: what is reached is not known\n");
}

int main(void)
{
	bool covered = !access("/sys/kernel/debug/kcov", R_OK | W_OK);
	struct books before;
	int ret;

	if (geteuid() || books_get(&before)) {
		printf("1..0 # SKIP needs root, and the module\n");
		return 4;
	}
	ret = set_up();
	if (ret) {
		printf("Bail out! vm_fuzz: %s\n", strerror(-ret));
		return 1;
	}
	printf("TAP version 13\n1..%d\n# FUZZ_SEED=%llu, %u processes\n", covered ? 5 : 4,
	       (unsigned long long)board->seed, workers);
	fflush(stdout);
	watch(setting("FUZZ_SECONDS", SECONDS));
	report(covered);
	if (atomic_load(&board->failed))
		printf("# %.*s\n", (int)sizeof(board->text), board->text);
	verdict(!atomic_load(&board->failed),
		"every process ended as it should, and saw nothing wrong");
	verdict(all_succeeded(), "every kind of call succeeded");
	if (covered)
		verdict(atomic_load(&board->edges) > 100,
			"programs were kept for what they reached");
	verdict(nothing_is_held(&before), "nothing is held afterwards");
	verdict(!verify_result(), "the books agree");
	open_to_all(false);
	return failures ? 1 : 0;
}
