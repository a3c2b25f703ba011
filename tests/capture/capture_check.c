// SPDX-License-Identifier: GPL-2.0-only
/*
 * capture_check: takes what labyrinth_capture gives to a named owner, and proves
 * that it is all there: see help().
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "stream.h"

#define BATCH_MAX	1024
#define QUIET_MS	3000

static struct {
	unsigned int timeout;
	unsigned int batch;
	unsigned int pause_ms;
	const char *source;
} option = {
	.timeout = 60,
	.batch = 64,
	.source = "/sys/module/labyrinth_capture/parameters",
};

static void help(FILE *to)
{
	fputs("usage: capture_check [-t SECONDS] [-b BATCH] [-p MS] [-s DIRECTORY] OWNER\n"
	      "\n"
	      "Takes what labyrinth_capture gives to OWNER, until all its interrupts (its\n"
	      "parameter count) are accounted for, and checks each record and the sequence.\n"
	      "\n"
	      "  -t SECONDS    give up after that time (60)\n"
	      "  -b BATCH      pages taken and freed at once (64)\n"
	      "  -p MS         pause after each batch, so that pages have to wait (0)\n"
	      "  -s DIRECTORY  where the source's counts are\n"
	      "\n"
	      "Exit status: 0 if nothing was lost, doubled or altered; 1 if something was; 2 if\n"
	      "that can't be told.\n", to);
}

static _Noreturn void fail(const char *what, int err)
{
	fprintf(stderr, "capture_check: %s: %s\n", what, strerror(-err));
	exit(2);
}

static __u64 source_count(const char *name)
{
	char path[256];
	__u64 value;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", option.source, name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &value) != 1)
		fail(path, -ENODATA);
	fclose(file);
	return value;
}

/* The module stores the number of interrupts last, so it is read first. */
static void read_source(struct capture_source *source)
{
	source->interrupts = source_count("interrupts");
	source->given = source_count("given");
	source->dropped = source_count("dropped_no_page") +
			  source_count("dropped_inbox_full") +
			  source_count("dropped_refused");
}

/* Return: pages taken, 0 if there were none. */
static unsigned int take_batch(int fd, struct capture_stream *stream)
{
	static struct capture_page page;
	__u64 handles[BATCH_MAX];
	int taken = device_take(fd, handles, option.batch), err, i;

	if (taken == -EAGAIN)
		return 0;
	if (taken < 0)
		fail("take", taken);
	for (i = 0; i < taken; i++) {
		err = device_read(fd, handles[i], &page);
		if (err)
			fail("read", err);
		capture_stream_page(stream, &page);
	}
	err = device_free(fd, handles, (uint32_t)taken);
	if (err)
		fail("free", err);
	return (unsigned int)taken;
}

static void await(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	if (poll(&wait, 1, 100) < 0)
		fail("poll", -errno);
	if (wait.revents & (POLLERR | POLLHUP))
		fail("poll: the owner is gone", -ESHUTDOWN);
}

static void pause_between(void)
{
	if (option.pause_ms)
		usleep(option.pause_ms * 1000);
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/*
 * The source is done, and nothing comes any more: pages may be on their way through
 * another owner, and one too many may come as well.
 */
static bool quiet(int fd, const struct capture_stream *stream)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, stream->records == source_count("given") ?
		    QUIET_MS / 10 : QUIET_MS) == 0;
}

/* Return: false if the time was up before the source was done. */
static bool take_all(int fd, struct capture_stream *stream, __u64 count)
{
	time_t end = seconds() + option.timeout;
	bool finished;

	do {
		/* Before taking: what was given before that is in the inbox. */
		finished = source_count("interrupts") >= count;
		if (take_batch(fd, stream))
			pause_between();
		else if (!finished)
			await(fd);
		else if (quiet(fd, stream))
			return true;
	} while (seconds() < end);
	return false;
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "t:b:p:s:h")) != -1) {
		switch (c) {
		case 't':
			option.timeout = (unsigned int)atoi(optarg);
			break;
		case 'b':
			option.batch = (unsigned int)atoi(optarg);
			break;
		case 'p':
			option.pause_ms = (unsigned int)atoi(optarg);
			break;
		case 's':
			option.source = optarg;
			break;
		case 'h':
			help(stdout);
			exit(0);
		default:
			help(stderr);
			exit(2);
		}
	}
	if (optind + 1 != argc || !option.batch || option.batch > BATCH_MAX) {
		help(stderr);
		exit(2);
	}
}

static void report(const struct capture_stream *stream,
		   const struct capture_source *source)
{
	printf("interrupts: %llu\n", source->interrupts);
	printf("given: %llu, arrived: %llu\n", source->given,
	       stream->records);
	printf("dropped: %llu, missing: %lld\n", source->dropped,
	       (long long)(source->interrupts - stream->records));
	printf("faults: %llu\n", stream->faults);
}

int main(int argc, char **argv)
{
	struct capture_stream stream = { 0 };
	struct capture_source source;
	__u64 count;
	int fd;

	parse(argc, argv);
	fd = device_attach(argv[optind]);
	if (fd < 0)
		fail(argv[optind], fd);
	count = source_count("count");
	if (!count)
		fail("the source never stops (count=0)", -EINVAL);
	if (!take_all(fd, &stream, count)) {
		fprintf(stderr, "capture_check: not done after %u s\n", option.timeout);
		stream.faults++;
	}
	read_source(&source);
	capture_stream_end(&stream, &source);
	report(&stream, &source);
	return stream.faults ? 1 : 0;
}
