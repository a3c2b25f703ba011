/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's worker, kept from running: it is confined to a CPU on which a
 * real-time thread takes all the time. Then what is freed stays unwiped for as long
 * as a test wants. Whatever waits for the worker (RESERVE_SET, VERIFY) waits too.
 */
#ifndef LABYRINTH_SELFTESTS_WORKER_UTIL_H
#define LABYRINTH_SELFTESTS_WORKER_UTIL_H

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

#include "util.h"

#define WORKER_CPU	1
#define WORKER_CPUS	"/sys/devices/virtual/workqueue/labyrinth/cpumask"
/* Both let ordinary threads run for a moment all the same. */
#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"
#define FAIR_RUNTIME	"/sys/kernel/debug/sched/fair_server/cpu1/runtime"

struct worker_hold {
	pthread_t thread;
	atomic_bool runs;
	atomic_bool stop;
	char cpus[256], rt[32], fair[32];	/* as they were */
	pid_t softirqs;
};

/* @text, 0-terminated; "" if there is no such file. */
static inline void get_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);

	text[got < 0 ? 0 : got] = 0;
	close(fd);
}

/* "" leaves it as it is. */
static inline int set_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (*text && (fd < 0 || write(fd, text, strlen(text)) < 0))
		ret = -errno;
	close(fd);
	return ret;
}

static inline void *take_all_time(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	struct worker_hold *hold = arg;

	if (!pin_to_cpu(WORKER_CPU) &&
	    !sched_setscheduler(0, SCHED_FIFO, &param))
		atomic_store(&hold->runs, true);
	/* Threads of the kernel's, as urgent as this one, have their turns. */
	while (!atomic_load(&hold->stop))
		sched_yield();
	return NULL;
}

/* The worker may run again, but for now on that CPU alone. */
static inline void worker_go(struct worker_hold *hold)
{
	if (atomic_exchange(&hold->stop, true))
		return;
	pthread_join(hold->thread, NULL);
}

/* From here on, until worker_go(). The caller is on another CPU. 0 or -errno. */
static inline int worker_stop(struct worker_hold *hold)
{
	int ret;

	atomic_store(&hold->stop, false);
	atomic_store(&hold->runs, false);
	ret = -pthread_create(&hold->thread, NULL, take_all_time, hold);
	if (ret)
		return ret;
	if (WAIT_UNTIL(atomic_load(&hold->runs)))
		return 0;
	worker_go(hold);
	return -EPERM;
}

/* The kernel's thread of that name, or 0. */
static inline pid_t kernel_thread(const char *name)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		char path[300], comm[32];

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		get_text(path, comm, sizeof(comm));
		comm[strcspn(comm, "\n")] = 0;
		if (!strcmp(comm, name))
			found = atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return found;
}

/*
 * On PREEMPT_RT timers run in a thread, an ordinary one up to 6.12, and without its
 * timer RCU ends no grace period, for which some calls of the module's wait.
 */
static inline int set_urgent(pid_t pid, bool urgent)
{
	struct sched_param param = { .sched_priority = urgent ? 2 : 0 };

	return pid && sched_setscheduler(pid, urgent ? SCHED_FIFO : SCHED_OTHER,
					 &param) ? -errno : 0;
}

/* Once, before the first worker_stop(); worker_free() is right after both. */
static inline int worker_confine(struct worker_hold *hold)
{
	int ret;

	memset(hold, 0, sizeof(*hold));
	atomic_store(&hold->stop, true);
	get_text(WORKER_CPUS, hold->cpus, sizeof(hold->cpus));
	get_text(RT_RUNTIME, hold->rt, sizeof(hold->rt));
	get_text(FAIR_RUNTIME, hold->fair, sizeof(hold->fair));
	hold->softirqs = kernel_thread("ksoftirqd/1");
	ret = set_text(WORKER_CPUS, "2") ?: set_text(RT_RUNTIME, "-1");
	ret = ret ?: set_urgent(hold->softirqs, true);
	return ret ?: set_text(FAIR_RUNTIME, hold->fair[0] ? "0" : "");
}

static inline void worker_free(struct worker_hold *hold)
{
	worker_go(hold);
	set_urgent(hold->softirqs, false);
	set_text(FAIR_RUNTIME, hold->fair);
	set_text(RT_RUNTIME, hold->rt);
	set_text(WORKER_CPUS, hold->cpus);
}

#endif /* LABYRINTH_SELFTESTS_WORKER_UTIL_H */
