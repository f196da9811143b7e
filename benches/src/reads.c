/* Reads a version by direct calls, as `figures nbd` asks: so many threads, each with a work of its own, read pieces of one size one after another or at
 * random, as fio asks a server. Does it twice, and prints the bytes a second of each. There is no cache but the system's. */
#define _POSIX_C_SOURCE 200809L
#include "sarsen.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MAX = 64 };
static const uint64_t SPAN = (uint64_t)2 << 30; /* of the disk, from its start */

static struct sarsen_repository repository;
static struct sarsen_version version;
static size_t piece_bytes;
static double seconds;
static int at_random;
static _Atomic uint64_t next_piece, done_bytes;

static void must(const char *doing, sarsen_status status)
{
    if (status == SARSEN_OK)
        return;
    fprintf(stderr, "%s: %s\n", doing, sarsen_status_text(status));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Where to read: the same places in the second run as in the first. */
static uint64_t place(uint64_t *state)
{
    uint64_t pieces = SPAN / piece_bytes;
    if (!at_random)
        return atomic_fetch_add(&next_piece, 1) % pieces * piece_bytes;
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state % pieces * piece_bytes;
}

static void *read_on(void *number)
{
    struct sarsen_work work = {{0}};
    uint8_t *bytes = malloc(piece_bytes);
    uint64_t state = 88172645463325252u + (size_t)number, read = 0;
    must("memory", bytes ? sarsen_work_open(&work, &repository, NULL, 0, NULL) : SARSEN_MEMORY);
    for (double end = now() + seconds; now() < end; read += piece_bytes)
        must("read", sarsen_version_read_at(&version, place(&state), bytes, piece_bytes, &work, NULL));
    atomic_fetch_add(&done_bytes, read);
    must("close", sarsen_work_close(&work));
    free(bytes);
    return NULL;
}

static double run(size_t threads)
{
    pthread_t running[THREADS_MAX];
    double began = now();
    next_piece = done_bytes = 0;
    for (size_t at = 0; at < threads; at++)
        must("thread", pthread_create(&running[at], NULL, read_on, (void *)at) ? SARSEN_MEMORY : SARSEN_OK);
    for (size_t at = 0; at < threads; at++)
        pthread_join(running[at], NULL);
    return (double)done_bytes / (now() - began);
}

int main(int count, char **words)
{
    if (count != 7 || atoi(words[5]) < 1 || atoi(words[5]) > THREADS_MAX || atoi(words[4]) < 1) {
        fprintf(stderr, "usage: %s REPOSITORY VERSION read|randread BYTES THREADS SECONDS\n", words[0]);
        return 2;
    }
    at_random = !strcmp(words[3], "randread");
    piece_bytes = (size_t)atoi(words[4]);
    seconds = atof(words[6]);
    must(words[1], sarsen_directory_open(&repository, SARSEN_ABI_VERSION, words[1], SARSEN_READ, NULL));
    must(words[2], sarsen_version_open(&version, &repository, words[2], NULL, NULL, 0, NULL));
    if (sarsen_version_size(&version) < SPAN)
        must(words[2], SARSEN_BEYOND_END);
    double first = run((size_t)atoi(words[5])), second = run((size_t)atoi(words[5]));
    printf("%.0f %.0f\n", first, second);
    must("close", sarsen_version_close(&version));
    must("close", sarsen_repository_close(&repository, NULL));
    return 0;
}
