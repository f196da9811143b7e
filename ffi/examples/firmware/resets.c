/* The board is reset in every operation of the chip that a small device's script has: RAM is lost, and the program or erase that was under way is torn.
 * After each reset the repository opens, scrubs clean, and lists the versions from before or after what was cut, each of which is restored exactly; and
 * the script goes on from there.
 *
 * What `jig` and `before` hold is the test rig's, and outlives the resets. */
#include "board.h"
#include "device.h"
#include "region.h"
#include <string.h>

/* Ways in which each operation is torn. */
enum { SEEDS = 5 };

enum verb { FORMAT, BACKUP, REMOVE, GC, COMPACT, VERBS };

static const char *const verb_names[VERBS] = {"format", "backup", "remove", "gc", "compact"};
static const char *const day_names[] = {"0", "1", "2", "3", "4"};

/* What the device does, and the days of which there are versions afterwards, as bits. */
static const struct step {
    enum verb verb;
    int day;
    unsigned versions;
} script[] = {
    {FORMAT, 0, 0x0}, {BACKUP, 0, 0x1},  {BACKUP, 1, 0x3}, {BACKUP, 2, 0x7}, {REMOVE, 0, 0x6},
    {GC, 0, 0x6},     {COMPACT, 0, 0x6}, {BACKUP, 3, 0xE}, {REMOVE, 1, 0xC}, {COMPACT, 0, 0xC},
};

enum { STEPS = sizeof script / sizeof *script, DAYS = 4 };

HARDWARE static struct {
    uint32_t step;
    uint32_t operations; /* of the chip, in this step */
    uint32_t cut;        /* after so many of them */
    uint32_t seed;
    uint32_t resets;
    uint32_t power_is_cut;
} jig;

HARDWARE static struct {
    struct chip chip;
    uint8_t cells[CHIP_BYTES];
    uint8_t words[CHIP_BYTES / CHIP_WORD_BYTES];
    uint32_t erases[CHIP_BYTES / CHIP_BLOCK_BYTES];
} before;

static void keep(void)
{
    before.chip = chip;
    memcpy(before.cells, chip.cells, sizeof before.cells);
    memcpy(before.words, chip.words, sizeof before.words);
    memcpy(before.erases, chip.erases, sizeof before.erases);
}

static void go_back(void)
{
    chip = before.chip;
    memcpy(chip.cells, before.cells, sizeof before.cells);
    memcpy(chip.words, before.words, sizeof before.words);
    memcpy(chip.erases, before.erases, sizeof before.erases);
}

static sarsen_status take(const struct step *step)
{
    switch (step->verb) {
    case FORMAT:
        return device_format();
    case BACKUP:
        region_set(step->day);
        return device_backup(day_names[step->day]);
    case REMOVE:
        return device_remove(day_names[step->day]);
    case GC:
        return device_gc();
    default:
        return device_compact();
    }
}

/* --- What must hold ------------------------------------------------------------------------------------------------------------------- */

static void failed(const char *what, uint64_t number)
{
    print("reset in ");
    print(verb_names[script[jig.step].verb]);
    line(", step ", jig.step);
    line("  after operations ", jig.cut);
    line("  of ", jig.operations);
    line("  seed ", jig.seed);
    fail(what, number);
}

static void holds(sarsen_status status, const char *what)
{
    if (status != SARSEN_OK)
        failed(what, (uint64_t)status);
}

static int32_t see(void *context, const struct sarsen_description *description)
{
    int day = 0;
    while (day < DAYS && (description->snapshot[0] != day_names[day][0] || description->is_draft))
        day++;
    *(unsigned *)context |= 1u << day;
    return 0;
}

static unsigned versions(void)
{
    unsigned seen = 0;
    holds(device_list(see, &seen), "list");
    return seen;
}

static void restores(int day)
{
    target_spoil();
    holds(device_restore(day_names[day]), "restore");
    uint32_t at = target_differs(day);
    if (at != REGION_BYTES)
        failed("a restored byte differs", at);
}

static void all_is_well(unsigned wanted)
{
    holds(device_scrub(NULL, NULL), "scrub");
    for (int day = 0; day < DAYS; day++)
        if (wanted >> day & 1)
            restores(day);
}

/* A format that was cut off leaves no repository, or an empty one. */
static int is_repository(void)
{
    sarsen_status status = device_check();
    if (status == SARSEN_NOT_A_REPOSITORY || status == SARSEN_NO_COMMIT || status == SARSEN_NO_HEADER)
        return 0;
    holds(status, "check");
    return 1;
}

static void recover(const struct step *step)
{
    unsigned was = step == script ? 0 : step[-1].versions;
    if (step->verb == FORMAT) {
        if (!is_repository())
            holds(take(step), "format again");
    } else {
        unsigned there = versions();
        if (there != was && there != step->versions)
            failed("a version is gone, or one is listed that was never finished", there);
        all_is_well(there);
        /* What gives space back may be asked again; what was done is not. */
        if (there == was)
            holds(take(step), "the verb again");
    }
    if (versions() != step->versions)
        failed("not the versions expected", versions());
    if (step->verb == BACKUP)
        restores(step->day);
}

/* --- Cutting ---------------------------------------------------------------------------------------------------------------------------- */

/* How many operations a step has; the chip is then as it was before. */
static void count(const struct step *step)
{
    keep();
    holds(take(step), "the verb without a reset");
    jig.operations = chip.operations - before.chip.operations;
    jig.cut = jig.seed = 0;
    go_back();
}

/* Never comes back: the chip resets the board. */
static void cut(const struct step *step)
{
    go_back();
    jig.power_is_cut = 1;
    chip_cut_after(&chip, jig.cut, jig.cut * SEEDS + jig.seed + 1);
    holds(take(step), "the verb that is reset");
    failed("a verb has outlasted the power", 0);
}

static void go_on(const struct step *step)
{
    print("resets in ");
    print(verb_names[step->verb]);
    line(": ", jig.operations * SEEDS);
    go_back();
    holds(take(step), "the verb without a reset");
    jig.step++;
}

int main(void)
{
    device_power_on();
    if (jig.power_is_cut) {
        jig.power_is_cut = 0;
        jig.resets++;
        recover(&script[jig.step]);
        jig.seed = (jig.seed + 1) % SEEDS;
        jig.cut += jig.seed == 0;
    }
    while (jig.step < STEPS) {
        const struct step *step = &script[jig.step];
        if (!jig.operations)
            count(step);
        if (jig.cut < jig.operations)
            cut(step);
        go_on(step);
        jig.operations = 0;
    }
    line("resets survived: ", jig.resets);
    return jig.resets >= 1000 ? 0 : 1;
}
