// SPDX-License-Identifier: GPL-2.0-only
/*
 * labyrinth_capture: from an interrupt handler to user space, with one owner at
 * every instant. A sample to copy from.
 *
 * The device is a timer. At each of its interrupts, which are hard ones on
 * PREEMPT_RT too, the handler takes a page, copies the device's data into it and
 * gives it to a named owner; whoever is attached to that takes, maps or reads,
 * and frees it:
 *
 *	labyrinth owner add sensor --accept any
 *	insmod labyrinth_capture.ko to=sensor rate_hz=1000
 *	labyrinth take -o sensor --follow
 *
 * No page, or nobody who takes it: the interrupt's data is dropped, and counted.
 */
#include <linux/err.h>
#include <linux/labyrinth.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "labyrinth_capture.h"

#define CAPTURE_MAX	(PAGE_SIZE - sizeof(struct labyrinth_capture_record))

static char *to = "capture";
module_param(to, charp, 0444);
MODULE_PARM_DESC(to, "name of the owner that the pages are given to");

static unsigned int rate_hz = 1000;
module_param(rate_hz, uint, 0444);
MODULE_PARM_DESC(rate_hz, "interrupts a second");

static unsigned long count;
module_param(count, ulong, 0444);
MODULE_PARM_DESC(count, "interrupts until it stops; 0: never");

static unsigned int payload = 1024;
module_param(payload, uint, 0444);
MODULE_PARM_DESC(payload, "bytes of data in each interrupt");

/* What came of it, to be read in /sys/module/labyrinth_capture/parameters. */
static unsigned long interrupts, given;
module_param(interrupts, ulong, 0444);
MODULE_PARM_DESC(interrupts, "interrupts so far: given, or dropped");
module_param(given, ulong, 0444);
MODULE_PARM_DESC(given, "pages given away");

static unsigned long dropped_no_page, dropped_inbox_full, dropped_refused;
module_param(dropped_no_page, ulong, 0444);
MODULE_PARM_DESC(dropped_no_page, "there was no page");
module_param(dropped_inbox_full, ulong, 0444);
MODULE_PARM_DESC(dropped_inbox_full, "the reader was too slow");
module_param(dropped_refused, ulong, 0444);
MODULE_PARM_DESC(dropped_refused, "the receiver would not have it: quota, accept, gone");

/**
 * struct capture - the one device
 * @timer: its interrupt
 * @source: ours: who has the page between taking and giving it
 * @sink: who gets it
 * @data: where the device delivers
 */
static struct capture {
	struct hrtimer timer;
	struct labyrinth_owner *source;
	struct labyrinth_owner *sink;
	struct labyrinth_capture_record *data;
} capture;

/* Stands for the device. Return: bytes that it has delivered. */
static u32 capture_data(void)
{
	struct labyrinth_capture_record *data = capture.data;
	u32 i;

	data->magic = LABYRINTH_CAPTURE_MAGIC;
	data->length = payload;
	data->sequence = interrupts;
	data->timestamp_ns = ktime_get_mono_fast_ns();
	data->dropped = dropped_no_page + dropped_inbox_full + dropped_refused;
	for (i = 0; i < payload; i++)
		data->payload[i] = labyrinth_capture_byte(data->sequence, i);
	data->checksum = labyrinth_capture_checksum(data);
	return sizeof(*data) + payload;
}

static void capture_refused(u32 reason)
{
	if (reason == LABYRINTH_REASON_INBOX)
		dropped_inbox_full++;
	else
		dropped_refused++;
}

/**
 * capture_one - from the device to the reader
 *
 * The point of it all. Nothing here sleeps, takes a lock or asks the page
 * allocator, and the number of steps is bounded: alloc_page(GFP_ATOMIC) can say
 * none of that. What the record does not fill of the page is zero already.
 *
 * Context: any; here hard interrupt.
 */
static void capture_one(void)
{
	u32 used = capture_data();
	labyrinth_handle_t handle;
	u32 reason;
	void *page;

	page = alloc_page_gfp_atomic_exclusive(capture.source, &handle);
	if (!page) {
		dropped_no_page++;
		return;
	}
	memcpy(page, capture.data, used);
	if (labyrinth_give(capture.source, handle, capture.sink,
			   capture.data->sequence, used, &reason)) {
		/* Refused, so it is still ours. */
		capture_refused(reason);
		labyrinth_free(capture.source, handle);
		return;
	}
	/* From here on @page is the receiver's, and not to be touched. */
	given++;
}

static enum hrtimer_restart capture_interrupt(struct hrtimer *timer)
{
	capture_one();
	/* Last: whoever sees the number sees what came of that interrupt. */
	smp_store_release(&interrupts, interrupts + 1);
	if (count && interrupts >= count)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(NSEC_PER_SEC / rate_hz));
	return HRTIMER_RESTART;
}

/**
 * capture_owner - make our owner
 *
 * It has a page only between taking and giving it: a quota of one is enough. A
 * guarantee would set pages aside that nobody else can take.
 *
 * Return: the owner, or ERR_PTR.
 */
static struct labyrinth_owner *capture_owner(void)
{
	const struct labyrinth_owner_spec spec = {
		.name = KBUILD_MODNAME,
		.quota = 1,
	};

	return labyrinth_owner_create(&spec);
}

static int __init capture_init(void)
{
	int err;

	if (!rate_hz || rate_hz > 100000 || payload > CAPTURE_MAX)
		return -EINVAL;
	capture.data = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!capture.data)
		return -ENOMEM;
	capture.sink = labyrinth_owner_find(to);
	if (IS_ERR(capture.sink)) {
		pr_err("there is no owner '%s': labyrinth owner add\n", to);
		err = PTR_ERR(capture.sink);
		goto err_data;
	}
	capture.source = capture_owner();
	if (IS_ERR(capture.source)) {
		err = PTR_ERR(capture.source);
		goto err_sink;
	}
	/* _HARD: in hard interrupt context on PREEMPT_RT too. */
	hrtimer_setup(&capture.timer, capture_interrupt, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	hrtimer_start(&capture.timer, ns_to_ktime(NSEC_PER_SEC / rate_hz),
		      HRTIMER_MODE_REL_HARD);
	return 0;

err_sink:
	labyrinth_owner_put(capture.sink);
err_data:
	kfree(capture.data);
	return err;
}

/* Interrupts first: no call may begin once its owner is destroyed. */
static void __exit capture_exit(void)
{
	hrtimer_cancel(&capture.timer);
	labyrinth_owner_destroy(capture.source);
	labyrinth_owner_put(capture.sink);
	kfree(capture.data);
}

module_init(capture_init);
module_exit(capture_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Labyrinth: a sample: pages from an interrupt to a named owner");
