/* Disks of one moment: backed up and written apart, on threads and step by step, and made versions at once. */
#include "ram.h"

enum { DISK = 90 * 1024 + 17, DISKS = 3 };

static struct rig rig;
static struct ram_disk disks[DISKS];
static struct sarsen_fault fault;
static const uint8_t group[16] = "one moment", other[16] = "another";
static const char *const names[DISKS] = {"d0", "d1", "d2"};

struct seen {
    uint32_t versions, drafts;
};

static int32_t see(void *context, const struct sarsen_description *description)
{
    struct seen *seen = context;
    if (!memcmp(description->group, group, sizeof group))
        description->is_draft ? seen->drafts++ : seen->versions++;
    return 0;
}

static void are_there(uint32_t versions, uint32_t drafts)
{
    struct seen seen = {0, 0};
    MUST(sarsen_version_list(&rig.repository, see, &seen, &fault));
    CHECK(seen.versions == versions && seen.drafts == drafts);
}

struct backer {
    int number;
    uint8_t id[32];
};

static void *back_up(void *context)
{
    struct backer *backer = context;
    struct sarsen_work work = {{0}};
    struct lent memory = lend(&rig.config, SARSEN_NEED_WORK_AND_TASK);
    struct sarsen_report report;
    struct sarsen_backup_options options = {.name = names[backer->number], .snapshot = "s", .hold = 1};
    memcpy(options.group, group, sizeof group);
    MUST(sarsen_work_open(&work, &rig.repository, memory.bytes, memory.len_bytes, NULL));
    MUST(sarsen_backup(&rig.repository, &disks[backer->number].disk, &options, &work, &report, NULL));
    memcpy(backer->id, report.version, 32);
    MUST(sarsen_work_close(&work));
    take_back(&memory);
    return NULL;
}

static void restores(int number)
{
    struct ram_disk target;
    ram_disk_make(&target, DISK);
    MUST(sarsen_restore(&rig.repository, names[number], &target.disk, NULL, &rig.work, NULL, &fault));
    CHECK(!memcmp(target.bytes, disks[number].bytes, DISK));
    ram_disk_free(&target);
}

static void is_version(const char *name, const uint8_t id[32])
{
    struct sarsen_description description;
    MUST(sarsen_version_describe(&rig.repository, name, &description, &fault));
    CHECK(!description.is_draft && !memcmp(description.id, id, 32) && !memcmp(description.group, group, 16));
}

/* Two by backups on threads of their own, one by a draft that is written; and finished by whoever comes later. */
static void apart_and_at_once(void)
{
    struct backer backers[DISKS - 1];
    pthread_t threads[DISKS - 1];
    struct sarsen_draft draft = {{0}};
    struct sarsen_draft_options options = {.name = names[2], .disk_bytes = DISK};
    struct lent memory = lend(&rig.config, SARSEN_NEED_DRAFT);
    uint8_t id[32];
    uint64_t count = 99;
    for (int at = 0; at < DISKS - 1; at++) {
        backers[at].number = at;
        CHECK(!pthread_create(&threads[at], NULL, back_up, &backers[at]));
    }
    for (int at = 0; at < DISKS - 1; at++)
        CHECK(!pthread_join(threads[at], NULL));
    are_there(0, 2);
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_describe(&rig.repository, names[0], NULL, &fault));
    memcpy(options.group, group, sizeof group);
    MUST(sarsen_draft_begin(&draft, &rig.repository, &options, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_draft_write_at(&draft, 0, disks[2].bytes, DISK, &rig.work, &fault));
    MUST(sarsen_draft_flush(&draft, 0, &rig.work, &fault));
    EXPECT(SARSEN_UNFINISHED, sarsen_group_finish(&rig.repository, group, &count, &fault));
    CHECK(count == 99);
    MUST(sarsen_draft_hold(&draft, id, &rig.work, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_hold(&draft, id, &rig.work, &fault));
    are_there(0, 3);
    rig_close(&rig);
    rig_open(&rig);
    are_there(0, 3);
    MUST(sarsen_group_finish(&rig.repository, group, &count, &fault));
    CHECK(count == 3);
    are_there(3, 0);
    for (int at = 0; at < DISKS - 1; at++)
        is_version(names[at], backers[at].id);
    is_version(names[2], id);
    for (int at = 0; at < DISKS; at++)
        restores(at);
    EXPECT(SARSEN_UNKNOWN_GROUP, sarsen_group_finish(&rig.repository, group, NULL, &fault));
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &fault));
    take_back(&memory);
}

/* A draft of another group stays one, and is written to before and after. */
static void others_go_on(void)
{
    struct sarsen_draft draft = {{0}};
    struct sarsen_draft_options options = {.name = "other", .disk_bytes = DISK};
    struct lent memory = lend(&rig.config, SARSEN_NEED_DRAFT);
    struct backer backer = {.number = 0};
    memcpy(options.group, other, sizeof other);
    MUST(sarsen_draft_begin(&draft, &rig.repository, &options, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_draft_write_at(&draft, 0, disks[1].bytes, 50000, &rig.work, &fault));
    fill(disks[0].bytes + 1000, 3000);
    back_up(&backer);
    MUST(sarsen_group_finish(&rig.repository, group, NULL, &fault));
    is_version(names[0], backer.id);
    restores(0);
    MUST(sarsen_draft_write_at(&draft, 50000, disks[1].bytes + 50000, DISK - 50000, &rig.work, &fault));
    MUST(sarsen_draft_finish(&draft, NULL, &rig.work, &fault));
    struct ram_disk target;
    ram_disk_make(&target, DISK);
    MUST(sarsen_restore(&rig.repository, "other", &target.disk, NULL, &rig.work, NULL, &fault));
    CHECK(!memcmp(target.bytes, disks[1].bytes, DISK));
    ram_disk_free(&target);
    take_back(&memory);
}

static void misuse(void)
{
    const uint8_t none[16] = {0};
    struct sarsen_backup_options options = {.name = "x", .hold = 1};
    struct sarsen_draft_options drafted = {.name = "y", .disk_bytes = DISK};
    struct sarsen_draft draft = {{0}};
    struct lent memory = lend(&rig.config, SARSEN_NEED_DRAFT);
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_group_finish(&rig.repository, NULL, NULL, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_group_finish(NULL, group, NULL, &fault));
    EXPECT(SARSEN_BAD_PARAMETER, sarsen_group_finish(&rig.repository, none, NULL, &fault));
    EXPECT(SARSEN_UNKNOWN_GROUP, sarsen_group_finish(&rig.repository, other, NULL, &fault));
    EXPECT(SARSEN_BAD_PARAMETER, sarsen_backup(&rig.repository, &disks[0].disk, &options, &rig.work, NULL, &fault));
    MUST(sarsen_draft_begin(&draft, &rig.repository, &drafted, memory.bytes, memory.len_bytes, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_draft_hold(&draft, NULL, &rig.work, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_hold(&draft, NULL, NULL, &fault));
    MUST(sarsen_draft_finish(&draft, NULL, &rig.work, &fault));
    take_back(&memory);
}

int main(void)
{
    rig_make(&rig, NULL);
    for (int at = 0; at < DISKS; at++) {
        ram_disk_make(&disks[at], DISK);
        fill(disks[at].bytes, DISK);
    }
    apart_and_at_once();
    others_go_on();
    misuse();
    rig_free(&rig);
    for (int at = 0; at < DISKS; at++)
        ram_disk_free(&disks[at]);
    puts("groups: ok");
    return 0;
}
