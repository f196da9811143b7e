/* A whole life of a small chip's backup, with the power cut at every operation of it:
 *
 * format, a full backup, a change, an increment. For each operation of each of these that changes the flash, and for each way in which what was
 * not synced can be lost: power goes, RAM goes, power comes back, and then the repository must open, every byte of it must scrub clean, every
 * version that was ever reported must restore exactly, nothing half-written may be listed, and the verb that was cut must succeed when it is
 * called again.
 *
 * All RAM of the program, stack included, is 32 KiB (image.ld). Outside of it lie only arrays that play hardware. */
#include "board.h"
#include "flash.h"
#include "sarsen.h"

enum {
    BLOCK_BYTES = 4096,
    DISK_BYTES = 256 * 1024,
    REPOSITORY_BYTES = 8704,
    WORK_BYTES = 14080,
    DAYS = 2,
};

HARDWARE static uint8_t disk_bytes[DISK_BYTES];
HARDWARE static uint8_t target_bytes[DISK_BYTES];

static uint8_t repository_memory[REPOSITORY_BYTES] __attribute__((aligned(8)));
static uint8_t work_memory[WORK_BYTES] __attribute__((aligned(8)));
static struct sarsen_repository repository;
static struct sarsen_work work;
static struct sarsen_fault fault;
static struct sarsen_medium medium;
static uint32_t entropy = 1;
static uint32_t clock_ms;

static const char *const day_names[DAYS] = {"monday", "tuesday"};
static const char *const version_names[DAYS] = {"flash@monday", "flash@tuesday"};

/* --- What the surroundings lend ----------------------------------------------------------------------------------------------------- */

static int32_t disk_read(void *context, uint64_t offset, uint8_t *to, size_t len_bytes)
{
    memcpy(to, (uint8_t *)context + offset, len_bytes);
    return 0;
}

static int32_t disk_write(void *context, uint64_t offset, const uint8_t *from, size_t len_bytes)
{
    memcpy((uint8_t *)context + offset, from, len_bytes);
    return 0;
}

static int32_t disk_zero(void *context, uint64_t offset, uint64_t len_bytes)
{
    memset((uint8_t *)context + offset, 0, (size_t)len_bytes);
    return 0;
}

static const struct sarsen_disk disk = {.context = disk_bytes, .size_bytes = DISK_BYTES, .read = disk_read};
static const struct sarsen_disk target = {
    .context = target_bytes, .size_bytes = DISK_BYTES, .read = disk_read, .write = disk_write, .zero = disk_zero};

static uint64_t now(void *context)
{
    (void)context;
    return ++clock_ms;
}

static int32_t random_bytes(void *context, uint8_t *to, size_t len_bytes)
{
    (void)context;
    while (len_bytes--) {
        entropy = entropy * 1664525u + 1013904223u;
        *to++ = (uint8_t)(entropy >> 24);
    }
    return 0;
}

static const struct sarsen_host host = {.now = now, .random = random_bytes};

static struct sarsen_config config;

/* What does not differ from what is right for a small chip is not said. */
static void configure(void)
{
    sarsen_config_init(&config, SARSEN_ABI_VERSION, SARSEN_SMALL);
    config.align_log2 = 8;
    config.segment_bytes = SEGMENT_BYTES;
    config.objects = 0; /* what is left of the memory */
    config.segments = 0;
}

/* --- What must hold ----------------------------------------------------------------------------------------------------------------- */

static const char *verb = "";
static int cut;
static int loss;
static uint32_t cuts;

static void fail(const char *what, int32_t code)
{
    print("FAILED: ");
    print(what);
    print(", code ");
    print_number((uint64_t)code);
    print(" at segment ");
    print_number(fault.segment);
    print(" offset ");
    print_number(fault.offset);
    print(" detail ");
    print_number(fault.detail);
    print("; power cut in ");
    print(verb);
    print(" at operation ");
    print_number((uint64_t)cut);
    print(", loss ");
    print_number((uint64_t)loss);
    print("\n");
    leave(1);
}

static void must(sarsen_status code, const char *what)
{
    if (code != SARSEN_OK)
        fail(what, code);
}

/* What the disk holds on a day: zeros, blocks like others, blocks of their own; six blocks change on the second day. */
static uint8_t disk_byte(int day, uint32_t at)
{
    uint32_t block = at / BLOCK_BYTES, within = at % BLOCK_BYTES, seed = block;
    if (block % 5 == 4)
        seed = day == 1 && block == 14 ? 1000 : 0; /* zeros, and data where zeros were */
    else if (block % 7 == 3)
        seed = 3; /* all alike */
    else if (day == 1 && block == 20)
        seed = 0; /* zeros where data was */
    else if (day == 1 && (block == 1 || block == 35 || block == 63))
        seed = 2000 + block;
    if (day == 1 && block == 50 && within / 512 == 3)
        seed = 3000; /* one sector of a block */
    return seed ? (uint8_t)((seed * 2654435761u + within * 40503u) >> 13) : 0;
}

static void set_disk(int day)
{
    for (uint32_t at = 0; at < DISK_BYTES; at++)
        disk_bytes[at] = disk_byte(day, at);
}

/* Opens the repository and a worker on it: whatever was in RAM before does not matter. */
static sarsen_status open(void)
{
    sarsen_status code = sarsen_repository_open(&repository, &medium, &host, &config, repository_memory, REPOSITORY_BYTES, &fault);
    if (code != SARSEN_OK)
        return code;
    return sarsen_work_open(&work, &repository, work_memory, WORK_BYTES, &fault);
}

/* What is lost is told by what was done before, and not by closing. */
static sarsen_status close(sarsen_status code)
{
    sarsen_work_close(&work);
    sarsen_status closed = sarsen_repository_close(&repository, code == SARSEN_OK ? &fault : NULL);
    return code == SARSEN_OK ? closed : code;
}

static void restore_and_compare(int day)
{
    memset(target_bytes, 0xEE, DISK_BYTES);
    must(sarsen_restore(&repository, version_names[day], &target, NULL, &work, NULL, &fault), "restore");
    for (uint32_t at = 0; at < DISK_BYTES; at++)
        if (target_bytes[at] != disk_byte(day, at))
            fail("a restored byte differs", (int32_t)at);
}

static int32_t count(void *context, const struct sarsen_description *description)
{
    (void)description;
    ++*(int *)context;
    return 0;
}

static int versions(void)
{
    int there = 0;
    must(open(), "open");
    must(sarsen_version_list(&repository, count, &there, &fault), "list");
    must(close(SARSEN_OK), "close");
    return there;
}

static void all_is_well(int days)
{
    must(open(), "open");
    must(sarsen_scrub(&repository, NULL, NULL, &work, NULL, &fault), "scrub");
    for (int day = 0; day < days; day++)
        restore_and_compare(day);
    must(close(SARSEN_OK), "close");
}

/* --- The verbs, and cutting them ---------------------------------------------------------------------------------------------------- */

enum step { INIT, BACKUP, INCREMENT, STEPS };

static const char *const step_names[STEPS] = {"format", "backup", "increment"};

static int days_before(enum step step) { return step == INCREMENT ? 1 : 0; }
static int days_after(enum step step) { return step; }

static sarsen_status run(enum step step)
{
    if (step == INIT)
        return sarsen_repository_format(&medium, &host, &config, repository_memory, REPOSITORY_BYTES, &fault);
    sarsen_status code = open();
    if (code != SARSEN_OK)
        return code;
    struct sarsen_backup_options options = {.name = "flash", .snapshot = day_names[step - BACKUP]};
    return close(sarsen_backup(&repository, &disk, &options, &work, NULL, &fault));
}

/* Nothing in RAM outlives the power: what the engine worked with becomes noise, handles too. */
static void lose_ram(void)
{
    memset(repository_memory, 0xA5, REPOSITORY_BYTES);
    memset(work_memory, 0xA5, WORK_BYTES);
    memset(&repository, 0xA5, sizeof repository);
    memset(&work, 0xA5, sizeof work);
}

/* A format that was cut off leaves no repository, or an empty one. */
static int is_repository(void)
{
    sarsen_status code = open();
    if (code == SARSEN_NOT_A_REPOSITORY || code == SARSEN_NO_COMMIT || code == SARSEN_NO_HEADER)
        return 0;
    must(code, "open");
    must(close(sarsen_check(&repository, NULL, &work, NULL, &fault)), "check");
    return 1;
}

static void recover(enum step step)
{
    if (step == INIT) {
        if (!is_repository())
            must(run(INIT), "format again");
    } else {
        int there = versions();
        if (there != days_before(step) && there != days_after(step))
            fail("a version is gone, or one is listed that was never finished", there);
        all_is_well(there);
        if (there == days_before(step))
            must(run(step), "the verb again");
    }
    if (versions() != days_after(step))
        fail("not the versions expected", versions());
    all_is_well(days_after(step));
}

/* How many operations a step has; leaves the flash as it was before. */
static int operations_of(enum step step)
{
    flash_restore();
    flash_cut_at(NEVER);
    must(run(step), "the verb without a cut");
    int operations = flash_operations();
    flash_restore();
    return operations;
}

static void cut_everywhere(enum step step)
{
    verb = step_names[step];
    cut = -1;
    flash_keep();
    int operations = operations_of(step);
    for (cut = 0; cut < operations; cut++) {
        for (loss = 0; loss < LOSSES; loss++) {
            flash_restore();
            flash_cut_at(cut);
            if (run(step) == SARSEN_OK)
                fail("a verb claims to be done though the power was cut", 0);
            flash_power_on(loss);
            lose_ram();
            recover(step);
            cuts++;
        }
    }
    print("power cuts in ");
    print(verb);
    print(": ");
    print_number((uint64_t)operations);
    print(" operations, each with ");
    print_number(LOSSES);
    print(" ways to lose what was not synced\n");
    flash_restore();
    flash_cut_at(NEVER);
    cut = -1;
    must(run(step), verb);
}

/* The checks above must be able to fail. */
static void a_flipped_bit_is_found(void)
{
    flash_flip(DISK_BYTES / 8);
    struct sarsen_report report;
    must(open(), "open");
    sarsen_status code = close(sarsen_scrub(&repository, NULL, NULL, &work, &report, &fault));
    if (code != SARSEN_DAMAGED || report.findings != 1)
        fail("a flipped bit was not found", code);
    print("a flipped bit: found, versions hit: ");
    print_number(report.versions_hit);
    print("\n");
}

static void line(const char *what, uint64_t number)
{
    print(what);
    print_number(number);
    print("\n");
}

int main(void)
{
    flash_medium(&medium);
    flash_erase_all();
    configure();
    size_t bare = sarsen_memory_needed(&config, SARSEN_NEED_REPOSITORY);
    if (bare >= REPOSITORY_BYTES)
        fail("too little memory is lent; needed before any index", (int32_t)bare);

    for (enum step step = INIT; step < STEPS; step++) {
        set_disk(days_before(step));
        cut_everywhere(step);
    }
    struct sarsen_report report;
    must(open(), "open");
    must(close(sarsen_scrub(&repository, NULL, NULL, &work, &report, &fault)), "scrub");
    all_is_well(DAYS);
    uint64_t used = flash_bytes_used();
    a_flipped_bit_is_found();

    line("power cuts survived: ", cuts);
    line("disk, bytes: ", DISK_BYTES);
    line("versions: ", report.versions);
    line("repository, bytes of flash: ", used);
    line("RAM, bytes (limit 32768): ", static_size() + stack_used());
    line("  stack at its deepest: ", stack_used());
    line("  static: ", static_size());
    line("    lent to the engine: ", REPOSITORY_BYTES + WORK_BYTES);
    line("      of that, index: ", REPOSITORY_BYTES - bare);
    line("      needed by a work: ", sarsen_memory_needed(&config, SARSEN_NEED_WORK));
    line("      needed by the task of any verb: ", sarsen_memory_needed(&config, SARSEN_NEED_TASK));
    line("  free: ", 32768 - static_size() - stack_used());
    line("code, bytes (.text and .rodata): ", code_size());
    print("outside, playing hardware: disk_bytes, target_bytes (256 KiB each); chip, kept (flash, and a copy to go back to)\n");
    return 0;
}
