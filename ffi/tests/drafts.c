/* Several drafts at once, written at random beside plain arrays; flushed, lost, gone on from, finished and abandoned. And streams between repositories. */
#include "ram.h"

enum { DISK = 150 * 1024 + 300, DRAFTS = 3, ROUNDS = 400 };

static struct rig rig, other;
static struct sarsen_fault fault;

struct model {
    struct sarsen_draft draft;
    struct lent memory;
    uint8_t *bytes;
    char name[8];
};

static void write_somewhere(struct model *model, uint64_t size)
{
    uint8_t data[9000];
    uint64_t offset = chance() % size;
    size_t len = chance() % (sizeof data < size - offset ? sizeof data : (size_t)(size - offset));
    if (chance() % 4 == 0) {
        memset(model->bytes + offset, 0, len);
        MUST(sarsen_draft_zero(&model->draft, offset, len, &rig.work, &fault));
        return;
    }
    fill(data, len);
    memcpy(model->bytes + offset, data, len);
    MUST(sarsen_draft_write_at(&model->draft, offset, data, len, &rig.work, &fault));
}

static void is_as_written(struct model *model, uint64_t size)
{
    uint8_t *read = malloc(size);
    MUST(sarsen_draft_read_at(&model->draft, 0, read, size, &rig.work, &fault));
    CHECK(!memcmp(read, model->bytes, size));
    free(read);
}

static void restores(struct rig *rig, const char *version, const uint8_t *bytes, uint64_t size)
{
    struct ram_disk target;
    ram_disk_make(&target, size);
    MUST(sarsen_restore(&rig->repository, version, &target.disk, NULL, &rig->work, NULL, &fault));
    CHECK(!memcmp(target.bytes, bytes, size));
    ram_disk_free(&target);
}

static void begin(struct model *model, const char *base, uint64_t size, uint32_t resume)
{
    struct sarsen_draft_options options = {.name = model->name, .snapshot = "s", .base = base, .disk_bytes = size, .resume = resume};
    model->memory = lend(&rig.config, SARSEN_NEED_DRAFT);
    MUST(sarsen_draft_begin(&model->draft, &rig.repository, &options, model->memory.bytes, model->memory.len_bytes, &fault));
}

static void many_at_once(struct model models[DRAFTS])
{
    uint8_t id[32];
    struct sarsen_description description;
    for (int at = 0; at < DRAFTS; at++) {
        memcpy(models[at].name, "d0", 3);
        models[at].name[1] = (char)(models[at].name[1] + at);
        models[at].bytes = calloc(1, 2 * DISK);
        begin(&models[at], NULL, DISK, 0);
        CHECK(sarsen_draft_size(&models[at].draft) == DISK);
    }
    EXPECT(SARSEN_BUSY, sarsen_compact(&rig.repository, NULL, &rig.work, NULL, &fault));
    EXPECT(SARSEN_BUSY, sarsen_repository_close(&rig.repository, &fault));
    for (int round = 0; round < ROUNDS; round++) {
        struct model *model = &models[chance() % DRAFTS];
        write_somewhere(model, DISK);
        if (round % 40 == 0)
            MUST(sarsen_draft_flush(&model->draft, 0, &rig.work, &fault));
        if (round % 50 == 0)
            is_as_written(model, DISK);
    }
    MUST(sarsen_draft_finish(&models[0].draft, id, &rig.work, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_finish(&models[0].draft, id, &rig.work, &fault));
    MUST(sarsen_version_describe(&rig.repository, "d0", &description, &fault));
    CHECK(!memcmp(description.id, id, 32) && !description.is_draft && description.disk_bytes == DISK);
    /* The others go on, though that ended a session of writing. */
    for (int round = 0; round < 50; round++)
        write_somewhere(&models[1 + round % 2], DISK);
    MUST(sarsen_draft_flush(&models[1].draft, 0, &rig.work, &fault));
    uint8_t lost[4096];
    fill(lost, sizeof lost);
    MUST(sarsen_draft_write_at(&models[1].draft, 0, lost, sizeof lost, &rig.work, &fault));
    MUST(sarsen_draft_close(&models[1].draft));
    MUST(sarsen_draft_abandon(&models[2].draft, &fault));
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_describe(&rig.repository, "d2", NULL, &fault));
    rig_close(&rig);
    rig_open(&rig);
    take_back(&models[1].memory);
    begin(&models[1], NULL, 0, 1);
    is_as_written(&models[1], DISK);
    MUST(sarsen_draft_finish(&models[1].draft, NULL, &rig.work, &fault));
    restores(&rig, "d0", models[0].bytes, DISK);
    restores(&rig, "d1", models[1].bytes, DISK);
}

/* On a version, and longer than that. */
static void on_a_base(struct model *model)
{
    take_back(&model->memory);
    begin(model, "d0", DISK + 70000, 0);
    is_as_written(model, DISK + 70000);
    for (int round = 0; round < 20; round++)
        write_somewhere(model, DISK + 70000);
    MUST(sarsen_draft_finish(&model->draft, NULL, &rig.work, &fault));
    restores(&rig, "d0", model->bytes, DISK + 70000);
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &fault));
}

struct line {
    uint8_t *bytes;
    size_t len_bytes, at, ends_at;
};

static int64_t line_write(void *context, const uint8_t *from, size_t len_bytes)
{
    struct line *line = context;
    size_t len = len_bytes > 1000 ? 1000 : len_bytes; /* less than was asked is right */
    line->bytes = realloc(line->bytes, line->len_bytes + len);
    memcpy(line->bytes + line->len_bytes, from, len);
    line->len_bytes += len;
    return (int64_t)len;
}

static int64_t line_read(void *context, uint8_t *to, size_t len_bytes)
{
    struct line *line = context;
    size_t end = line->ends_at < line->len_bytes ? line->ends_at : line->len_bytes, len = end - line->at < len_bytes ? end - line->at : len_bytes;
    len = len > 777 ? 777 : len;
    memcpy(to, line->bytes + line->at, len);
    line->at += len;
    return (int64_t)len;
}

static sarsen_status carry(const char *old, const char *new, uint64_t start, size_t ends_at)
{
    struct line line = {.ends_at = ends_at};
    struct sarsen_drain drain = {&line, line_write};
    struct sarsen_source source = {&line, line_read};
    struct lent memory = lend(&other.config, SARSEN_NEED_IMPORT);
    struct sarsen_report report;
    MUST(sarsen_export(&rig.repository, old, new, start, &drain, NULL, &rig.work, &report, &fault));
    sarsen_status status =
        sarsen_import(&other.repository, &source, NULL, memory.bytes, memory.len_bytes, &other.work, &report, &fault);
    free(line.bytes);
    take_back(&memory);
    return status;
}

/* An event loop's source: it has nothing yet two times out of three. */
static int64_t line_try(void *context, uint8_t *to, size_t len_bytes)
{
    return chance() % 3 ? SARSEN_NOT_YET : line_read(context, to, len_bytes);
}

/* The same step by step, while a draft is written on the same repository. */
static sarsen_status carry_by_steps(const char *old, const char *new, size_t ends_at, uint64_t *position)
{
    struct line line = {.ends_at = ends_at};
    struct sarsen_drain drain = {&line, line_write};
    struct sarsen_source source = {&line, line_try};
    struct lent memory = lend(&other.config, SARSEN_NEED_IMPORT), draft_memory = lend(&other.config, SARSEN_NEED_DRAFT);
    struct sarsen_draft_options drafted = {.name = "beside", .disk_bytes = 9000};
    struct sarsen_draft draft = {{0}};
    struct sarsen_task task = {{0}};
    struct sarsen_job job;
    struct sarsen_step step = {.kind = SARSEN_STEP_AGAIN};
    struct sarsen_report report;
    uint32_t waits = 0;
    MUST(sarsen_export(&rig.repository, old, new, 0, &drain, NULL, &rig.work, NULL, &fault));
    EXPECT(SARSEN_MEMORY, sarsen_import_begin(&task, &other.repository, &source, NULL, memory.bytes, memory.len_bytes - 1, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_import_begin(&task, &other.repository, NULL, NULL, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_import_begin(&task, &other.repository, &source, NULL, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_draft_begin(&draft, &other.repository, &drafted, draft_memory.bytes, draft_memory.len_bytes, &fault));
    EXPECT(SARSEN_BUSY, sarsen_gc(&other.repository, NULL, &other.work, NULL, &fault));
    while (step.kind != SARSEN_STEP_DONE) {
        sarsen_status status = sarsen_task_next(&task, &job, &step, &fault);
        if (status == SARSEN_PENDING) {
            uint8_t byte = (uint8_t)waits;
            MUST(sarsen_draft_write_at(&draft, waits++ % 9000, &byte, 1, &other.work, &fault));
            continue;
        }
        MUST(status);
        if (step.kind == SARSEN_STEP_JOB) {
            struct sarsen_job none;
            MUST(sarsen_task_next(&task, &none, &step, &fault));
            CHECK(step.kind == SARSEN_STEP_WAIT);
            MUST(sarsen_job_perform(&job, &other.work, &fault));
            MUST(sarsen_task_accept(&task, &job, &other.work, NULL, &fault));
        }
    }
    CHECK(waits > 10);
    MUST(sarsen_task_report(&task, &report, &fault));
    MUST(sarsen_task_close(&task));
    MUST(sarsen_draft_abandon(&draft, &fault));
    free(line.bytes);
    take_back(&memory);
    take_back(&draft_memory);
    *position = report.position;
    return (sarsen_status)report.status;
}

static void streams_by_steps(const struct model *whole)
{
    uint64_t kept = 1;
    rig_free(&other);
    rig_make(&other, NULL);
    EXPECT(SARSEN_STREAM_INTERRUPTED, carry_by_steps(NULL, "d0", 90000, &kept));
    CHECK(kept > 0 && kept < DISK);
    MUST(carry(NULL, "d0", kept, SIZE_MAX));
    restores(&other, "d0", whole->bytes, DISK + 70000);
    MUST(carry_by_steps("d0", "d1", SIZE_MAX, &kept));
    CHECK(!kept);
    struct sarsen_description here, there;
    MUST(sarsen_version_describe(&rig.repository, "d1", &here, &fault));
    MUST(sarsen_version_describe(&other.repository, "d1", &there, &fault));
    CHECK(!memcmp(here.root, there.root, 32));
    MUST(sarsen_scrub(&other.repository, NULL, NULL, &other.work, NULL, &fault));
}

static void streams(const struct model *whole)
{
    struct sarsen_description here, there;
    MUST(carry(NULL, "d1", 0, SIZE_MAX));
    MUST(sarsen_version_describe(&rig.repository, "d1", &here, &fault));
    MUST(sarsen_version_describe(&other.repository, "d1", &there, &fault));
    CHECK(!memcmp(here.root, there.root, 32));
    EXPECT(SARSEN_STREAM_BASE, carry("d0", "d1", 0, SIZE_MAX));
    MUST(carry("d1", "d0", 0, SIZE_MAX));
    restores(&other, "d0", whole->bytes, DISK + 70000);
    /* Cut in the middle, it is gone on from. */
    rig_free(&other);
    rig_make(&other, NULL);
    EXPECT(SARSEN_STREAM_INTERRUPTED, carry(NULL, "d0", 0, 90000));
    uint64_t kept = fault.detail;
    CHECK(kept > 0 && kept < DISK);
    EXPECT(SARSEN_STREAM_START, carry(NULL, "d0", DISK, SIZE_MAX));
    MUST(carry(NULL, "d0", kept, SIZE_MAX));
    restores(&other, "d0", whole->bytes, DISK + 70000);
}

int main(void)
{
    static struct model models[DRAFTS];
    rig_make(&rig, NULL);
    rig_make(&other, NULL);
    many_at_once(models);
    on_a_base(&models[0]);
    streams(&models[0]);
    streams_by_steps(&models[0]);
    for (int at = 0; at < DRAFTS; at++) {
        free(models[at].bytes);
        take_back(&models[at].memory);
    }
    rig_free(&rig);
    rig_free(&other);
    puts("drafts: ok");
    return 0;
}
