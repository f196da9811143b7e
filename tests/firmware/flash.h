/* A flash chip that plays the medium, and loses at a power cut what a flash chip may lose. */
#ifndef FLASH_H
#define FLASH_H

#include "sarsen.h"
#include <stdint.h>

enum {
    UNIT_BYTES = 256,            /* what is programmed at once, and once only */
    SEGMENT_BYTES = 64 * 1024,
    SEGMENTS = 32,
    NEVER = -1,
};

/* What is left of everything that was not synced. */
enum loss {
    LOSS_ALL,   /* nothing: unit, name and removal are as at the last sync */
    LOSS_NONE,  /* everything: the cut hit after the last unit was programmed */
    LOSS_TORN,  /* each unit by chance: programmed, blank or garbage */
    LOSSES,
};

void flash_medium(struct sarsen_medium *medium);

void flash_erase_all(void);
void flash_keep(void);    /* remembers the whole chip ... */
void flash_restore(void); /* ... and makes it so again */

/* Operation `n` from now (0: the next one that changes anything) happens in part or not at all, and power stays off. */
void flash_cut_at(int n);
int flash_is_off(void);
int flash_operations(void); /* that changed anything, since flash_cut_at */
void flash_power_on(enum loss loss);

/* Flips a bit of the byte that comes so many bytes behind the start of the first segment with that many. */
void flash_flip(uint32_t at);

uint32_t flash_bytes_used(void);

#endif
