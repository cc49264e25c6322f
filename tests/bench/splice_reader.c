/* SPDX-License-Identifier: MIT */
/*
 * Records a tracefs instance as trace-cmd does: one reader a CPU moves whole pages from per_cpu/cpuN/trace_pipe_raw
 * through a pipe into a file, with splice(2) alone.
 *
 * splice_reader INSTANCE OUTPUT: says "ready", reads until its standard input ends, takes what is left without
 * waiting, and says how many bytes it moved in how much CPU time. The instance is made, set up and counted by the caller.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20, MAX_CPUS = 256 };

struct reader {
	pthread_t thread;
	int source, output, pipe[2];
	long long moved;
};

static struct reader readers[MAX_CPUS];
static atomic_bool stopping;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void interrupt(int signal)
{
	(void)signal;
}

/* The instance's pages that are there now (whole ones only, unless `mode` says not to wait) into the file. */
static ssize_t move(struct reader *reader, unsigned int mode)
{
	ssize_t taken = splice(reader->source, NULL, reader->pipe[1], NULL, PIPE_BYTES, SPLICE_F_MOVE | mode);

	for (ssize_t left = taken; left > 0;) {
		ssize_t put = splice(reader->pipe[0], NULL, reader->output, NULL, left, SPLICE_F_MOVE);

		if (put < 0)
			die("splice to the file");
		left -= put;
		reader->moved += put;
	}
	return taken;
}

/* The last page, not full yet: only read(2) gives it. */
static void move_rest(struct reader *reader)
{
	static _Thread_local char page[1 << 16];
	ssize_t taken;

	fcntl(reader->source, F_SETFL, O_NONBLOCK);
	while ((taken = read(reader->source, page, sizeof(page))) > 0) {
		if (write(reader->output, page, taken) != taken)
			die("write");
		reader->moved += taken;
	}
}

static void *record(void *argument)
{
	struct reader *reader = argument;

	while (!stopping)
		if (move(reader, 0) < 0 && errno != EINTR && errno != EAGAIN)
			die("splice from the trace");
	while (move(reader, SPLICE_F_NONBLOCK) > 0)
		;
	move_rest(reader);
	return NULL;
}

static void start(struct reader *reader, const char *instance, const char *output, int cpu)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/per_cpu/cpu%d/trace_pipe_raw", instance, cpu);
	reader->source = open(path, O_RDONLY | O_CLOEXEC);
	if (reader->source < 0)
		die(path);
	snprintf(path, sizeof(path), "%s.cpu%d", output, cpu);
	reader->output = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (reader->output < 0)
		die(path);
	if (pipe2(reader->pipe, O_CLOEXEC) < 0 || fcntl(reader->pipe[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
		die("pipe");
	if (pthread_create(&reader->thread, NULL, record, reader) != 0)
		die("pthread_create");
}

int main(int count, char **arguments)
{
	struct sigaction action = {.sa_handler = interrupt};
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct timespec cpu;
	long long moved = 0;
	char byte;

	if (count != 3 || cpus > MAX_CPUS)
		return 2;
	sigaction(SIGUSR1, &action, NULL);
	for (int cpu = 0; cpu < cpus; cpu++)
		start(&readers[cpu], arguments[1], arguments[2], cpu);
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	stopping = true;
	for (int cpu = 0; cpu < cpus; cpu++) {
		struct timespec pause = {.tv_nsec = 10000000};

		/* A signal that arrives just before the reader sleeps is not seen: send it until it is. */
		do {
			pthread_kill(readers[cpu].thread, SIGUSR1);
			nanosleep(&pause, NULL);
		} while (pthread_tryjoin_np(readers[cpu].thread, NULL) == EBUSY);
		moved += readers[cpu].moved;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("{\"file_bytes\": %lld, \"cpu_ns\": %lld}\n", moved, cpu.tv_sec * 1000000000LL + cpu.tv_nsec);
	return 0;
}
