/* What the header says of threads: reads of one version in parallel, threads lent to one task, several tasks on one repository, repositories apart. */
#define _POSIX_C_SOURCE 200809L
#include "ram.h"
#include <sched.h>

enum { DISK = 600 * 1024, THREADS = 4, READS = 150 };

static struct rig rig;
static struct ram_disk disks[THREADS];
static struct sarsen_version version;
static struct sarsen_task task;
static uint8_t group[16] = {1, 2, 3};

static struct sarsen_work *new_work(struct lent *memory)
{
    struct sarsen_work *work = calloc(1, sizeof *work);
    *memory = lend(&rig.config, SARSEN_NEED_WORK);
    MUST(sarsen_work_open(work, &rig.repository, memory->bytes, memory->len_bytes, NULL));
    return work;
}

static void drop_work(struct sarsen_work *work, struct lent *memory)
{
    MUST(sarsen_work_close(work));
    take_back(memory);
    free(work);
}

static void each(void *(*run)(void *), void *results[THREADS])
{
    pthread_t threads[THREADS];
    for (size_t at = 0; at < THREADS; at++)
        CHECK(!pthread_create(&threads[at], NULL, run, (void *)at));
    for (size_t at = 0; at < THREADS; at++)
        CHECK(!pthread_join(threads[at], results ? &results[at] : NULL));
}

static void *read_much(void *context)
{
    struct lent memory;
    struct sarsen_work *work = new_work(&memory);
    uint8_t *bytes = malloc(60000);
    unsigned state = (unsigned)(size_t)context + 1;
    for (int round = 0; round < READS; round++) {
        state = state * 1664525u + 1013904223u;
        size_t offset = (state >> 8) % (DISK - 60000), len = (state >> 4) % 60000;
        MUST(sarsen_version_read_at(&version, offset, bytes, len, work, NULL));
        CHECK(!memcmp(bytes, disks[0].bytes + offset, len));
    }
    free(bytes);
    drop_work(work, &memory);
    return NULL;
}

static void *lend_a_thread(void *context)
{
    struct lent memory;
    struct sarsen_work *work = new_work(&memory);
    struct sarsen_report *report = calloc(1, sizeof *report);
    (void)context;
    MUST(sarsen_task_run(&task, work, report, NULL));
    drop_work(work, &memory);
    return report;
}

static void *back_one_up(void *context)
{
    size_t at = (size_t)context;
    char name[] = "disk0";
    struct sarsen_task own = {{0}};
    struct sarsen_job job;
    struct sarsen_step step;
    struct lent memory, task_memory = lend(&rig.config, SARSEN_NEED_TASK);
    struct sarsen_work *work = new_work(&memory);
    name[4] = (char)('0' + at);
    struct sarsen_backup_options options = {.name = name};
    memcpy(options.group, group, sizeof group);
    MUST(sarsen_backup_begin(&own, &rig.repository, &disks[at].disk, &options, task_memory.bytes, task_memory.len_bytes, NULL));
    do {
        MUST(sarsen_task_next(&own, &job, &step, NULL));
        if (step.kind == SARSEN_STEP_JOB) {
            MUST(sarsen_job_perform(&job, work, NULL));
            MUST(sarsen_task_accept(&own, &job, work, NULL, NULL));
        }
        sched_yield();
    } while (step.kind != SARSEN_STEP_DONE);
    MUST(sarsen_task_close(&own));
    drop_work(work, &memory);
    take_back(&task_memory);
    return NULL;
}

static void *a_repository_of_its_own(void *context)
{
    struct rig *own = malloc(sizeof *own);
    struct sarsen_backup_options options = {.name = "disk"};
    rig_make(own, NULL);
    MUST(sarsen_backup(&own->repository, &disks[(size_t)context].disk, &options, &own->work, NULL, NULL));
    MUST(sarsen_scrub(&own->repository, NULL, NULL, &own->work, NULL, NULL));
    rig_free(own);
    free(own);
    return NULL;
}

static void restores(const char *name, const uint8_t *bytes)
{
    struct ram_disk target;
    ram_disk_make(&target, DISK);
    MUST(sarsen_restore(&rig.repository, name, &target.disk, NULL, &rig.work, NULL, NULL));
    CHECK(!memcmp(target.bytes, bytes, DISK));
    ram_disk_free(&target);
}

int main(void)
{
    struct sarsen_description description;
    void *reports[THREADS];
    rig_make(&rig, NULL);
    for (int at = 0; at < THREADS; at++) {
        ram_disk_make(&disks[at], DISK);
        fill(disks[at].bytes, DISK / 2);
        fill(disks[at].bytes + DISK - 5000, 5000);
    }

    each(back_one_up, NULL);
    for (int at = 0; at < THREADS; at++) {
        char name[] = "disk0";
        name[4] = (char)('0' + at);
        restores(name, disks[at].bytes);
        MUST(sarsen_version_describe(&rig.repository, name, &description, NULL));
        CHECK(!memcmp(description.group, group, sizeof group));
    }

    struct lent memory = lend(&rig.config, SARSEN_NEED_VERSION), task_memory = lend(&rig.config, SARSEN_NEED_TASK);
    MUST(sarsen_version_open(&version, &rig.repository, "disk0", NULL, memory.bytes, memory.len_bytes, NULL));
    each(read_much, NULL);
    MUST(sarsen_version_close(&version));

    for (size_t at = 0; at < DISK; at += 20000)
        disks[0].bytes[at] ^= 1;
    struct sarsen_backup_options options = {.name = "disk0"};
    MUST(sarsen_backup_begin(&task, &rig.repository, &disks[0].disk, &options, task_memory.bytes, task_memory.len_bytes, NULL));
    each(lend_a_thread, reports);
    MUST(sarsen_task_close(&task));
    for (int at = 0; at < THREADS; at++) {
        CHECK(!memcmp(reports[at], reports[0], sizeof(struct sarsen_report)));
        if (at)
            free(reports[at]);
    }
    CHECK(((struct sarsen_report *)reports[0])->disk_bytes == DISK);
    free(reports[0]);
    restores("disk0", disks[0].bytes);

    disks[1].fails_at = 100000; /* all threads are told why it ended */
    options.name = "disk1";
    MUST(sarsen_backup_begin(&task, &rig.repository, &disks[1].disk, &options, task_memory.bytes, task_memory.len_bytes, NULL));
    EXPECT(SARSEN_DISK_FAILED, sarsen_task_run(&task, &rig.work, NULL, NULL));
    EXPECT(SARSEN_DISK_FAILED, sarsen_task_run(&task, &rig.work, NULL, NULL));
    MUST(sarsen_task_close(&task));
    disks[1].fails_at = UINT64_MAX;

    each(a_repository_of_its_own, NULL);
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, NULL));
    for (int at = 0; at < THREADS; at++)
        ram_disk_free(&disks[at]);
    take_back(&memory);
    take_back(&task_memory);
    rig_free(&rig);
    puts("threads: ok");
    return 0;
}
