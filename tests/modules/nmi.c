// SPDX-License-Identifier: GPL-2.0-only
/*
 * NMIs on request: an inter-processor interrupt with the NMI vector, to this CPU
 * or another. Works under emulation, where the performance counters' do not.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/percpu.h>

#include "context.h"

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>

static DEFINE_PER_CPU(atomic_t, lt_nmi_sent);

static struct {
	void (*fn)(unsigned int cpu, void *arg);
	void *arg;
} lt_nmi_call;

/* One that was not sent here is somebody else's. */
static int lt_nmi_handle(unsigned int type, struct pt_regs *regs)
{
	unsigned int cpu = smp_processor_id();
	atomic_t *sent = per_cpu_ptr(&lt_nmi_sent, cpu);

	if (atomic_read_acquire(sent) != 1)
		return NMI_DONE;
	if (lt_nmi_call.fn)
		lt_nmi_call.fn(cpu, lt_nmi_call.arg);
	atomic_set_release(sent, 0);
	return NMI_HANDLED;
}

int lt_nmi_init(void)
{
	return register_nmi_handler(NMI_LOCAL, lt_nmi_handle, 0, "labyrinth_context");
}

/* No NMI of ours is on its way: whoever sends waits for the last one's end. */
void lt_nmi_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, "labyrinth_context");
}

/* Only while none is on its way. */
void lt_nmi_set(void (*fn)(unsigned int cpu, void *arg), void *arg)
{
	lt_nmi_call.fn = fn;
	lt_nmi_call.arg = arg;
}

/**
 * lt_nmi_send - interrupt a CPU
 * @cpu: this one or another
 *
 * Return: false if the last one has not come to its end there: two at once would
 * arrive as one, and the next as nobody's.
 */
bool lt_nmi_send(unsigned int cpu)
{
	if (atomic_cmpxchg(per_cpu_ptr(&lt_nmi_sent, cpu), 0, 1))
		return false;
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
	return true;
}

bool lt_nmi_pending(unsigned int cpu)
{
	return atomic_read_acquire(per_cpu_ptr(&lt_nmi_sent, cpu));
}
#else
int lt_nmi_init(void)
{
	return -EOPNOTSUPP;
}

void lt_nmi_exit(void)
{
}

void lt_nmi_set(void (*fn)(unsigned int cpu, void *arg), void *arg)
{
}

bool lt_nmi_send(unsigned int cpu)
{
	return false;
}

bool lt_nmi_pending(unsigned int cpu)
{
	return false;
}
#endif
