#include "region.h"
#include "board.h"
#include <string.h>

HARDWARE uint8_t region_bytes[REGION_BYTES];
HARDWARE static uint8_t target_bytes[REGION_BYTES];

static int32_t read(void *context, uint64_t offset, uint8_t *to, size_t len_bytes)
{
    memcpy(to, (uint8_t *)context + offset, len_bytes);
    return 0;
}

static int32_t write(void *context, uint64_t offset, const uint8_t *from, size_t len_bytes)
{
    memcpy((uint8_t *)context + offset, from, len_bytes);
    return 0;
}

static int32_t zero(void *context, uint64_t offset, uint64_t len_bytes)
{
    memset((uint8_t *)context + offset, 0, (size_t)len_bytes);
    return 0;
}

const struct sarsen_disk region = {.context = region_bytes, .size_bytes = REGION_BYTES, .read = read};
const struct sarsen_disk target = {.context = target_bytes, .size_bytes = REGION_BYTES, .read = read, .write = write, .zero = zero};

/* What changes changes among the first blocks. */
enum { BUSY = REGION_BYTES / BLOCK_BYTES < 32 ? REGION_BYTES / BLOCK_BYTES : 32 };

/* What a block is made from on a day; 0: of zeros. Each day one changes that changed before, one that did not, one becomes zeros, and one like another; of two
 * more only a sector changes. */
static uint32_t seed_of(int day, uint32_t block)
{
    uint32_t seed = block % 16 == 9 ? 0 : block + 1;
    for (int past = 1; past <= day; past++) {
        uint32_t first = (uint32_t)past * 5u;
        if (block == first % BUSY || block == 3)
            seed = (uint32_t)past * 1000u + block;
        if (block == (first + 1) % BUSY)
            seed = 0;
        if (block == (first + 2) % BUSY)
            seed = 2;
    }
    return seed;
}

static uint8_t mixed(uint32_t seed, uint32_t within)
{
    uint32_t mix = (seed * 2654435761u) ^ (within * 2246822519u);
    mix = (mix ^ mix >> 15) * 2654435761u;
    return (uint8_t)(mix >> 24);
}

static uint8_t byte_of(int day, uint32_t block, uint32_t seed, uint32_t within)
{
    if (day > 0 && (block == BUSY - 2 || block == BUSY - 1) && within / 512 == (uint32_t)day % 8)
        return mixed((uint32_t)day * 3000u + block, within);
    return seed ? mixed(seed, within) : 0;
}

uint8_t region_byte(int day, uint32_t at)
{
    uint32_t block = at / BLOCK_BYTES;
    return byte_of(day, block, seed_of(day, block), at % BLOCK_BYTES);
}

void region_set(int day)
{
    for (uint32_t block = 0; block < REGION_BYTES / BLOCK_BYTES; block++) {
        uint32_t seed = seed_of(day, block);
        for (uint32_t within = 0; within < BLOCK_BYTES; within++)
            region_bytes[block * BLOCK_BYTES + within] = byte_of(day, block, seed, within);
    }
}

void target_spoil(void) { memset(target_bytes, 0xEE, REGION_BYTES); }

uint32_t target_differs(int day)
{
    for (uint32_t block = 0; block < REGION_BYTES / BLOCK_BYTES; block++) {
        uint32_t seed = seed_of(day, block);
        for (uint32_t within = 0; within < BLOCK_BYTES; within++)
            if (target_bytes[block * BLOCK_BYTES + within] != byte_of(day, block, seed, within))
                return block * BLOCK_BYTES + within;
    }
    return REGION_BYTES;
}
