// SPDX-License-Identifier: GPL-2.0-only
/* The sweep over one call. */
#include <time.h>

#include "failnth.h"
#include "admin_util.h"

/* Far more than any call allocates: it would never come to an end. */
#define MOST	5000
/* What is told of one call that goes wrong each time. */
#define COMPLAINTS	5
/*
 * Where there are no more, each. Where there are, each of so many at the beginning and
 * at the end, where things are published and undone; what is between them, many alike
 * (the pages of a table, what sysfs makes for each queue), in strides.
 */
#define FEW	64
#define EACH	20
#define STRIDE	13
/* How many of the last are tried once more. */
#define AGAIN	3

static const struct op *current;
static int attempt, complaints;
/* After the call, when nothing has failed. */
static struct state made;

/* How many failed, and what came of that. */
struct count {
	int kind[FAULTS];
	int refused;
	int coped;
	int untold;
};

static struct count count, sum;
static int calls;
/* The first that is of interest, and how many there are when nothing fails. */
static int first, last;

bool complain_begin(void)
{
	if (complaints++ >= COMPLAINTS)
		return false;
	printf("# %s, allocation %d: ", current->name, attempt);
	return true;
}

static int failures(const struct count *of)
{
	return of->kind[FAULT_SLAB] + of->kind[FAULT_PAGE] + of->kind[FAULT_COPY];
}

static const char *fault_name(enum fault kind)
{
	static const char *const names[] = {
		[FAULT_SLAB] = "slab", [FAULT_PAGE] = "page", [FAULT_COPY] = "copy",
	};

	return names[kind];
}

/* What can't be copied is EFAULT, and nothing else is. */
static bool documented(int err, enum fault kind)
{
	size_t i;

	if (kind == FAULT_COPY || err == -EFAULT)
		return kind == FAULT_COPY && err == -EFAULT;
	for (i = 0; i < OP_ERRORS && current->errors[i]; i++)
		if (err == -current->errors[i])
			return true;
	return false;
}

/* Without faults, and it must work. */
static bool step(const char *what, int (*fn)(void))
{
	int ret = fn ? fn() : 0;

	if (!ret)
		return true;
	complain("%s: %s", what, strerror(-ret));
	return false;
}

static bool look(struct state *state)
{
	int ret = state_read(state);

	if (ret)
		complain("the state can't be read: %s", strerror(-ret));
	return !ret;
}

/* 2: too busy to tell. */
static bool books_agree(void)
{
	__u64 result = 0;
	int tries;

	if (!module_loaded("labyrinth"))
		return true;
	for (tries = 0; tries < 5; tries++) {
		result = verify_result();
		if (result != 2)
			break;
	}
	if (result)
		complain("verify says %llu", result);
	return !result;
}

/*
 * It has been done, but that could not be told: then all of it has. Of an ioctl what
 * is declared to stay does, which is not all.
 */
static bool untold(const struct state *now)
{
	int which = state_sums_differ(&made, now);

	count.untold++;
	if (which < 0 || !current->command)
		return step("undoing it", current->after);
	complain("done but not told, and sum %d is %llu instead of %llu", which,
		 now->sum[which], made.sum[which]);
	return false;
}

/* It says that it has failed: has it, and does it work now? */
static bool refused(int err, enum fault kind, const struct state *before)
{
	bool may_be_done = current->untold && (err == -ENOBUFS || err == -EFAULT);
	static struct state now;
	const char *line;

	if (!documented(err, kind)) {
		complain("%s for a %s that failed, which is not documented",
			 strerror(-err), fault_name(kind));
		return false;
	}
	if (!look(&now))
		return false;
	line = state_differs(before, &now);
	if (line && !may_be_done) {
		complain("%s, and yet it has changed this: %s", strerror(-err), line);
		return false;
	}
	if (line)
		return untold(&now);
	count.refused++;
	return step("once more, without a fault", current->run) &&
	       step("undoing it", current->after);
}

/* It says that it could do without: has it done all the same? */
static bool coped(void)
{
	static struct state now;
	int which;

	count.coped++;
	if (!look(&now))
		return false;
	which = state_sums_differ(&made, &now);
	if (which >= 0 && !current->less) {
		complain("it says that it has been made, and sum %d is %llu instead of %llu",
			 which, now.sum[which], made.sum[which]);
		return false;
	}
	return step("undoing it", current->after);
}

/* Return: 1 go on, 0 it has made all that it makes, -1 it went wrong. */
static int attempt_one(void)
{
	static struct state before;
	enum fault kind;
	bool passed;
	int ret;

	if (!step("before", current->before) || !look(&before))
		return -1;
	inject_arm(attempt);
	ret = current->run();
	if (inject_disarm()) {
		if (!ret)
			return step("undoing it", current->after) ? 0 : -1;
		complain("%s without a fault", strerror(-ret));
		return -1;
	}
	kind = inject_kind();
	if (kind == FAULT_NONE) {
		complain("it was to fail, and nothing did");
		return -1;
	}
	count.kind[kind]++;
	passed = ret ? refused(ret, kind, &before) : coped();
	return passed && books_agree() ? 1 : -1;
}

/* How many there are without a fault; one more or less at another time. -1: it fails. */
static int allocates(void)
{
	int ret, left;

	if (!step("before", current->before))
		return -1;
	inject_arm(INJECT_NEVER);
	ret = current->run();
	left = inject_disarm();
	if (ret) {
		complain("%s without a fault", strerror(-ret));
		return -1;
	}
	return look(&made) && step("undoing it", current->after) ?
	       INJECT_NEVER - left : -1;
}

static int max_of(int one, int other)
{
	return one > other ? one : other;
}

static int next(int n)
{
	if (last - first < FEW || n + 1 < first + EACH || n + 1 > last - EACH)
		return n + 1;
	return n + STRIDE < last - EACH ? n + STRIDE : last - EACH;
}

/* Return: where it has come to its end; -1: it has not. */
static int sweep_from(int from, bool full, bool *passed)
{
	for (attempt = from; attempt < MOST;
	     attempt = full ? attempt + 1 : next(attempt)) {
		int ret = attempt_one();

		if (!ret)
			return attempt;
		*passed &= ret > 0;
		/* What went wrong may go on for ever. */
		if (ret < 0 && complaints > COMPLAINTS)
			return -1;
	}
	complain("there is no end to it");
	return -1;
}

/*
 * How many there are differs: a slab is empty, or it is not. So that what is last is
 * not passed over, the end comes twice; with @full all of it.
 */
static bool sweep_each(bool full)
{
	bool passed = true;
	int end = sweep_from(first, full, &passed);

	if (end > first)
		end = sweep_from(full ? first : max_of(first, end - AGAIN), full, &passed);
	return passed && end >= 0;
}

static bool sweep_all(bool full)
{
	bool passed;

	first = current->first && !full ? current->first() : 1;
	if (first < 0) {
		complain("where to begin: %s", strerror(-first));
		return false;
	}
	last = allocates();
	if (last < 0)
		return false;
	passed = sweep_each(full);
	if (!failures(&count) && !current->idle) {
		complain("something was to fail in it, and nothing did");
		passed = false;
	}
	if (failures(&count) && current->idle) {
		complain("nothing was to fail in it, and something did");
		passed = false;
	}
	return passed;
}

static bool sweep_dry(void)
{
	static struct state state;

	return step("before", current->before) && look(&state) &&
	       step("the call", current->run) && step("undoing it", current->after);
}

static void count_add(struct count *to, const struct count *of)
{
	int kind;

	for (kind = 0; kind < FAULTS; kind++)
		to->kind[kind] += of->kind[kind];
	to->refused += of->refused;
	to->coped += of->coped;
	to->untold += of->untold;
}

static void count_print(const struct count *of)
{
	printf("%d failed (slab %d, page %d, copy %d): ", failures(of),
	       of->kind[FAULT_SLAB], of->kind[FAULT_PAGE], of->kind[FAULT_COPY]);
	printf("%d refused, %d coped with, %d done but not told", of->refused,
	       of->coped, of->untold);
}

static void report(time_t begin)
{
	printf("# %s: %d in it, tried from %d on: ", current->name, last, first);
	count_print(&count);
	printf("; %ld s\n", (long)(time(NULL) - begin));
	if (current->idle)
		printf("# %s: none, as %s\n", current->name, current->idle);
}

void sweep_report(void)
{
	printf("# all %d calls: ", calls);
	count_print(&sum);
	printf("\n");
}

bool sweep(const struct op *op, const struct sweep_settings *settings)
{
	time_t begin = time(NULL);
	bool passed;

	current = op;
	attempt = 0;
	complaints = 0;
	first = 0;
	last = 0;
	memset(&count, 0, sizeof(count));
	passed = step("begin", op->begin) &&
		 (settings->dry ? sweep_dry() : sweep_all(settings->full));
	if (op->end)
		op->end();
	passed &= books_agree() && !complaints;
	calls++;
	count_add(&sum, &count);
	if (!settings->dry)
		report(begin);
	return passed;
}
