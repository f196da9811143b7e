#include "device.h"
#include "board.h"
#include "region.h"
#include <string.h>

HARDWARE static uint8_t cells[CHIP_BYTES];
HARDWARE static uint8_t words[CHIP_BYTES / CHIP_WORD_BYTES];
HARDWARE static uint32_t erases[CHIP_BYTES / CHIP_BLOCK_BYTES];
HARDWARE struct chip chip;

/* What a run holds of a segment: all but its head. */
enum { SEGMENT_BYTES = SEGMENT_RUNS * (RUN_BYTES - 80), SEGMENTS = 40 };

/* What is lent; the index of the repository has what is left of its memory. A byte too little, and opening says so. */
static uint8_t flash_memory[184 + CHIP_BYTES / RUN_BYTES * 12] __attribute__((aligned(8)));
static uint8_t repository_memory[11808] __attribute__((aligned(8)));
static uint8_t work_memory[12072] __attribute__((aligned(8)));

struct sarsen_fault fault;
static struct sarsen_config config;
static struct sarsen_medium medium;
static struct sarsen_repository repository;
static struct sarsen_work work;
HARDWARE static size_t deepest; /* what it was before a reset counts too */

static uint64_t now(void *context)
{
    static uint64_t clock_ms;
    (void)context;
    return ++clock_ms;
}

/* A board has a generator; this one's is fit for a demonstration only. */
static int32_t random_bytes(void *context, uint8_t *to, size_t len_bytes)
{
    static uint32_t entropy = 1;
    (void)context;
    while (len_bytes--) {
        entropy = entropy * 1664525u + 1013904223u;
        *to++ = (uint8_t)(entropy >> 24);
    }
    return 0;
}

static const struct sarsen_host host = {.now = now, .random = random_bytes};

void line(const char *what, uint64_t number)
{
    print(what);
    print_number(number);
    print("\n");
}

void fail(const char *what, uint64_t number)
{
    print("FAILED: ");
    print(what);
    line(": ", number);
    line("  segment ", fault.segment);
    line("  offset ", fault.offset);
    line("  block ", fault.block);
    line("  detail ", fault.detail);
    line("  operation of the chip ", chip.operations);
    leave(1);
}

void must(sarsen_status status, const char *what)
{
    if (status == SARSEN_OK)
        return;
    print(sarsen_status_text(status));
    print(": ");
    fail(what, (uint64_t)status);
}

static void misused(const char *how) { fail(how, 0); }

void device_power_on(void)
{
    /* Hardware that was never powered holds zeros. */
    if (!chip.cells)
        chip_make(&chip, CHIP_BYTES, cells, words, erases);
    chip.misused = misused;
    chip.power_gone = power_cycle;
    chip_power_on(&chip);
    must(sarsen_config_init(&config, SARSEN_ABI_VERSION, SARSEN_SMALL), "config");
    config.segment_bytes = SEGMENT_BYTES;
    config.objects = 0; /* what is left of the memory */
    config.segments = SEGMENTS;
    config.frames = 1;
}

static sarsen_status mount(void)
{
    struct sarsen_flash flash = chip_flash(&chip, RUN_BYTES);
    paint_stack();
    return sarsen_flash_open(&medium, &flash, flash_memory, sizeof flash_memory, &fault);
}

static sarsen_status begin(void)
{
    sarsen_status status = mount();
    if (status == SARSEN_OK)
        status = sarsen_repository_open(&repository, &medium, &host, &config, repository_memory, sizeof repository_memory, &fault);
    if (status == SARSEN_OK)
        status = sarsen_work_open(&work, &repository, work_memory, sizeof work_memory, &fault);
    return status;
}

static void note_stack(void)
{
    size_t used = stack_used();
    deepest = used > deepest ? used : deepest;
}

/* What a verb has answered is told before what closing has. */
static sarsen_status end(sarsen_status status)
{
    sarsen_work_close(&work);
    sarsen_status closed = sarsen_repository_close(&repository, status == SARSEN_OK ? &fault : NULL);
    note_stack();
    return status == SARSEN_OK ? closed : status;
}

/* Between begin and end. */
#define VERB(call)                                                                                                                                   \
    sarsen_status status = begin();                                                                                                                  \
    return status == SARSEN_OK ? end(call) : status

sarsen_status device_format(void)
{
    sarsen_status status = mount();
    if (status == SARSEN_OK)
        status = sarsen_repository_format(&medium, &host, &config, repository_memory, sizeof repository_memory, &fault);
    note_stack();
    return status;
}

sarsen_status device_backup(const char *snapshot)
{
    struct sarsen_backup_options options = {.name = "region", .snapshot = snapshot};
    VERB(sarsen_backup(&repository, &region, &options, &work, NULL, &fault));
}

/* NAME@SNAPSHOT */
static const char *version_of(const char *snapshot)
{
    static char text[32] = "region@";
    size_t len = strlen(snapshot);
    memcpy(text + 7, snapshot, len < 24 ? len + 1 : 24);
    return text;
}

sarsen_status device_check(void) { VERB(sarsen_check(&repository, NULL, &work, NULL, &fault)); }

sarsen_status device_scrub(const struct sarsen_watch *watch, struct sarsen_report *report)
{
    VERB(sarsen_scrub(&repository, NULL, watch, &work, report, &fault));
}

sarsen_status device_restore(const char *snapshot)
{
    VERB(sarsen_restore(&repository, version_of(snapshot), &target, NULL, &work, NULL, &fault));
}

sarsen_status device_remove(const char *snapshot) { VERB(sarsen_version_remove(&repository, version_of(snapshot), &fault)); }

sarsen_status device_gc(void) { VERB(sarsen_gc(&repository, NULL, &work, NULL, &fault)); }

sarsen_status device_compact(void) { VERB(sarsen_compact(&repository, NULL, &work, NULL, &fault)); }

sarsen_status device_export(const char *older, const char *newer, const struct sarsen_drain *drain)
{
    char base[32] = "";
    if (older)
        memcpy(base, version_of(older), sizeof base);
    VERB(sarsen_export(&repository, older ? base : NULL, version_of(newer), 0, drain, NULL, &work, NULL, &fault));
}

sarsen_status device_list(int32_t (*see)(void *context, const struct sarsen_description *description), void *context)
{
    VERB(sarsen_version_list(&repository, see, context, &fault));
}

sarsen_status device_wear(struct sarsen_wear *wear)
{
    sarsen_status status = mount();
    return status == SARSEN_OK ? sarsen_flash_wear(&medium, wear) : status;
}

void device_print_memory(void)
{
    struct sarsen_flash flash = chip_flash(&chip, RUN_BYTES);
    size_t bare = sarsen_memory_needed(&config, SARSEN_NEED_REPOSITORY), needed = sarsen_memory_needed(&config, SARSEN_NEED_WORK);
    line("RAM given, bytes: ", ram_size());
    line("  stack at its deepest: ", deepest);
    line("  data of program and engine: ", static_size());
    line("    lent to the medium: ", sizeof flash_memory);
    line("      needed: ", sarsen_flash_memory_needed(&flash));
    line("    lent to the repository: ", sizeof repository_memory);
    line("      needed before any index: ", bare);
    line("      objects its index has room for: ", (sizeof repository_memory - bare) / 16);
    line("    lent to a work: ", sizeof work_memory);
    line("      needed before any task: ", needed);
    line("      needed by the task of any verb: ", sarsen_memory_needed(&config, SARSEN_NEED_TASK));
    line("  unused: ", ram_size() - static_size() - deepest);
    line("code, bytes: ", code_size());
}
