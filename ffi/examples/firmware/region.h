/* The region of flash that is backed up, and one to restore to: hardware. What the region holds on a day is a matter of arithmetic, so that it can be
 * compared without a copy. */
#ifndef REGION_H
#define REGION_H

#include "sarsen.h"

enum { BLOCK_BYTES = 4096 };

extern uint8_t region_bytes[REGION_BYTES];
extern const struct sarsen_disk region, target;

uint8_t region_byte(int day, uint32_t at);
void region_set(int day);

void target_spoil(void);
uint32_t target_differs(int day); /* where from what the region holds on that day; REGION_BYTES: nowhere */

#endif
