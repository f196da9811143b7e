/* The life of a repository by its verbs: versions on versions, hints, restores, differences, damage, and space given back. */
#include "ram.h"

enum { DISK = 300 * 1024 + 700 };

static struct rig rig;
static struct ram_disk disk, target;
static struct sarsen_report report;
static uint8_t *was[8];
static int events[32];

static void event(void *context, const struct sarsen_step *step)
{
    (void)context;
    events[step->kind]++;
}

static const struct sarsen_watch watch = {NULL, NULL, event};

static void back_up(const char *snapshot)
{
    struct sarsen_backup_options options = {.name = "disk", .snapshot = snapshot, .watch = watch};
    MUST(sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, &report, &rig.fault));
    CHECK(report.disk_bytes == DISK);
}

static void restores(const char *version, const uint8_t *bytes)
{
    memset(target.bytes, 0xEE, DISK);
    MUST(sarsen_restore(&rig.repository, version, &target.disk, NULL, &rig.work, &report, &rig.fault));
    CHECK(!memcmp(target.bytes, bytes, DISK));
    fill(target.bytes + DISK / 2, 5000);
    target.written_bytes = 0;
    MUST(sarsen_restore_onto(&rig.repository, version, &target.disk, NULL, &rig.work, &report, &rig.fault));
    CHECK(!memcmp(target.bytes, bytes, DISK));
    CHECK(target.written_bytes <= 5000 + 2 * 512);
}

/* Increments of a few sectors each, so that blocks lie on others in chains. */
static void chains(void)
{
    char snapshot[8] = "s0";
    fill(disk.bytes, 100 * 1024);
    fill(disk.bytes + 200 * 1024, DISK - 200 * 1024);
    for (int day = 0; day < 8; day++) {
        snapshot[1] = (char)('0' + day);
        for (int change = 0; day && change < 5; change++)
            fill(disk.bytes + chance() % (DISK - 512), 512);
        if (day == 5)
            memset(disk.bytes, 0, 64 * 1024);
        back_up(snapshot);
        CHECK(!day || report.new_bytes < 5 * 16384 + 4096);
        was[day] = malloc(DISK);
        memcpy(was[day], disk.bytes, DISK);
    }
    for (int day = 0; day < 8; day++) {
        char version[] = "disk@s0";
        version[6] = (char)('0' + day);
        restores(version, was[day]);
    }
}

static void hints_spare_reading(void)
{
    struct sarsen_extent hints[] = {{.offset = 5000, .len_bytes = 100, .state = SARSEN_DATA}, {.offset = 1 << 17, .len_bytes = 4096, .state = SARSEN_ZERO}};
    struct sarsen_backup_options options = {.name = "disk", .snapshot = "hinted", .hints = hints, .hint_count = 2, .spot_checks = 4};
    fill(disk.bytes + 5000, 100);
    memset(disk.bytes + (1 << 17), 0, 4096);
    EXPECT(SARSEN_BASE_NEEDED, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, &report, &rig.fault));
    options.base = "disk@s7";
    disk.read_bytes = 0;
    MUST(sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, &report, &rig.fault));
    CHECK(disk.read_bytes <= (2 + 4) * 4096);
    restores("disk@hinted", disk.bytes);
    /* A hint that is not of this base is caught before anything is written. */
    fill(disk.bytes, 4096);
    options.snapshot = "wrong";
    EXPECT(SARSEN_UNLIKE_BASE, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    CHECK(rig.fault.detail == 0);
    hints[0].len_bytes = DISK;
    EXPECT(SARSEN_HINT_BEYOND_END, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    hints[0].state = 3;
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    options.hints = NULL;
    options.base = "nobody";
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_describe(&rig.repository, "disk@wrong", NULL, &rig.fault));
}

static void differences(void)
{
    memcpy(target.bytes, was[2], DISK);
    target.written_bytes = target.zeroed_bytes = 0;
    MUST(sarsen_diff(&rig.repository, "disk@s2", "disk@s6", &target.disk, NULL, &rig.work, &report, &rig.fault));
    CHECK(!memcmp(target.bytes, was[6], DISK));
    CHECK(report.data_bytes == target.written_bytes && report.zero_bytes == target.zeroed_bytes);
    CHECK(target.written_bytes > 0 && target.written_bytes <= 4 * 5 * 1024);
    memset(target.bytes, 0, DISK);
    MUST(sarsen_diff(&rig.repository, NULL, "disk@s6", &target.disk, NULL, &rig.work, NULL, &rig.fault));
    CHECK(!memcmp(target.bytes, was[6], DISK));
}

static void reads_anywhere(void)
{
    struct sarsen_version version = {{0}};
    struct sarsen_description description;
    struct lent memory = lend(&rig.config, SARSEN_NEED_VERSION);
    uint8_t *buffer = malloc(DISK);
    MUST(sarsen_version_open(&version, &rig.repository, "disk@s5", &description, memory.bytes, memory.len_bytes, &rig.fault));
    CHECK(!strcmp(description.name, "disk") && !strcmp(description.snapshot, "s5") && description.disk_bytes == DISK);
    CHECK(sarsen_version_size(&version) == DISK);
    for (int round = 0; round < 300; round++) {
        size_t offset = chance() % DISK, len = chance() % (DISK - offset + 1);
        len = round % 3 ? len % 6000 : len;
        MUST(sarsen_version_read_at(&version, offset, buffer, len, &rig.work, &rig.fault));
        CHECK(!memcmp(buffer, was[5] + offset, len));
    }
    uint64_t data = 0;
    for (uint64_t at = 0; at < DISK;) {
        struct sarsen_extent extent;
        MUST(sarsen_version_extent(&version, at, &extent, &rig.work, &rig.fault));
        CHECK(extent.offset == at && extent.len_bytes > 0 && extent.len_bytes <= DISK - at);
        for (uint64_t byte = at; extent.state == SARSEN_ZERO && byte < at + extent.len_bytes; byte++)
            CHECK(!was[5][byte]);
        data += extent.state == SARSEN_DATA ? extent.len_bytes : 0;
        at += extent.len_bytes;
    }
    CHECK(data > 0 && data < DISK - 64 * 1024); /* the zeros that were written on day 5 are told */
    MUST(sarsen_version_close(&version));
    take_back(&memory);
    free(buffer);
}

static int32_t count(void *context, const struct sarsen_description *description)
{
    CHECK(!strcmp(description->name, "disk"));
    return ++*(int *)context == 100;
}

static void space_comes_back(void)
{
    int versions = 0;
    MUST(sarsen_version_list(&rig.repository, count, &versions, &rig.fault));
    CHECK(versions == 9);
    versions = 99;
    EXPECT(SARSEN_CANCELLED, sarsen_version_list(&rig.repository, count, &versions, &rig.fault));
    for (int day = 0; day < 8; day++) {
        char version[] = "disk@s0";
        version[6] = (char)('0' + day);
        if (day != 3)
            MUST(sarsen_version_remove(&rig.repository, version, &rig.fault));
    }
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_remove(&rig.repository, "disk@s0", &rig.fault));
    MUST(sarsen_gc(&rig.repository, NULL, &rig.work, &report, &rig.fault));
    uint64_t live = report.live_bytes, before = report.true_bytes;
    CHECK(live > 0 && live < before);
    MUST(sarsen_compact(&rig.repository, NULL, &rig.work, &report, &rig.fault));
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, &report, &rig.fault));
    CHECK(report.versions == 2 && report.findings == 0 && report.true_bytes < before);
    restores("disk@s3", was[3]);
    rig_close(&rig);
    rig_open(&rig);
    restores("disk@s3", was[3]);
}

static void damage_is_found_and_mended(void)
{
    MUST(sarsen_check(&rig.repository, NULL, &rig.work, &report, &rig.fault));
    size_t largest = 0;
    for (int at = 0; at < rig.ram.count; at++)
        if (rig.ram.segments[at].len_bytes > rig.ram.segments[largest].len_bytes)
            largest = (size_t)at;
    ram_flip(&rig.ram, largest, rig.ram.segments[largest].len_bytes / 2);
    memset(events, 0, sizeof events);
    EXPECT(SARSEN_DAMAGED, sarsen_scrub(&rig.repository, NULL, &watch, &rig.work, &report, &rig.fault));
    CHECK(report.findings > 0 && events[SARSEN_STEP_FINDING] == (int)report.findings);
    CHECK(report.versions_hit > 0 && events[SARSEN_STEP_VERSION_HIT] == (int)report.versions_hit);
    memcpy(disk.bytes, was[3], DISK);
    EXPECT(SARSEN_DAMAGED, sarsen_restore(&rig.repository, "disk@s3", &target.disk, NULL, &rig.work, &report, &rig.fault));
    CHECK(report.lost_bytes > 0);
    back_up("again"); /* stores anew what is lost */
    restores("disk@s3", was[3]);
    MUST(sarsen_scrub(&rig.repository, "disk@s3", NULL, &rig.work, &report, &rig.fault));
}

/* What asks again is answered, and the step form too gets there. */
static void a_slow_medium(void)
{
    struct sarsen_description description;
    sarsen_status status;
    int tries = 0;
    rig_close(&rig);
    rig_open(&rig);
    rig.ram.lie = PENDING_OFTEN;
    while ((status = sarsen_version_describe(&rig.repository, "disk@s3", &description, &rig.fault)) == SARSEN_PENDING)
        CHECK(tries++ < 10000);
    MUST(status);
    CHECK(tries > 3);
    restores("disk@s3", was[3]);
    rig.ram.lie = HONEST;
}

static void an_interrupted_backup_goes_on(void)
{
    struct sarsen_backup_options options = {.name = "other", .snapshot = "once", .source = "here", .base = "", .checkpoint_bytes = 32 * 1024};
    fill(disk.bytes, DISK);
    disk.fails_at = 250 * 1024;
    EXPECT(SARSEN_DISK_FAILED, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    CHECK(rig.fault.detail / 4096 == 250 / 4);
    rig_close(&rig);
    rig_open(&rig);
    disk.fails_at = UINT64_MAX;
    disk.read_bytes = 0;
    options.base = NULL;
    options.resume = 1;
    options.source = "elsewhere";
    EXPECT(SARSEN_OTHER_SOURCE, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    options.source = "here";
    MUST(sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    CHECK(disk.read_bytes < DISK / 2);
    restores("other@once", disk.bytes);
}

int main(void)
{
    rig_make(&rig, NULL);
    ram_disk_make(&disk, DISK);
    ram_disk_make(&target, DISK);
    chains();
    hints_spare_reading();
    differences();
    reads_anywhere();
    space_comes_back();
    damage_is_found_and_mended();
    a_slow_medium();
    an_interrupted_backup_goes_on();
    for (int day = 0; day < 8; day++)
        free(was[day]);
    ram_disk_free(&disk);
    ram_disk_free(&target);
    rig_free(&rig);
    puts("verbs: ok");
    return 0;
}
