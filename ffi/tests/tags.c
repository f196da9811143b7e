/* Tags, protection and expiry: told, kept, held to their limits; and every misuse. */
#include "ram.h"

enum { DISK = 20 * 1024 + 5 };

static struct rig rig;
static struct ram_disk disk;
static struct sarsen_fault fault;

struct heard {
    char tags[1024];
    int stop_after;
    sarsen_status reentered;
};

static int32_t hear(void *context, const char *tag)
{
    struct heard *heard = context;
    strcat(heard->tags, tag);
    strcat(heard->tags, "|");
    heard->reentered = sarsen_version_untag(&rig.repository, "disk", tag, NULL);
    return heard->stop_after-- == 0;
}

static void has(const char *version, const char *tags, uint32_t count)
{
    struct heard heard = {.stop_after = 1000};
    struct sarsen_description description;
    MUST(sarsen_version_tags(&rig.repository, version, hear, &heard, &fault));
    CHECK(!strcmp(heard.tags, tags));
    CHECK(!*tags || heard.reentered == SARSEN_BUSY);
    MUST(sarsen_version_describe(&rig.repository, version, &description, &fault));
    CHECK(description.tag_count == count);
}

static void told_and_kept(void)
{
    struct sarsen_description before, after;
    MUST(sarsen_version_describe(&rig.repository, "disk@one", &before, &fault));
    CHECK(!before.is_protected && !before.expiry);
    MUST(sarsen_version_tag(&rig.repository, "disk@one", "weekly", &fault));
    MUST(sarsen_version_tag(&rig.repository, "disk@one", "gold", &fault));
    MUST(sarsen_version_tag(&rig.repository, "disk@one", "weekly", &fault));
    MUST(sarsen_version_expire(&rig.repository, "disk@one", 1234567890123, &fault));
    MUST(sarsen_version_protect(&rig.repository, "disk@one", &fault));
    has("disk@one", "weekly|gold|", 2);
    has("disk@two", "", 0);
    rig_close(&rig);
    rig_open(&rig);
    has("disk@one", "weekly|gold|", 2);
    MUST(sarsen_version_describe(&rig.repository, "disk@one", &after, &fault));
    CHECK(after.is_protected && after.expiry == 1234567890123 && !memcmp(after.id, before.id, 32) && after.new_bytes == before.new_bytes);
    EXPECT(SARSEN_PROTECTED, sarsen_version_remove(&rig.repository, "disk@one", &fault));
    MUST(sarsen_version_untag(&rig.repository, "disk@one", "weekly", &fault));
    MUST(sarsen_version_untag(&rig.repository, "disk@one", "never had", &fault));
    MUST(sarsen_version_expire(&rig.repository, "disk@one", 0, &fault));
    has("disk@one", "gold|", 1);
    struct heard heard = {.stop_after = 0};
    EXPECT(SARSEN_CANCELLED, sarsen_version_tags(&rig.repository, "disk@one", hear, &heard, &fault));
    MUST(sarsen_version_unprotect(&rig.repository, "disk@one", &fault));
    MUST(sarsen_version_remove(&rig.repository, "disk@one", &fault));
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_describe(&rig.repository, "disk@one", NULL, &fault));
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &fault));
}

/* A backup and a draft are under way meanwhile, and both become versions. */
static void while_others_write(void)
{
    struct sarsen_draft_options drafted = {.name = "draft", .disk_bytes = DISK};
    struct sarsen_backup_options options = {.name = "disk", .snapshot = "three"};
    struct sarsen_draft draft = {{0}};
    struct sarsen_task task = {{0}};
    struct sarsen_job job;
    struct sarsen_step step = {.kind = SARSEN_STEP_AGAIN};
    struct lent memory = lend(&rig.config, SARSEN_NEED_DRAFT), room = lend(&rig.config, SARSEN_NEED_TASK);
    int round = 0;
    fill(disk.bytes, DISK);
    MUST(sarsen_draft_begin(&draft, &rig.repository, &drafted, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_draft_write_at(&draft, 100, disk.bytes, 9000, &rig.work, &fault));
    MUST(sarsen_backup_begin(&task, &rig.repository, &disk.disk, &options, room.bytes, room.len_bytes, &fault));
    for (; step.kind != SARSEN_STEP_DONE; round++) {
        char tag[16];
        snprintf(tag, sizeof tag, "%d", round);
        MUST(sarsen_task_next(&task, &job, &step, &fault));
        MUST(sarsen_version_tag(&rig.repository, "disk@two", tag, &fault));
        if (step.kind == SARSEN_STEP_JOB) {
            MUST(sarsen_job_perform(&job, &rig.work, &fault));
            MUST(sarsen_task_accept(&task, &job, &rig.work, NULL, &fault));
        }
        MUST(sarsen_version_untag(&rig.repository, "disk@two", tag, &fault));
    }
    CHECK(round > 5);
    MUST(sarsen_task_close(&task));
    MUST(sarsen_draft_flush(&draft, 0, &rig.work, &fault));
    MUST(sarsen_draft_finish(&draft, NULL, &rig.work, &fault));
    take_back(&memory);
    take_back(&room);
    has("disk@two", "", 0);
    MUST(sarsen_version_describe(&rig.repository, "disk@three", NULL, &fault));
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &fault));
}

static char draft_id[65];

static int32_t find_draft(void *context, const struct sarsen_description *description)
{
    (void)context;
    for (int at = 0; description->is_draft && at < 32; at++)
        snprintf(draft_id + 2 * at, 3, "%02x", description->id[at]);
    return 0;
}

static void drafts_have_none(void)
{
    struct sarsen_draft_options drafted = {.name = "left", .disk_bytes = DISK};
    struct sarsen_draft draft = {{0}};
    struct lent memory = lend(&rig.config, SARSEN_NEED_DRAFT);
    MUST(sarsen_draft_begin(&draft, &rig.repository, &drafted, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_draft_flush(&draft, 0, &rig.work, &fault));
    MUST(sarsen_version_list(&rig.repository, find_draft, NULL, &fault));
    EXPECT(SARSEN_IS_A_DRAFT, sarsen_version_tag(&rig.repository, draft_id, "t", &fault));
    EXPECT(SARSEN_IS_A_DRAFT, sarsen_version_protect(&rig.repository, draft_id, &fault));
    MUST(sarsen_draft_abandon(&draft, &fault));
    take_back(&memory);
}

static void misuse(void)
{
    struct heard heard = {.stop_after = 0};
    char longest[257];
    memset(longest, 't', 256);
    longest[256] = 0;
    EXPECT(SARSEN_TEXT_TOO_LONG, sarsen_version_tag(&rig.repository, "disk", longest, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_tag(&rig.repository, "disk", "", &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_untag(&rig.repository, "disk", NULL, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_tag(&rig.repository, NULL, "t", &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_tag(&rig.repository, "disk", "\xff", &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_tags(&rig.repository, "disk", NULL, NULL, &fault));
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_protect(&rig.repository, "nobody", &fault));
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_tags(&rig.repository, "nobody", hear, &heard, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_tag(NULL, "disk", "t", &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_untag(NULL, "disk", "t", NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_protect((struct sarsen_repository *)&rig.work, "disk", &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_unprotect(NULL, "disk", &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_expire(NULL, "disk", 1, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_tags(NULL, "disk", hear, &heard, &fault));
    has("disk", "", 0);
}

/* As many tags, and as long ones, as there is room for: the format's room, or that of the memory that was lent. */
static void limits(void)
{
    char tag[256];
    int count = 0;
    sarsen_status status = SARSEN_OK;
    memset(tag, 't', 255);
    tag[255] = 0;
    for (; status == SARSEN_OK; count++) {
        tag[0] = (char)('0' + count / 10);
        tag[1] = (char)('0' + count % 10);
        status = sarsen_version_tag(&rig.repository, "disk", tag, &fault);
    }
    if (status == SARSEN_BUFFER_TOO_SMALL)
        CHECK(fault.detail > 1024);
    else
        EXPECT(SARSEN_TOO_MANY_TAGS, status);
    CHECK(count > 2 && count < 65);
    /* What is there can be read, checked, moved, and taken away. */
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &fault));
    MUST(sarsen_gc(&rig.repository, NULL, &rig.work, NULL, &fault));
    MUST(sarsen_compact(&rig.repository, NULL, &rig.work, NULL, &fault));
    rig_close(&rig);
    rig_open(&rig);
    for (count -= 2; count >= 0; count--) {
        tag[0] = (char)('0' + count / 10);
        tag[1] = (char)('0' + count % 10);
        MUST(sarsen_version_untag(&rig.repository, "disk", tag, &fault));
    }
    has("disk", "", 0);
}

int main(void)
{
    rig_make(&rig, NULL);
    ram_disk_make(&disk, DISK);
    const char *const snapshots[] = {"one", "two"};
    for (int at = 0; at < 2; at++) {
        struct sarsen_backup_options options = {.name = "disk", .snapshot = snapshots[at]};
        fill(disk.bytes, DISK);
        MUST(sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &fault));
    }
    told_and_kept();
    while_others_write();
    drafts_have_none();
    misuse();
    limits();
    rig_free(&rig);
    ram_disk_free(&disk);
    puts("tags: ok");
    return 0;
}
