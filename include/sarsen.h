/* sarsen: block backup. The C face of the engine: no heap, no operating system, no global state.
 *
 * Everything the engine touches is lent: a medium, a disk, time and randomness as callbacks with a context pointer, memory as one run of bytes.
 * Nothing is kept between calls: each call opens the repository, does its work, commits and closes. So a power cut between calls costs
 * nothing, and one at any moment of a call costs at most what that call was doing.
 *
 * This is a first cut and will change. */
#ifndef SARSEN_H
#define SARSEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call answers. Numbers are never used again for anything else. */
enum sarsen_code {
    SARSEN_OK = 0,
    SARSEN_PENDING = 1, /* the medium was not ready: call again */
    SARSEN_DAMAGED = 2, /* done, but damage was found or ranges were lost */

    SARSEN_GONE = 10, /* the medium: */
    SARSEN_EXISTS = 11,
    SARSEN_FULL = 12,
    SARSEN_MEDIUM_IS_READ_ONLY = 13,
    SARSEN_SHORT = 14,
    SARSEN_FAILED = 15,

    SARSEN_DISK_FAILED = 20,

    SARSEN_CORRUPT = 30, /* bytes on the medium are not what they must be */

    SARSEN_INDEX_TOO_SMALL = 40, /* more memory is needed than was lent; the fault says how much */
    SARSEN_MARKS_TOO_FEW = 41,
    SARSEN_COUNTERS_TOO_FEW = 42,
    SARSEN_PAGES_TOO_FEW = 43,
    SARSEN_BUFFER_TOO_SMALL = 44,

    SARSEN_NOT_A_REPOSITORY = 50, /* refused before anything was done: */
    SARSEN_ALREADY_A_REPOSITORY = 51,
    SARSEN_UNSUPPORTED = 52,
    SARSEN_NO_HEADER = 53,
    SARSEN_NO_COMMIT = 54, /* nothing was ever committed */
    SARSEN_READ_ONLY = 55,
    SARSEN_BEHIND = 56, /* something newer once existed */
    SARSEN_REBUILT = 57,
    SARSEN_FENCED = 58, /* somebody else writes */
    SARSEN_POISONED = 59,
    SARSEN_BAD_PARAMETER = 60,
    SARSEN_UNKNOWN_VERSION = 61,
    SARSEN_AMBIGUOUS_VERSION = 62,
    SARSEN_PROTECTED = 63,
    SARSEN_DISK_TOO_LARGE = 64,
    SARSEN_TEXT_TOO_LONG = 65,
    SARSEN_TABLE_FULL = 66,

    SARSEN_CANCELLED = 90,
    SARSEN_NO_RANDOMNESS = 91,
    SARSEN_BAD_ARGUMENT = 92,
    SARSEN_UNKNOWN_ERROR = 99,
};

/* No segment: before the first, behind the last. */
#define SARSEN_NO_SEGMENT UINT32_MAX

/* What a medium's callback answers. */
enum sarsen_medium_answer {
    SARSEN_MEDIUM_OK = 0,
    SARSEN_MEDIUM_PENDING = 1,   /* not yet: the whole call ends with SARSEN_PENDING and is to be repeated */
    SARSEN_MEDIUM_GONE = 2,      /* no such segment */
    SARSEN_MEDIUM_EXISTS = 3,    /* a segment of that number exists */
    SARSEN_MEDIUM_FULL = 4,
    SARSEN_MEDIUM_READ_ONLY = 5,
    SARSEN_MEDIUM_SHORT = 6,     /* shorter than the read asked for */
    SARSEN_MEDIUM_FAILED = 7,    /* the device failed; any other value means the same */
};

/* Where segments live. Callbacks answer with enum sarsen_medium_answer. What a medium must promise is docs/FORMAT.md, section 15. */
struct sarsen_medium {
    void *context;
    uint32_t write_bytes;   /* the smallest unit that can be written: a power of two, at most 4096 */
    uint32_t segment_bytes; /* the greatest length of a segment */

    /* The lowest segment after `after` (SARSEN_NO_SEGMENT: of all), or SARSEN_NO_SEGMENT, into *found. */
    int32_t (*next)(void *context, uint32_t after, uint32_t *found);
    /* The highest segment before `before` (SARSEN_NO_SEGMENT: of all), or SARSEN_NO_SEGMENT, into *found. */
    int32_t (*previous)(void *context, uint32_t before, uint32_t *found);
    int32_t (*len)(void *context, uint32_t segment, uint64_t *len_bytes);
    /* Fills `to` or fails. */
    int32_t (*read)(void *context, uint32_t segment, uint64_t at, uint8_t *to, size_t len_bytes);

    /* A medium without these four is only read. */
    int32_t (*create)(void *context, uint32_t segment);
    int32_t (*append)(void *context, uint32_t segment, const uint8_t *from, size_t len_bytes);
    int32_t (*sync)(void *context, uint32_t segment);
    int32_t (*remove)(void *context, uint32_t segment);

    /* May be null. Keeps this much space away from appends; 0 gives it back. */
    int32_t (*hold)(void *context, uint64_t len_bytes);
};

/* What is backed up or restored to. Callbacks answer 0, or anything else for a failure. */
struct sarsen_disk {
    void *context;
    uint64_t size_bytes;
    int32_t (*read)(void *context, uint64_t offset, uint8_t *to, size_t len_bytes);
    /* Only a restore needs these three. `flush` may be null. */
    int32_t (*write)(void *context, uint64_t offset, const uint8_t *from, size_t len_bytes);
    int32_t (*zero)(void *context, uint64_t offset, uint64_t len_bytes);
    int32_t (*flush)(void *context);
};

/* Time, randomness and patience. */
struct sarsen_host {
    void *context;
    /* Milliseconds since 1970-01-01 UTC; 0 where there is no clock. Null means the same. */
    uint64_t (*now)(void *context);
    /* Fills `to` with bytes nobody can guess; answers 0, or anything else if it cannot. Only needed to make a repository. */
    int32_t (*random)(void *context, uint8_t *to, size_t len_bytes);
    /* Told now and then how far a call has come (`total` may be 0: not known); 0 goes on, anything else stops. May be null. */
    int32_t (*go_on)(void *context, uint64_t done, uint64_t total);
};

/* What is chosen when a repository is made, and never changes. Later calls must be given the same; they cut up the memory by it. */
struct sarsen_options {
    uint8_t digest;        /* 1: SHA-256 */
    uint8_t codec;         /* 0: none */
    uint8_t block_log2;    /* log2 of the block length in bytes: 12 to 24 */
    uint8_t frame_log2;    /* log2 of the frame length in bytes: 12 to that of the block */
    uint8_t fan_out_log2;  /* log2 of the rows in a page: 4 to 8 */
    uint8_t align_log2;    /* log2 of the alignment in bytes: 4 to 12, at least that of the medium's write_bytes */
    uint8_t levels;        /* not stored: pages that memory is cut for; rows^levels segments, versions and blocks of a disk can be dealt with */
    uint16_t history;      /* how many older commits a commit lists: 0 to 64 */
    uint32_t segment_bytes;
};

/* Where a call failed. */
struct sarsen_fault {
    uint32_t segment; /* SARSEN_NO_SEGMENT if in none */
    uint32_t offset;  /* bytes from the segment's start */
    uint64_t detail;  /* of a disk, the offset; of memory, how much is needed; otherwise 0 */
};

/* All that is lent to a call. Everything pointed to must stay valid, and must not be used by anyone else, during the call;
 * between calls the memory may be used for anything. */
struct sarsen {
    const struct sarsen_medium *medium;
    const struct sarsen_host *host;
    uint8_t *memory;
    size_t memory_bytes; /* sarsen_memory_bytes() or more */
    struct sarsen_options options;
    struct sarsen_fault fault; /* set by a call that does not answer SARSEN_OK */
};

/* A version. Names are UTF-8, not ended by a zero byte, and valid only while the callback runs. */
struct sarsen_version {
    uint8_t id[32];
    uint64_t time;
    uint64_t disk_bytes;
    const uint8_t *name;
    size_t name_bytes;
    const uint8_t *snapshot;
    size_t snapshot_bytes;
};

struct sarsen_backup_report {
    uint8_t version[32];
    uint64_t read_bytes;
    uint64_t new_blocks;
    uint64_t new_bytes;
};

struct sarsen_check_report {
    uint64_t segments;
    uint64_t entries;
    uint64_t bytes;
    uint64_t versions;
    uint64_t findings;
    uint64_t versions_hit;
};

struct sarsen_restore_report {
    uint64_t disk_bytes;
    uint64_t data_bytes;
    uint64_t lost_bytes;
};

/* How much memory calls on such a repository need, with an index of so many objects (blocks and manifest pages); 0 if the options are refused. */
size_t sarsen_memory_bytes(const struct sarsen_options *options, size_t objects);

/* Makes an empty repository of an empty medium, or of one on which an earlier init was cut off. */
int32_t sarsen_init(struct sarsen *sarsen);

/* Backs a disk up, on the newest version of its name if there is one. `report` may be null, here and below. */
int32_t sarsen_backup(struct sarsen *sarsen, const struct sarsen_disk *disk, const char *name, const char *snapshot,
                      struct sarsen_backup_report *report);

/* Tells of each version, oldest first, until `each` answers anything but 0. */
int32_t sarsen_list(struct sarsen *sarsen, int32_t (*each)(void *context, const struct sarsen_version *version), void *context);

/* Reads structure: headers, footers, tables, and whether all that versions need is there. */
int32_t sarsen_check(struct sarsen *sarsen, struct sarsen_check_report *report);

/* Reads every byte. */
int32_t sarsen_scrub(struct sarsen *sarsen, struct sarsen_check_report *report);

/* Restores a version (an id, the beginning of one, NAME, NAME@SNAPSHOT or "latest") to a disk that is at least as large. */
int32_t sarsen_restore(struct sarsen *sarsen, const char *version, const struct sarsen_disk *target,
                       struct sarsen_restore_report *report);

/* The program that links the library gives this one. It is called where the engine breaks its own rules, which is a bug, and must not return.
 * Where no panic can be reached the linker does not ask for it. */
void sarsen_panicked(void);

#ifdef __cplusplus
}
#endif

#endif
