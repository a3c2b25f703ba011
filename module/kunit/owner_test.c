// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners: names, numbers, charges and quota, guarantees, and what is left of one
 * that dies.
 */
#include <linux/cred.h>

#include "../inbox.h"
#include "../reserve.h"
#include "suite.h"

static const struct labyrinth_owner_spec plain = {
	.name = "kunit.owner",
	.quota = 8,
};

/* === Names =============================================================== */

struct name_param {
	const char *name;
	bool valid;
};

static const struct name_param name_params[] = {
	{ "a", true }, { "Z", true }, { "0", true }, { ".", true }, { "_", true },
	{ "-", true }, { "vault.1_B-x", true },
	{ "a234567890123456789012345678901", true },
	{ "", false }, { "a b", false }, { "a/b", false }, { "a\n", false },
	{ "\x80", false }, { "a\xc3\xa4", false }, { "%s", false },
	{ "a2345678901234567890123456789012", false },
};

static void name_name(const struct name_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%zu bytes, %s",
		 strlen(param->name), param->valid ? "valid" : "refused");
}

KUNIT_ARRAY_PARAM(name, name_params, name_name);

static void name_valid(struct kunit *test)
{
	const struct name_param *p = test->param_value;
	size_t length = strlen(p->name);

	KUNIT_EXPECT_EQ(test, lab_name_valid(p->name, length + 1), p->valid);
	/* Without an end it is none, whatever it has. */
	KUNIT_EXPECT_FALSE(test, lab_name_valid(p->name, length));
}

/* === The table =========================================================== */

static struct lab_owner_spec named_spec(const char *name)
{
	return (struct lab_owner_spec){
		.kind = LABYRINTH_OWNER_NAMED,
		.name = name,
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
		.mode = 0600,
		.quota = 8,
	};
}

static void create_fields(struct kunit *test)
{
	const struct labyrinth_owner_spec spec = {
		.name = "kunit.fields",
		.quota = 123,
		.emergency = true,
		.accept = LABYRINTH_ACCEPT_ANY,
		.inbox = 17,
	};
	struct labyrinth_owner *owner = lab_kunit_owner(test, &spec);
	struct labyrinth_owner *found = lab_owner_by_id(owner->lab, owner->id);

	KUNIT_EXPECT_PTR_EQ(test, found, owner);
	if (found)
		lab_owner_put(found);
	KUNIT_EXPECT_GE(test, owner->id, 1);
	KUNIT_EXPECT_LE(test, owner->id, LAB_MAX_OWNER);
	KUNIT_EXPECT_EQ(test, (int)owner->kind, LABYRINTH_OWNER_KERNEL);
	KUNIT_EXPECT_STREQ(test, owner->name, "kunit.fields");
	KUNIT_EXPECT_EQ(test, owner->quota, 123);
	KUNIT_EXPECT_TRUE(test, owner->emergency);
	KUNIT_EXPECT_EQ(test, owner->accept, LABYRINTH_ACCEPT_ANY);
	KUNIT_EXPECT_EQ(test, lab_inbox_capacity(owner), 17);
	KUNIT_EXPECT_EQ(test, lab_inbox_used(owner), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
	/* A kernel owner has no name to be found by, nor one to be taken. */
	KUNIT_EXPECT_NULL(test, lab_owner_by_name(owner->lab, "kunit.fields"));
	KUNIT_EXPECT_NE(test, lab_kunit_owner(test, &spec)->id, owner->id);
}

struct spec_param {
	const char *what;
	struct labyrinth_owner_spec spec;
};

static const struct spec_param spec_params[] = {
	{ "no name", { .quota = 1 } },
	{ "a name with a blank", { .name = "a b" } },
	{ "whom to accept past the last",
	  { .name = "a", .accept = LABYRINTH_ACCEPT_ANY + 1 } },
	{ "an inbox past the most", { .name = "a", .inbox = LABYRINTH_INBOX_MAX + 1 } },
};

static void spec_what(const struct spec_param *param, char *desc)
{
	strscpy(desc, param->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(spec, spec_params, spec_what);

static void create_refused(struct kunit *test)
{
	const struct spec_param *p = test->param_value;

	KUNIT_EXPECT_PTR_EQ(test, labyrinth_owner_create(&p->spec),
			    (struct labyrinth_owner *)ERR_PTR(-EINVAL));
}

static void named_life(struct kunit *test)
{
	struct labyrinth *lab = lab_kunit_owner(test, &plain)->lab;
	struct lab_owner_spec spec = named_spec("kunit.named");
	unsigned int count = lab->owners.count;
	struct labyrinth_owner *owner, *second, *found;

	owner = lab_owner_create(lab, &spec);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner);
	KUNIT_EXPECT_EQ(test, lab->owners.count, count + 1);
	second = lab_owner_create(lab, &spec);
	KUNIT_EXPECT_PTR_EQ(test, second,
			    (struct labyrinth_owner *)ERR_PTR(-EEXIST));
	KUNIT_EXPECT_EQ(test, lab->owners.count, count + 1);
	found = lab_owner_by_name(lab, "kunit.named");
	KUNIT_EXPECT_PTR_EQ(test, found, owner);
	if (found)
		lab_owner_put(found);

	lab_owner_kill(owner, true);
	KUNIT_EXPECT_TRUE(test, lab_owner_dying(owner));
	KUNIT_EXPECT_EQ(test, lab->owners.count, count);
	KUNIT_EXPECT_NULL(test, lab_owner_by_name(lab, "kunit.named"));
	KUNIT_EXPECT_NULL(test, lab_owner_by_id(lab, owner->id));
	KUNIT_EXPECT_EQ(test, lab_owner_set_quota(owner, 5), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, owner->quota, 0);
	/* A second end changes nothing; the name is free again at once. */
	lab_owner_kill(owner, true);
	KUNIT_EXPECT_EQ(test, lab->owners.count, count);
	second = lab_owner_create(lab, &spec);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, second);
	if (!IS_ERR_OR_NULL(second)) {
		KUNIT_EXPECT_NE(test, second->id, owner->id);
		lab_owner_kill(second, true);
		lab_owner_put(second);
	}
	lab_owner_put(owner);
}

/* A number is kept until the worker has been through the dirty map. */
static void number_buried(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth *lab = owner->lab;
	u32 id = owner->id;

	lab_owner_get(owner);
	lab_kunit_destroy(test, owner);
	lab_worker_run(lab);
	KUNIT_EXPECT_PTR_EQ(test, xa_load(&lab->owners.table, id), (void *)owner);
	lab_owner_put(owner);
	lab_worker_run(lab);
	KUNIT_EXPECT_NULL(test, xa_load(&lab->owners.table, id));
}

/* === Charges ============================================================= */

struct charge_param {
	const char *what;
	unsigned long quota;
	unsigned long held;
	unsigned long more;
	enum labyrinth_reason reason;
};

static const struct charge_param charge_params[] = {
	{ "all of it", 8, 0, 8, LABYRINTH_REASON_NONE },
	{ "the last one", 8, 7, 1, LABYRINTH_REASON_NONE },
	{ "one too many", 8, 8, 1, LABYRINTH_REASON_QUOTA },
	{ "a block over the end", 8, 1, 8, LABYRINTH_REASON_QUOTA },
	{ "of no quota", 0, 0, 1, LABYRINTH_REASON_QUOTA },
	{ "without a limit", ULONG_MAX, 8, 512, LABYRINTH_REASON_NONE },
	{ "up to the largest number", LONG_MAX, 0, LONG_MAX, LABYRINTH_REASON_NONE },
};

static void charge_what(const struct charge_param *param, char *desc)
{
	strscpy(desc, param->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(charge, charge_params, charge_what);

static void charge_quota(struct kunit *test)
{
	const struct charge_param *p = test->param_value;
	const struct labyrinth_owner_spec spec = {
		.name = "kunit.charge",
		.quota = p->quota,
	};
	struct labyrinth_owner *owner = lab_kunit_owner(test, &spec);
	long held = (long)p->held;

	KUNIT_ASSERT_EQ(test, (int)lab_charge(owner, p->held),
			LABYRINTH_REASON_NONE);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, p->more), (int)p->reason);
	if (p->reason == LABYRINTH_REASON_NONE) {
		KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used),
				held + (long)p->more);
		lab_uncharge(owner, p->more);
	}
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), held);
	lab_uncharge(owner, p->held);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->pending), 0);
}

static void charge_pending(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);

	KUNIT_EXPECT_EQ(test, (int)lab_charge_pending(owner, 8),
			LABYRINTH_REASON_NONE);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->pending), 8);
	KUNIT_EXPECT_EQ(test, (int)lab_charge_pending(owner, 1),
			LABYRINTH_REASON_QUOTA);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->pending), 8);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 8);
	lab_settle_pending(owner, 3);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->pending), 5);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 8);
	lab_uncharge_pending(owner, 5);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->pending), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 3);
	lab_uncharge(owner, 3);
}

/* Lowered below what is held: that is kept, and no more is had. */
static void quota_lowered(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);

	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 6), LABYRINTH_REASON_NONE);
	KUNIT_EXPECT_EQ(test, lab_owner_set_quota(owner, 5), 0);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 1), LABYRINTH_REASON_QUOTA);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 6);
	lab_uncharge(owner, 1);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 1), LABYRINTH_REASON_QUOTA);
	lab_uncharge(owner, 1);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 1), LABYRINTH_REASON_NONE);
	/* What can't be refused is charged over it. */
	lab_recharge(owner, 7);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 12);
	lab_uncharge(owner, 12);
}

/* A file's owner: its user's RLIMIT_MEMLOCK, by all who charge that user. */
static void charge_memlock(struct kunit *test)
{
	struct labyrinth *lab = lab_kunit_owner(test, &plain)->lab;
	const struct lab_owner_spec spec = {
		.kind = LABYRINTH_OWNER_FILE,
		.name = "kunit.file",
		.quota = 100,
	};
	struct labyrinth_owner *owner = lab_owner_create(lab, &spec);
	atomic_long_t *locked;
	long before;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner);
	locked = &owner->account[0].user->locked_vm;
	before = atomic_long_read(locked);
	owner->account[0].limit = (unsigned long)before + 3;
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 4), LABYRINTH_REASON_MEMLOCK);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(locked), before);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 3), LABYRINTH_REASON_NONE);
	KUNIT_EXPECT_EQ(test, atomic_long_read(locked), before + 3);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->account[0].charged), 3);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 1), LABYRINTH_REASON_MEMLOCK);
	/* Quota is looked at first. */
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 98), LABYRINTH_REASON_QUOTA);
	lab_uncharge(owner, 3);
	KUNIT_EXPECT_EQ(test, atomic_long_read(locked), before);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->account[0].charged), 0);
	lab_owner_kill(owner, true);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 1), LABYRINTH_REASON_DYING);
	lab_owner_put(owner);
}

/* Another user pays: the whole charge goes along, and none stays behind. */
static void account_moves(struct kunit *test)
{
	struct labyrinth *lab = lab_kunit_owner(test, &plain)->lab;
	struct lab_owner_spec spec = named_spec("kunit.payer");
	struct labyrinth_owner *owner = lab_owner_create(lab, &spec);
	struct user_struct *user = current_user();
	long before = atomic_long_read(&user->locked_vm);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner);
	/* Nobody pays yet, and it is counted all the same. */
	KUNIT_EXPECT_NULL(test, lab_payer(owner)->user);
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 5), LABYRINTH_REASON_NONE);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&lab_payer(owner)->charged), 5);
	mutex_lock(&lab->owners.lock);
	mutex_lock(&lab->reserve_lock);
	lab_account_move(owner, user, 100);
	mutex_unlock(&lab->reserve_lock);
	mutex_unlock(&lab->owners.lock);
	KUNIT_EXPECT_PTR_EQ(test, lab_payer(owner)->user, user);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&lab_payer(owner)->charged), 5);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->account[!owner->payer].charged),
			0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&user->locked_vm), before + 5);
	lab_uncharge(owner, 5);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&user->locked_vm), before);
	lab_owner_kill(owner, true);
	lab_owner_put(owner);
}

/* A file that is to act as another shuts its own owner, if that is empty. */
static void close_empty(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);

	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 1), LABYRINTH_REASON_NONE);
	KUNIT_EXPECT_FALSE(test, lab_owner_close_empty(owner));
	KUNIT_EXPECT_EQ(test, owner->quota, plain.quota);
	lab_uncharge(owner, 1);
	KUNIT_EXPECT_TRUE(test, lab_owner_close_empty(owner));
	KUNIT_EXPECT_EQ(test, (int)lab_charge(owner, 1), LABYRINTH_REASON_QUOTA);
}

static struct kunit_case owner_cases[] = {
	KUNIT_CASE_PARAM(name_valid, name_gen_params),
	KUNIT_CASE(create_fields),
	KUNIT_CASE_PARAM(create_refused, spec_gen_params),
	KUNIT_CASE(named_life),
	KUNIT_CASE(number_buried),
	KUNIT_CASE_PARAM(charge_quota, charge_gen_params),
	KUNIT_CASE(charge_pending),
	KUNIT_CASE(quota_lowered),
	KUNIT_CASE(charge_memlock),
	KUNIT_CASE(account_moves),
	KUNIT_CASE(close_empty),
	{}
};

static struct kunit_suite owner_suite = {
	.name = "labyrinth-owner",
	.test_cases = owner_cases,
};

kunit_test_suite(owner_suite);
