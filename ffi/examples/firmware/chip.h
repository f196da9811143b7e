/* A NOR flash chip as strict as the strictest: a word is programmed once between two erases of its block, bits go from 1 to 0 only, and power may go in
 * the middle of everything. Its cells, and all that is known of them, are hardware: they outlive the program. */
#ifndef CHIP_H
#define CHIP_H

#include "sarsen.h"

enum {
    CHIP_WORD_BYTES = 4,
    CHIP_BLOCK_BYTES = 4096,
};

#define CHIP_NEVER UINT32_MAX

struct chip {
    uint8_t *cells;
    uint8_t *words;   /* what became of each word since its block was erased */
    uint32_t *erases; /* of each block */
    uint32_t size_bytes;
    uint32_t operations; /* programs and erases so far */
    uint32_t cut_at;     /* the operation that power does not outlast */
    uint32_t chance;     /* never 0: the same losses in each run */
    int off;
    void (*power_gone)(void);             /* in the middle of an operation; NULL: from then on nothing answers */
    void (*misused)(const char *how);     /* what no chip forgives; must not return */
};

/* A new chip, in arrays that hold `size_bytes` cells, as many words as that makes, and as many blocks. */
void chip_make(struct chip *chip, uint32_t size_bytes, uint8_t *cells, uint8_t *words, uint32_t *erases);

/* The callbacks of a chip. */
struct sarsen_flash chip_flash(struct chip *chip, uint32_t run_bytes);

/* Power goes in the operation that comes after `operations` others. */
void chip_cut_after(struct chip *chip, uint32_t operations, uint32_t seed);

/* ... and comes back. */
void chip_power_on(struct chip *chip);

/* How worn its blocks are. */
struct chip_wear {
    uint32_t least, greatest, total, blocks;
};
struct chip_wear chip_wear(const struct chip *chip);

#endif
