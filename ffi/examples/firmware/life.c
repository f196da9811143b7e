/* The life of a small device: a repository on NOR flash, made, filled, damaged, reset in the middle of a backup, and read out over a serial line.
 *
 * It runs twice: what is in `kept` outlives the reset, as on hardware a register or a flag in flash would. */
#include "board.h"
#include "device.h"
#include "region.h"
#include <string.h>

enum { MONDAY, TUESDAY, WEDNESDAY, DAYS };

static const char *const day_names[DAYS] = {"monday", "tuesday", "wednesday"};

/* A block that changes on TUESDAY. */
enum { CHANGED_BLOCK = 5 };

HARDWARE static struct {
    uint32_t was_reset;
} kept;

static void step(const char *text)
{
    print(text);
    print("\n");
}

static void restore_and_compare(int day)
{
    target_spoil();
    must(device_restore(day_names[day]), "restore");
    uint32_t at = target_differs(day);
    if (at != REGION_BYTES)
        fail("a restored byte differs", at);
    print("restored and compared: ");
    step(day_names[day]);
}

static int32_t count(void *context, const struct sarsen_description *description)
{
    (void)description;
    ++*(int *)context;
    return 0;
}

static void versions_are(int wanted)
{
    int there = 0;
    must(device_list(count, &there), "list");
    if (there != wanted)
        fail("versions there are", (uint64_t)there);
}

/* --- Damage -------------------------------------------------------------------------------------------------------------------------- */

/* Where the bytes of a block lie on the chip; all blocks here are stored as they are. */
static uint32_t place_of(const uint8_t *block)
{
    uint32_t at = 0;
    while (at + 64 <= chip.size_bytes && memcmp(chip.cells + at, block, 64))
        at += 4;
    return at;
}

struct found {
    uint32_t segment, offset, versions;
};

static void see(void *context, const struct sarsen_step *event)
{
    struct found *found = context;
    if (event->kind == SARSEN_STEP_FINDING) {
        found->segment = event->segment;
        found->offset = event->offset;
    }
}

static void a_corrupt_byte_is_found(void)
{
    struct found found = {SARSEN_NO_SEGMENT, 0, 0};
    const struct sarsen_watch watch = {.context = &found, .event = see};
    struct sarsen_report report;
    uint32_t at = place_of(region_bytes + CHANGED_BLOCK * BLOCK_BYTES) + 1234;
    chip.cells[at] ^= 0x10;
    sarsen_status status = device_scrub(&watch, &report);
    if (status != SARSEN_DAMAGED || found.segment == SARSEN_NO_SEGMENT)
        fail("the scrub of a corrupt repository answers", (uint64_t)status);
    line("corrupted a byte of the chip, at ", at);
    line("  the scrub names segment ", found.segment);
    line("  offset ", found.offset);
    line("  findings: ", report.findings);
    line("  versions hit: ", report.versions_hit);
    if (report.findings != 1 || report.versions_hit != 1)
        fail("findings", report.findings);
    status = device_restore(day_names[TUESDAY]);
    if (status != SARSEN_DAMAGED)
        fail("the restore of what is corrupt answers", (uint64_t)status);
    chip.cells[at] ^= 0x10;
}

/* --- The serial line ------------------------------------------------------------------------------------------------------------------ */

static int64_t send(void *context, const uint8_t *from, size_t len_bytes)
{
    *(uint64_t *)context += len_bytes;
    serial_send(from, len_bytes);
    return (int64_t)len_bytes;
}

static void send_stream(const char *older, const char *newer)
{
    uint64_t sent = 0;
    const struct sarsen_drain drain = {.context = &sent, .write = send};
    must(device_export(older, newer, &drain), "export");
    line("stream sent, bytes: ", sent);
}

/* --- The life ------------------------------------------------------------------------------------------------------------------------- */

static void before_the_reset(void)
{
    must(device_format(), "format");
    region_set(MONDAY);
    must(device_backup(day_names[MONDAY]), "backup");
    line("backed up, operations of the chip: ", chip.operations);
    region_set(TUESDAY);
    uint32_t before = chip.operations;
    must(device_backup(day_names[TUESDAY]), "increment");
    uint32_t operations = chip.operations - before;
    line("increment, operations of the chip: ", operations);
    must(device_scrub(NULL, NULL), "scrub");
    a_corrupt_byte_is_found();
    must(device_scrub(NULL, NULL), "scrub");
    restore_and_compare(MONDAY);
    restore_and_compare(TUESDAY);

    region_set(WEDNESDAY);
    kept.was_reset = 1;
    line("power goes in a backup, after operations: ", operations / 2);
    chip_cut_after(&chip, operations / 2, 7);
    must(device_backup(day_names[WEDNESDAY]), "backup");
    fail("a backup outlasted the power", 0);
}

static void after_the_reset(void)
{
    step("the board was reset");
    versions_are(2);
    must(device_scrub(NULL, NULL), "scrub after the reset");
    must(device_backup(day_names[WEDNESDAY]), "backup after the reset");
    versions_are(3);
    must(device_scrub(NULL, NULL), "scrub");
    for (int day = MONDAY; day < DAYS; day++)
        restore_and_compare(day);
    serial_begin();
    send_stream(NULL, day_names[MONDAY]);
    send_stream(day_names[MONDAY], day_names[WEDNESDAY]);
    must(device_remove(day_names[MONDAY]), "remove");
    must(device_gc(), "gc");
    must(device_compact(), "compact");
    versions_are(2);
    restore_and_compare(WEDNESDAY);
    save("region.bin", region_bytes, REGION_BYTES);
}

int main(void)
{
    device_power_on();
    if (!kept.was_reset)
        before_the_reset();
    after_the_reset();

    struct chip_wear worn = chip_wear(&chip);
    line("region, bytes: ", REGION_BYTES);
    line("chip, bytes: ", CHIP_BYTES);
    line("erases of a block, least: ", worn.least);
    line("  mean, in hundredths: ", worn.total * 100ull / worn.blocks);
    line("  greatest: ", worn.greatest);
    device_print_memory();
    return 0;
}
