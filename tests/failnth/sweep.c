// SPDX-License-Identifier: GPL-2.0-only
/* The sweep over one call. */
#include "failnth.h"
#include "admin_util.h"

/* Far more than any call allocates: it would never come to an end. */
#define MOST	5000
/* What is told of one call that goes wrong each time. */
#define COMPLAINTS	5

static const struct op *current;
static int attempt, complaints;

/* Of one call: how many allocations failed, and what came of that. */
static struct {
	int injected;
	int refused;
	int coped;
	int untold;
} count;

bool complain_begin(void)
{
	if (complaints++ >= COMPLAINTS)
		return false;
	printf("# %s, allocation %d: ", current->name, attempt);
	return true;
}

static bool documented(int err)
{
	size_t i;

	if (err == -EFAULT)
		return true;
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

/* It says that it has failed: has it, and does it work now? */
static bool refused(int err, const struct state *before)
{
	bool may_be_done = current->untold && (err == -ENOBUFS || err == -EFAULT);
	static struct state now;
	const char *line;

	if (!documented(err)) {
		complain("%s, which is not documented", strerror(-err));
		return false;
	}
	if (!look(&now))
		return false;
	line = state_differs(before, &now);
	if (line && !may_be_done) {
		complain("%s, and yet it has changed this: %s", strerror(-err), line);
		return false;
	}
	if (line) {
		count.untold++;
		return step("undoing it", current->after);
	}
	count.refused++;
	return step("once more, without a fault", current->run) &&
	       step("undoing it", current->after);
}

/* Return: 1 go on, 0 it has made all that it makes, -1 it went wrong. */
static int attempt_one(void)
{
	static struct state before;
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
	count.injected++;
	if (ret) {
		passed = refused(ret, &before);
	} else {
		count.coped++;
		passed = step("undoing it", current->after);
	}
	return passed && books_agree() ? 1 : -1;
}

static bool sweep_all(void)
{
	bool passed = true;
	int first = current->first ? current->first() : 1;

	if (first < 0) {
		complain("where to begin: %s", strerror(-first));
		return false;
	}
	for (attempt = first; attempt < MOST; attempt++) {
		int ret = attempt_one();

		if (!ret)
			break;
		passed &= ret > 0;
		/* What went wrong may go on for ever. */
		if (ret < 0 && complaints > COMPLAINTS)
			break;
	}
	if (attempt == MOST)
		complain("there is no end to it");
	if (!count.injected && !current->idle)
		complain("it was to allocate something, and did not");
	return passed && attempt < MOST && (count.injected || current->idle);
}

static bool sweep_dry(void)
{
	static struct state state;

	return step("before", current->before) && look(&state) &&
	       step("the call", current->run) && step("undoing it", current->after);
}

static void report(void)
{
	printf("# %s: %d failed allocations: %d refused, %d coped with, %d done but not told\n",
	       current->name, count.injected, count.refused, count.coped, count.untold);
	if (!count.injected && current->idle)
		printf("# %s: none, as %s\n", current->name, current->idle);
}

bool sweep(const struct op *op, bool dry)
{
	bool passed;

	current = op;
	attempt = 0;
	complaints = 0;
	memset(&count, 0, sizeof(count));
	passed = step("begin", op->begin) && (dry ? sweep_dry() : sweep_all());
	if (op->end)
		op->end();
	passed &= books_agree();
	if (!dry)
		report();
	return passed;
}
