/* A repository on NOR flash (ffi/examples/firmware/chip.c): flashes that cannot be, callbacks that fail and lie, blocks that are bad, and power that goes
 * in every operation of a backup. */
#include "../examples/firmware/chip.h"
#include "ram.h"

enum { BLOCKS = 64, CHIP_BYTES = BLOCKS * CHIP_BLOCK_BYTES, DISK = 60 * 1024 };

static uint8_t cells[CHIP_BYTES], words[CHIP_BYTES / CHIP_WORD_BYTES];
static uint8_t kept_cells[CHIP_BYTES], kept_words[CHIP_BYTES / CHIP_WORD_BYTES];
static uint32_t erases[BLOCKS];
static struct chip chip, kept_chip;
static struct sarsen_flash honest, flash;
static struct sarsen_medium medium;
static struct sarsen_config config;
static struct sarsen_fault fault;
static struct sarsen_repository repository;
static struct sarsen_work work;
static struct lent flash_memory, memory, work_memory;
static struct ram ram; /* its host */
static struct ram_disk disk, target;

static void misused(const char *how)
{
    fprintf(stderr, "%s\n", how);
    abort();
}

/* --- Callbacks that are not honest ----------------------------------------------------------------------------------------------------- */

enum trick { NONE, READ_FAILS, READ_DOES_NOTHING, READ_WAVERS, PROGRAM_FAILS, PROGRAM_DOES_NOTHING, ERASE_FAILS, ERASE_DOES_NOTHING, READ_ASKS_BACK };

static enum trick trick;
static uint32_t bad_block; /* tricks of program and erase are of this block only, or of all of them */
enum { ALL = BLOCKS };
static sarsen_status asked_back;

static int is_bad(uint32_t offset) { return bad_block == ALL || offset / CHIP_BLOCK_BYTES == bad_block; }

static int32_t read(void *context, uint32_t offset, uint8_t *to, size_t len_bytes)
{
    struct sarsen_wear wear;
    if (trick == READ_FAILS)
        return 1;
    if (trick == READ_ASKS_BACK)
        asked_back = sarsen_flash_wear(&medium, &wear);
    int32_t answer = trick == READ_DOES_NOTHING ? 0 : honest.read(context, offset, to, len_bytes);
    if (trick == READ_WAVERS && len_bytes)
        to[chance() % len_bytes] ^= (uint8_t)(1u << chance() % 8);
    return answer;
}

static int32_t program(void *context, uint32_t offset, const uint8_t *from, size_t len_bytes)
{
    if (trick == PROGRAM_FAILS && is_bad(offset))
        return -1;
    if (trick == PROGRAM_DOES_NOTHING && is_bad(offset))
        return 0;
    return honest.program(context, offset, from, len_bytes);
}

static int32_t erase(void *context, uint32_t offset)
{
    if (trick == ERASE_FAILS && is_bad(offset))
        return 12345;
    if (trick == ERASE_DOES_NOTHING && is_bad(offset))
        return 0;
    return honest.erase(context, offset);
}

/* --- The repository on it -------------------------------------------------------------------------------------------------------------- */

static sarsen_status mount(void) { return sarsen_flash_open(&medium, &flash, flash_memory.bytes, flash_memory.len_bytes, &fault); }

static sarsen_status begin(void)
{
    sarsen_status status = mount();
    if (!status)
        status = sarsen_repository_open(&repository, &medium, &ram.host, &config, memory.bytes, memory.len_bytes, &fault);
    if (!status)
        status = sarsen_work_open(&work, &repository, work_memory.bytes, work_memory.len_bytes, &fault);
    return status;
}

static sarsen_status end(sarsen_status status)
{
    MUST(sarsen_work_close(&work));
    sarsen_status closed = sarsen_repository_close(&repository, &fault);
    return status ? status : closed;
}

static sarsen_status format(void)
{
    sarsen_status status = mount();
    return status ? status : sarsen_repository_format(&medium, &ram.host, &config, memory.bytes, memory.len_bytes, &fault);
}

static sarsen_status backup_as(const char *snapshot)
{
    struct sarsen_backup_options options = {.name = "disk", .snapshot = snapshot};
    sarsen_status status = begin();
    return status ? status : end(sarsen_backup(&repository, &disk.disk, &options, &work, NULL, &fault));
}

static sarsen_status backup(void) { return backup_as(NULL); }

static sarsen_status scrub(void)
{
    sarsen_status status = begin();
    return status ? status : end(sarsen_scrub(&repository, NULL, NULL, &work, NULL, &fault));
}

static void restored_as_it_was(void)
{
    memset(target.bytes, 0xEE, DISK);
    MUST(begin());
    MUST(end(sarsen_restore(&repository, "disk", &target.disk, NULL, &work, NULL, &fault)));
    CHECK(!memcmp(disk.bytes, target.bytes, DISK));
}

static void new_chip(void)
{
    chip_make(&chip, CHIP_BYTES, cells, words, erases);
    chip.misused = misused;
    honest = flash = chip_flash(&chip, CHIP_BLOCK_BYTES);
    flash.read = read;
    flash.program = program;
    flash.erase = erase;
    trick = NONE;
    bad_block = ALL;
}

/* --- What is tried --------------------------------------------------------------------------------------------------------------------- */

static void units_that_no_flash_has(void)
{
    const struct {
        uint32_t size, read, program, erase, run;
    } wrong[] = {
        {CHIP_BYTES, 1, 3, 4096, 4096},   {CHIP_BYTES, 1, 0, 4096, 4096}, {CHIP_BYTES, 1, 512, 4096, 4096},     {CHIP_BYTES, 0, 4, 4096, 4096},
        {CHIP_BYTES, 512, 4, 4096, 4096}, {CHIP_BYTES, 1, 4, 0, 4096},    {CHIP_BYTES, 1, 4, 4096, 0},          {CHIP_BYTES, 1, 4, 4096, 5000},
        {CHIP_BYTES, 1, 4, 4096, 2048},   {4095, 1, 4, 4096, 4096},       {0, 1, 4, 4096, 4096},                {UINT32_MAX, 1, 4, 4096, 4096},
        {CHIP_BYTES, 1, 8, 4, 4096},      {CHIP_BYTES, 1, 4, 16, 16},     {CHIP_BYTES, 1, 4, UINT32_MAX, 4096},
    };
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        struct sarsen_flash other = flash;
        other.size_bytes = wrong[at].size, other.read_bytes = wrong[at].read, other.program_bytes = wrong[at].program;
        other.erase_bytes = wrong[at].erase, other.run_bytes = wrong[at].run;
        uint8_t room[4 * CHIP_BYTES / 16];
        EXPECT(SARSEN_BAD_PARAMETER, sarsen_flash_open(&medium, &other, (void *)((uintptr_t)(room + 7) & ~(uintptr_t)7), sizeof room - 8, &fault));
    }
    CHECK(!sarsen_flash_memory_needed(NULL));
}

static void arguments_that_are_none(void)
{
    struct sarsen_flash other = flash;
    struct sarsen_wear wear;
    void *bytes = flash_memory.bytes;
    size_t len_bytes = flash_memory.len_bytes;
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_open(NULL, &flash, bytes, len_bytes, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_open(&medium, NULL, bytes, len_bytes, NULL));
    other.read = NULL;
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_open(&medium, &other, bytes, len_bytes, &fault));
    other = flash, other.program = NULL;
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_open(&medium, &other, bytes, len_bytes, &fault));
    other = flash, other.erase = NULL;
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_open(&medium, &other, bytes, len_bytes, &fault));
    EXPECT(SARSEN_MEMORY, sarsen_flash_open(&medium, &flash, bytes, len_bytes - 1, &fault));
    CHECK(fault.detail == len_bytes);
    EXPECT(SARSEN_MEMORY, sarsen_flash_open(&medium, &flash, NULL, len_bytes, &fault));
    CHECK(fault.detail == len_bytes);
    EXPECT(SARSEN_MISALIGNED, sarsen_flash_open(&medium, &flash, (uint8_t *)bytes + 4, len_bytes, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_wear(&ram.medium, &wear));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_wear(NULL, &wear));
    MUST(mount());
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_flash_wear(&medium, NULL));
}

static void a_repository_lives_on_it(void)
{
    struct sarsen_wear wear;
    MUST(format());
    MUST(backup());
    MUST(scrub());
    restored_as_it_was();
    MUST(sarsen_flash_wear(&medium, &wear));
    struct chip_wear worn = chip_wear(&chip);
    CHECK(wear.runs == BLOCKS && !wear.retired && wear.free && wear.free < BLOCKS);
    CHECK(wear.total == worn.total && wear.least == worn.least && wear.greatest == worn.greatest && wear.total > 0);
    struct sarsen_flash other = flash;
    other.run_bytes = 2 * CHIP_BLOCK_BYTES;
    EXPECT(SARSEN_OTHER_RUNS, sarsen_flash_open(&medium, &other, flash_memory.bytes, flash_memory.len_bytes, &fault));
    CHECK(fault.detail == CHIP_BLOCK_BYTES);
}

/* There is no room for a block as it was before, so the whole frame is told, zeros and all; and what comes of that is the same disk. */
static void differences_without_room(void)
{
    struct sarsen_report report;
    MUST(backup_as("before"));
    memcpy(target.bytes, disk.bytes, DISK);
    fill(disk.bytes + 9000, 10);
    memset(disk.bytes + 20480, 0, 1000);
    disk.bytes[50000] = 1;
    MUST(backup_as("after"));
    target.zeroed_bytes = 0;
    MUST(begin());
    MUST(end(sarsen_diff(&repository, "disk@before", "disk@after", &target.disk, NULL, &work, &report, &fault)));
    CHECK(!memcmp(disk.bytes, target.bytes, DISK));
    CHECK(report.data_bytes + report.zero_bytes == 2 * 4096 + 512); /* that block 12 was zeros is known without room */
    CHECK(report.zero_bytes == 512 && target.zeroed_bytes == report.zero_bytes);
}

/* Whatever a read does: an error, and the flash as good as before. */
static void reads_that_fail_and_lie(void)
{
    const enum trick tricks[] = {READ_FAILS, READ_DOES_NOTHING, READ_WAVERS};
    for (size_t at = 0; at < sizeof tricks / sizeof *tricks; at++) {
        chip.operations = 0;
        trick = tricks[at];
        CHECK(scrub() != SARSEN_OK);
        trick = NONE;
        MUST(scrub());
        MUST(mount());
        MUST(sarsen_repository_open(&repository, &medium, &ram.host, &config, memory.bytes, memory.len_bytes, &fault));
        MUST(sarsen_work_open(&work, &repository, work_memory.bytes, work_memory.len_bytes, &fault));
        trick = tricks[at];
        CHECK(sarsen_restore(&repository, "disk", &target.disk, NULL, &work, NULL, &fault) != SARSEN_OK);
        trick = NONE;
        MUST(end(SARSEN_OK));
    }
    trick = READ_FAILS;
    EXPECT(SARSEN_FAILED, mount());
    trick = NONE;
    restored_as_it_was();
}

/* One block that does not take what it is told is passed over; where none does, the flash is full or has failed, and what was there stays. */
static void blocks_that_are_bad(void)
{
    const enum trick tricks[] = {PROGRAM_FAILS, PROGRAM_DOES_NOTHING, ERASE_FAILS, ERASE_DOES_NOTHING};
    for (size_t at = 0; at < sizeof tricks / sizeof *tricks; at++) {
        struct sarsen_wear wear;
        new_chip();
        memset(cells + 3 * CHIP_BLOCK_BYTES, 0, CHIP_BLOCK_BYTES); /* so that an erase that does nothing shows */
        trick = tricks[at], bad_block = 3;
        MUST(format());
        MUST(backup());
        MUST(scrub());
        restored_as_it_was();
        MUST(sarsen_flash_wear(&medium, &wear));
        CHECK(wear.retired == 1);
        bad_block = ALL;
        disk.bytes[100] ^= 1;
        sarsen_status status = backup();
        CHECK(status != SARSEN_OK || trick == ERASE_DOES_NOTHING); /* what was never used is blank without it */
        disk.bytes[100] ^= 1;
        trick = NONE;
        MUST(scrub());
        if (status != SARSEN_OK)
            restored_as_it_was();
    }
}

static void a_callback_that_asks_back(void)
{
    MUST(begin());
    trick = READ_ASKS_BACK;
    MUST(sarsen_check(&repository, NULL, &work, NULL, &fault));
    trick = NONE;
    CHECK(asked_back == SARSEN_BUSY);
    MUST(end(SARSEN_OK));
}

static void power_that_goes(void)
{
    new_chip();
    MUST(format());
    MUST(backup());
    memcpy(kept_cells, cells, sizeof cells), memcpy(kept_words, words, sizeof words), kept_chip = chip;
    fill(disk.bytes + 8192, 9000);
    uint32_t cut = 0;
    for (sarsen_status status = SARSEN_FAILED; status; cut++) {
        memcpy(cells, kept_cells, sizeof cells), memcpy(words, kept_words, sizeof words), chip = kept_chip;
        chip_cut_after(&chip, cut, cut + 1);
        status = backup();
        CHECK(status == (chip.off ? SARSEN_FAILED : SARSEN_OK) || status == SARSEN_POISONED);
        chip_power_on(&chip);
        MUST(scrub());
        MUST(backup());
        MUST(scrub());
        restored_as_it_was();
    }
    CHECK(cut > 10);
}

int main(void)
{
    ram_make(&ram);
    ram_disk_make(&disk, DISK);
    ram_disk_make(&target, DISK);
    fill(disk.bytes, DISK / 2);
    new_chip();
    MUST(sarsen_config_init(&config, SARSEN_ABI_VERSION, SARSEN_SMALL));
    config.segment_bytes = 4 * (CHIP_BLOCK_BYTES - 80);
    flash_memory = (struct lent){NULL, sarsen_flash_memory_needed(&flash)};
    flash_memory.bytes = malloc(flash_memory.len_bytes);
    memory = lend(&config, SARSEN_NEED_REPOSITORY);
    work_memory = lend(&config, SARSEN_NEED_WORK_AND_TASK);

    units_that_no_flash_has();
    arguments_that_are_none();
    a_repository_lives_on_it();
    differences_without_room();
    reads_that_fail_and_lie();
    a_callback_that_asks_back();
    blocks_that_are_bad();
    power_that_goes();

    take_back(&flash_memory), take_back(&memory), take_back(&work_memory);
    ram_disk_free(&disk), ram_disk_free(&target);
    ram_free(&ram);
    return 0;
}
