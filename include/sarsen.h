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

#ifdef __cplusplus
}
#endif

#endif
