#include "flash.h"
#include "board.h"

struct segment {
    uint32_t number;
    uint32_t len_bytes;
    uint32_t synced_bytes;
    uint8_t exists;
    uint8_t name_synced;
    uint8_t removed; /* but a power cut may bring it back until its place is taken */
};

struct chip {
    struct segment segments[SEGMENTS];
    uint8_t bytes[SEGMENTS][SEGMENT_BYTES];
};

HARDWARE static struct chip chip;
HARDWARE static struct chip kept;

static int operations;
static int cut_at;
static int off;
static uint32_t chance; /* xorshift: the same losses in each run */

static uint32_t any(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 17;
    chance ^= chance << 5;
    return chance;
}

static struct segment *find(uint32_t number)
{
    for (int i = 0; i < SEGMENTS; i++)
        if (chip.segments[i].exists && !chip.segments[i].removed && chip.segments[i].number == number)
            return &chip.segments[i];
    return NULL;
}

static uint8_t *bytes_of(const struct segment *segment) { return chip.bytes[segment - chip.segments]; }

/* Whether the operation that begins now is the one power does not outlast. */
static int power_fails(void)
{
    if (operations++ == cut_at)
        off = 1;
    return off;
}

static int32_t flash_next(void *context, uint32_t after, uint32_t *found)
{
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    *found = SARSEN_NO_SEGMENT;
    for (int i = 0; i < SEGMENTS; i++) {
        const struct segment *segment = &chip.segments[i];
        if (segment->exists && !segment->removed && (after == SARSEN_NO_SEGMENT || segment->number > after) && segment->number < *found)
            *found = segment->number;
    }
    return SARSEN_MEDIUM_OK;
}

static int32_t flash_previous(void *context, uint32_t before, uint32_t *found)
{
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    *found = SARSEN_NO_SEGMENT;
    for (int i = 0; i < SEGMENTS; i++) {
        const struct segment *segment = &chip.segments[i];
        if (segment->exists && !segment->removed && segment->number < before && (*found == SARSEN_NO_SEGMENT || segment->number > *found))
            *found = segment->number;
    }
    return SARSEN_MEDIUM_OK;
}

static int32_t flash_len(void *context, uint32_t number, uint64_t *len_bytes)
{
    const struct segment *segment = find(number);
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    if (!segment)
        return SARSEN_MEDIUM_GONE;
    *len_bytes = segment->len_bytes;
    return SARSEN_MEDIUM_OK;
}

static int32_t flash_read(void *context, uint32_t number, uint64_t at, uint8_t *to, size_t len_bytes)
{
    const struct segment *segment = find(number);
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    if (!segment)
        return SARSEN_MEDIUM_GONE;
    if (at > segment->len_bytes || len_bytes > segment->len_bytes - at)
        return SARSEN_MEDIUM_SHORT;
    memcpy(to, bytes_of(segment) + at, len_bytes);
    return SARSEN_MEDIUM_OK;
}

static int32_t flash_create(void *context, uint32_t number)
{
    struct segment *free = NULL;
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    if (find(number))
        return SARSEN_MEDIUM_EXISTS;
    for (int i = 0; i < SEGMENTS; i++)
        if (!chip.segments[i].exists)
            free = &chip.segments[i];
    for (int i = 0; i < SEGMENTS && !free; i++)
        if (chip.segments[i].removed)
            free = &chip.segments[i];
    if (!free)
        return SARSEN_MEDIUM_FULL;
    int failed = power_fails();
    *free = (struct segment){.number = number, .exists = 1};
    memset(bytes_of(free), 0xFF, SEGMENT_BYTES);
    return failed ? SARSEN_MEDIUM_FAILED : SARSEN_MEDIUM_OK;
}

static int32_t flash_append(void *context, uint32_t number, const uint8_t *from, size_t len_bytes)
{
    struct segment *segment = find(number);
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    if (!segment)
        return SARSEN_MEDIUM_GONE;
    if (len_bytes % UNIT_BYTES) {
        print("FAULT: an append is not a multiple of the program unit\n");
        leave(1);
    }
    if (len_bytes > SEGMENT_BYTES - segment->len_bytes)
        return SARSEN_MEDIUM_FULL;
    int failed = power_fails();
    size_t done = failed ? (any() % (len_bytes / UNIT_BYTES + 1)) * UNIT_BYTES : len_bytes;
    memcpy(bytes_of(segment) + segment->len_bytes, from, done);
    segment->len_bytes += (uint32_t)done;
    return failed ? SARSEN_MEDIUM_FAILED : SARSEN_MEDIUM_OK;
}

static int32_t flash_sync(void *context, uint32_t number)
{
    struct segment *segment = find(number);
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    if (!segment)
        return SARSEN_MEDIUM_GONE;
    if (power_fails())
        return SARSEN_MEDIUM_FAILED;
    segment->synced_bytes = segment->len_bytes;
    segment->name_synced = 1;
    return SARSEN_MEDIUM_OK;
}

static int32_t flash_remove(void *context, uint32_t number)
{
    struct segment *segment = find(number);
    (void)context;
    if (off)
        return SARSEN_MEDIUM_FAILED;
    if (!segment)
        return SARSEN_MEDIUM_GONE;
    int failed = power_fails();
    segment->removed = 1;
    return failed ? SARSEN_MEDIUM_FAILED : SARSEN_MEDIUM_OK;
}

void flash_medium(struct sarsen_medium *medium)
{
    *medium = (struct sarsen_medium){
        .write_bytes = UNIT_BYTES,
        .segment_bytes = SEGMENT_BYTES,
        .next = flash_next,
        .previous = flash_previous,
        .len = flash_len,
        .read = flash_read,
        .create = flash_create,
        .append = flash_append,
        .sync = flash_sync,
        .remove = flash_remove,
    };
}

void flash_erase_all(void) { memset(&chip, 0, sizeof chip); }
void flash_keep(void) { memcpy(&kept, &chip, sizeof chip); }
void flash_restore(void) { memcpy(&chip, &kept, sizeof chip); }

void flash_cut_at(int n)
{
    cut_at = n;
    operations = 0;
    off = 0;
    chance = 0x9E3779B9u ^ ((uint32_t)n * 2654435761u);
}

int flash_is_off(void) { return off; }
int flash_operations(void) { return operations; }

static void tear(struct segment *segment)
{
    uint8_t *bytes = bytes_of(segment);
    for (uint32_t at = segment->synced_bytes; at < segment->len_bytes; at += UNIT_BYTES) {
        uint32_t fate = any() % 3;
        for (uint32_t i = 0; fate && i < UNIT_BYTES; i++)
            bytes[at + i] = fate == 1 ? 0xFF : (uint8_t)any();
    }
}

void flash_power_on(enum loss loss)
{
    for (int i = 0; i < SEGMENTS; i++) {
        struct segment *segment = &chip.segments[i];
        if (!segment->exists)
            continue;
        int lose = loss == LOSS_ALL || (loss == LOSS_TORN && any() % 2);
        if (lose)
            segment->removed = 0;
        if (segment->removed || (lose && !segment->name_synced))
            segment->exists = 0;
        if (loss == LOSS_TORN)
            tear(segment);
        if (loss == LOSS_ALL)
            segment->len_bytes = segment->synced_bytes;
        /* What outlived one cut is on the chip for good. */
        segment->synced_bytes = segment->len_bytes;
        segment->name_synced = 1;
    }
    off = 0;
    cut_at = NEVER;
}

uint32_t flash_bytes_used(void)
{
    uint32_t bytes = 0;
    for (int i = 0; i < SEGMENTS; i++)
        if (chip.segments[i].exists && !chip.segments[i].removed)
            bytes += chip.segments[i].len_bytes;
    return bytes;
}

void flash_flip(uint32_t at)
{
    for (int i = 0; i < SEGMENTS; i++)
        if (chip.segments[i].exists && !chip.segments[i].removed && chip.segments[i].len_bytes > at) {
            chip.bytes[i][at] ^= 0x10;
            return;
        }
}
