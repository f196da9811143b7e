#include "chip.h"
#include <string.h>

/* What became of a word. */
enum word { BLANK, PROGRAMMED, TORN /* reads differently each time */ };

void chip_make(struct chip *chip, uint32_t size_bytes, uint8_t *cells, uint8_t *words, uint32_t *erases)
{
    memset(cells, 0xFF, size_bytes);
    memset(words, BLANK, size_bytes / CHIP_WORD_BYTES);
    memset(erases, 0, size_bytes / CHIP_BLOCK_BYTES * sizeof *erases);
    *chip = (struct chip){.cells = cells, .words = words, .erases = erases, .size_bytes = size_bytes, .cut_at = CHIP_NEVER, .chance = 1};
}

/* xorshift */
static uint32_t any(struct chip *chip)
{
    chip->chance ^= chip->chance << 13;
    chip->chance ^= chip->chance >> 17;
    chip->chance ^= chip->chance << 5;
    return chip->chance;
}

static void demand(const struct chip *chip, int right, const char *how)
{
    if (!right)
        chip->misused(how);
}

/* Counts a program or an erase. Whether power goes in it. */
static int power_goes(struct chip *chip)
{
    if (chip->operations++ != chip->cut_at)
        return 0;
    chip->off = 1;
    return 1;
}

static int32_t gone(struct chip *chip)
{
    if (chip->power_gone)
        chip->power_gone();
    return -1;
}

static int32_t chip_read(void *context, uint32_t offset, uint8_t *to, size_t len_bytes)
{
    struct chip *chip = context;
    demand(chip, offset <= chip->size_bytes && len_bytes <= chip->size_bytes - offset, "a read reaches beyond the chip");
    if (chip->off)
        return -1;
    memcpy(to, chip->cells + offset, len_bytes);
    for (size_t at = 0; at < len_bytes; at++)
        if (chip->words[(offset + at) / CHIP_WORD_BYTES] == TORN)
            to[at] |= (uint8_t)any(chip);
    return 0;
}

static void program_word(struct chip *chip, uint32_t word, const uint8_t *from, uint8_t noise)
{
    for (uint32_t at = 0; at < CHIP_WORD_BYTES; at++)
        chip->cells[word * CHIP_WORD_BYTES + at] &= from[at] | noise;
    chip->words[word] = PROGRAMMED;
}

/* Of the word that was being programmed some bits are as they were, or any number of them each time. */
static void tear(struct chip *chip, uint32_t word, const uint8_t *from)
{
    int settled = any(chip) % 2;
    program_word(chip, word, from, settled ? (uint8_t)any(chip) : 0);
    if (!settled)
        chip->words[word] = TORN;
}

static int32_t chip_program(void *context, uint32_t offset, const uint8_t *from, size_t len_bytes)
{
    struct chip *chip = context;
    uint32_t first = offset / CHIP_WORD_BYTES, words = (uint32_t)(len_bytes / CHIP_WORD_BYTES);
    demand(chip, offset % CHIP_WORD_BYTES == 0 && len_bytes % CHIP_WORD_BYTES == 0, "a program is not of whole words");
    demand(chip, offset <= chip->size_bytes && len_bytes <= chip->size_bytes - offset, "a program reaches beyond the chip");
    if (chip->off)
        return -1;
    for (uint32_t word = 0; word < words; word++)
        demand(chip, chip->words[first + word] == BLANK, "a word is programmed twice");
    int cut = power_goes(chip);
    uint32_t whole = cut ? any(chip) % (words + 1) : words;
    for (uint32_t word = 0; word < whole; word++)
        program_word(chip, first + word, from + word * CHIP_WORD_BYTES, 0);
    if (cut && whole < words)
        tear(chip, first + whole, from + whole * CHIP_WORD_BYTES);
    return cut ? gone(chip) : 0;
}

/* What a block is like that was being erased: as before, blank, in between or noise, all of it or in part. Whatever it reads as, it is not erased. */
static void half_erase(struct chip *chip, uint8_t *cells, uint8_t *words)
{
    uint32_t way = any(chip) % 5;
    for (uint32_t at = 0; at < CHIP_BLOCK_BYTES; at++) {
        uint8_t noise = (uint8_t)any(chip);
        if (way == 1)
            cells[at] = 0xFF;
        else if (way == 2)
            cells[at] |= noise;
        else if (way == 3 || (way == 4 && noise < 16))
            cells[at] = noise;
    }
    memset(words, PROGRAMMED, CHIP_BLOCK_BYTES / CHIP_WORD_BYTES);
}

static int32_t chip_erase(void *context, uint32_t offset)
{
    struct chip *chip = context;
    uint8_t *cells = chip->cells + offset, *words = chip->words + offset / CHIP_WORD_BYTES;
    demand(chip, offset % CHIP_BLOCK_BYTES == 0 && offset < chip->size_bytes, "an erase is not of a block");
    if (chip->off)
        return -1;
    chip->erases[offset / CHIP_BLOCK_BYTES]++;
    if (power_goes(chip)) {
        half_erase(chip, cells, words);
        return gone(chip);
    }
    memset(cells, 0xFF, CHIP_BLOCK_BYTES);
    memset(words, BLANK, CHIP_BLOCK_BYTES / CHIP_WORD_BYTES);
    return 0;
}

struct sarsen_flash chip_flash(struct chip *chip, uint32_t run_bytes)
{
    return (struct sarsen_flash){
        .context = chip,
        .size_bytes = chip->size_bytes,
        .read_bytes = 1,
        .program_bytes = CHIP_WORD_BYTES,
        .erase_bytes = CHIP_BLOCK_BYTES,
        .run_bytes = run_bytes,
        .read = chip_read,
        .program = chip_program,
        .erase = chip_erase,
    };
}

void chip_cut_after(struct chip *chip, uint32_t operations, uint32_t seed)
{
    chip->cut_at = operations == CHIP_NEVER ? CHIP_NEVER : chip->operations + operations;
    chip->chance = seed * 2654435761u | 1;
}

void chip_power_on(struct chip *chip)
{
    chip->off = 0;
    chip->cut_at = CHIP_NEVER;
}

struct chip_wear chip_wear(const struct chip *chip)
{
    struct chip_wear wear = {.least = UINT32_MAX, .blocks = chip->size_bytes / CHIP_BLOCK_BYTES};
    for (uint32_t block = 0; block < wear.blocks; block++) {
        uint32_t erases = chip->erases[block];
        wear.total += erases;
        wear.least = erases < wear.least ? erases : wear.least;
        wear.greatest = erases > wear.greatest ? erases : wear.greatest;
    }
    return wear;
}
