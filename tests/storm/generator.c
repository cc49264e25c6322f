/* SPDX-License-Identifier: MIT */
/*
 * A storm of system calls: one thread on each CPU named, each makes the same number of calls, or as many as fit into
 * some time. Every call carries its thread, its sequence number, two words of noise and a checksum, so that whoever
 * traces the calls can be asked for each of them.
 *
 *   generator --token N --cpus 0,1 (--calls N | --seconds S) [--rate CALLS_PER_SECOND_AND_THREAD] [--window FILE]
 *             [--first CALLS]
 *
 * With a window (a file of a 64-bit count for each thread, which the reader raises) no thread makes more calls than its
 * count says: a reader that falls behind then stops the storm instead of losing some of it.
 *
 * It prints "ready" when its threads are up, waits for a line on stdin, runs, and prints one line a thread:
 * thread tid cpu calls elapsed_ns cpu_ns
 * With `--first` each thread makes so many calls more before these, after a line of their own; then it prints "first".
 * They are numbered from 0 as well, and neither counted nor timed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define BATCH 64 /* calls between two looks at the clock */

struct producer {
	pthread_t thread;
	uint64_t number, calls, elapsed_ns, cpu_ns;
	int cpu, tid;
};

static uint64_t token, calls_wanted, first_calls, time_wanted_ns, rate;
static struct producer producers[MAX_THREADS];
static pthread_barrier_t ready, first, go;
static _Atomic uint64_t *window;

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* splitmix64's finalizer (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static void call(uint64_t thread, uint64_t sequence)
{
	uint64_t noise = mix(sequence), more = mix(noise + thread);

	syscall(SYS_getppid, token, thread, sequence, noise, more, mix(thread ^ sequence ^ noise ^ more));
}

/* Wait until `made` calls are due. */
static void keep_rate(uint64_t start_ns, uint64_t made)
{
	uint64_t due_ns = start_ns + made * 1000000000 / rate;

	while (now_ns() < due_ns)
		;
}

/* Wait until another batch of calls is allowed. */
static void keep_window(uint64_t thread, uint64_t made)
{
	/* A call without arguments leaves the last one's in the registers: whoever looks at them would see it again. */
	while (atomic_load(&window[thread]) < made + BATCH)
		syscall(SYS_sched_yield, 0L, 0L);
}

static void *produce(void *argument)
{
	struct producer *self = argument;
	uint64_t start_ns, start_cpu_ns, made = 0;

	self->tid = syscall(SYS_gettid);
	pthread_barrier_wait(&ready);
	if (first_calls) {
		pthread_barrier_wait(&first);
		for (uint64_t i = 0; i < first_calls; i++)
			call(self->number, i);
		pthread_barrier_wait(&first);
	}
	pthread_barrier_wait(&go);
	start_ns = now_ns();
	start_cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
	while (calls_wanted ? made < calls_wanted : now_ns() - start_ns < time_wanted_ns) {
		if (window)
			keep_window(self->number, made);
		for (int i = 0; i < BATCH && (!calls_wanted || made < calls_wanted); i++)
			call(self->number, made++);
		if (rate)
			keep_rate(start_ns, made);
	}
	self->calls = made;
	self->elapsed_ns = now_ns() - start_ns;
	self->cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID) - start_cpu_ns;
	return NULL;
}

static void start(struct producer *self)
{
	pthread_attr_t attributes;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(self->cpu, &set);
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	if (pthread_create(&self->thread, &attributes, produce, self)) {
		fprintf(stderr, "generator: no thread on CPU %d\n", self->cpu);
		exit(1);
	}
}

static int parse_cpus(char *list)
{
	int count = 0;

	for (char *word = strtok(list, ","); word && count < MAX_THREADS; word = strtok(NULL, ",")) {
		producers[count].number = count;
		producers[count++].cpu = atoi(word);
	}
	return count;
}

static void open_window(const char *path)
{
	int fd = open(path, O_RDWR);

	window = mmap(NULL, MAX_THREADS * sizeof(*window), PROT_READ, MAP_SHARED, fd, 0);
	if (window == MAP_FAILED) {
		perror(path);
		exit(1);
	}
}

static int parse(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--token"))
			token = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--cpus"))
			count = parse_cpus(argv[i + 1]);
		else if (!strcmp(argv[i], "--calls"))
			calls_wanted = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seconds"))
			time_wanted_ns = strtod(argv[i + 1], NULL) * 1e9;
		else if (!strcmp(argv[i], "--rate"))
			rate = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--first"))
			first_calls = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--window"))
			open_window(argv[i + 1]);
	}
	return count;
}

static void say(const char *word)
{
	puts(word);
	fflush(stdout);
	getchar();
}

int main(int argc, char **argv)
{
	int count = parse(argc, argv);

	if (!count || !token || !(calls_wanted || time_wanted_ns)) {
		fprintf(stderr, "usage: generator --token N --cpus LIST (--calls N | --seconds S) [--rate N] [--window FILE]\n");
		return 2;
	}
	pthread_barrier_init(&ready, NULL, count + 1);
	pthread_barrier_init(&first, NULL, count + 1);
	pthread_barrier_init(&go, NULL, count + 1);
	for (int i = 0; i < count; i++)
		start(&producers[i]);
	pthread_barrier_wait(&ready);
	say("ready");
	if (first_calls) {
		pthread_barrier_wait(&first);
		pthread_barrier_wait(&first);
		say("first");
	}
	pthread_barrier_wait(&go);
	for (int i = 0; i < count; i++)
		pthread_join(producers[i].thread, NULL);
	for (struct producer *p = producers; p < producers + count; p++)
		printf("%lu %d %d %lu %lu %lu\n", p->number, p->tid, p->cpu, p->calls, p->elapsed_ns, p->cpu_ns);
	return 0;
}
