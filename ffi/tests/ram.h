/* A medium, disks and a host in memory, which fail and lie when they are told to; and what tests are made of. */
#ifndef RAM_H
#define RAM_H

#include "sarsen.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(truth)                                                                                                                                 \
    do {                                                                                                                                             \
        if (!(truth)) {                                                                                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #truth);                                                                      \
            exit(1);                                                                                                                                 \
        }                                                                                                                                            \
    } while (0)

#define EXPECT(wanted, call)                                                                                                                         \
    do {                                                                                                                                             \
        sarsen_status status_ = (call);                                                                                                              \
        if (status_ != (wanted)) {                                                                                                                   \
            fprintf(stderr, "%s:%d: %s: %d (%s), expected %d\n", __FILE__, __LINE__, #call, (int)status_, sarsen_status_text(status_), (int)(wanted)); \
            exit(1);                                                                                                                                 \
        }                                                                                                                                            \
    } while (0)

#define MUST(call) EXPECT(SARSEN_OK, call)

enum { RAM_SEGMENTS = 512, RAM_SEGMENT_BYTES = 128 * 1024 };

/* What a medium claims that is not so. */
enum lie { HONEST, LONG_LEN, SHORT_LEN, SAME_NEXT, FAILING_READ, UNKNOWN_ANSWER, PENDING_OFTEN };

struct ram_segment {
    uint32_t number;
    size_t len_bytes;
    uint8_t *bytes;
};

struct ram {
    struct sarsen_medium medium;
    struct sarsen_host host;
    pthread_mutex_t segments_lock; /* of what is here, for readers on many threads */
    pthread_mutex_t lock;          /* of the repository */
    struct ram_segment segments[RAM_SEGMENTS];
    int count;
    int space; /* segments that may exist */
    enum lie lie;
    size_t sick_at;    /* reads of this byte of segment 1 fail; 0: none do */
    uint64_t fetched[4096]; /* places that were asked for before */
    int random_fails;
    uint64_t time;
    struct sarsen_repository *reenter; /* called from a callback */
    sarsen_status reentered;
};

struct ram_disk {
    struct sarsen_disk disk;
    uint8_t *bytes;
    uint64_t read_bytes, written_bytes, zeroed_bytes;
    uint64_t fails_at; /* reading or writing this byte fails */
    int lies;          /* about its extents */
    pthread_mutex_t lock;
};

void ram_make(struct ram *ram);
void ram_free(struct ram *ram);
void ram_flip(struct ram *ram, size_t segment, size_t at);
void ram_disk_make(struct ram_disk *disk, uint64_t size_bytes);
void ram_disk_free(struct ram_disk *disk);

/* Blocks of 4 KiB and a handful of everything. */
struct sarsen_config small_config(void);
uint32_t chance(void);
void fill(uint8_t *bytes, size_t len_bytes);

/* Makes a segment's header, of 128 bytes, one of the format's next version. */
void newer_format(uint8_t *header);

/* Memory that is exactly as long as is needed, so that whoever goes beyond it is caught. */
struct lent {
    void *bytes;
    size_t len_bytes;
};
struct lent lend(const struct sarsen_config *config, int need);
void take_back(struct lent *lent);

/* A repository on a RAM medium, open, with a work. */
struct rig {
    struct ram ram;
    struct sarsen_config config;
    struct lent memory, work_memory;
    struct sarsen_repository repository;
    struct sarsen_work work;
    struct sarsen_fault fault;
};
void rig_make(struct rig *rig, const struct sarsen_config *config);
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
void rig_free(struct rig *rig);

#endif
