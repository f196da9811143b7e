/* Four disks on four threads into one repository, as one group.
 *
 *     fleet REPOSITORY NAME=IMAGE NAME=IMAGE NAME=IMAGE NAME=IMAGE
 *
 * The disks are of one moment, so none becomes a version before all are done: each is held as a draft, and one commit makes versions of them.
 *
 * One task for each disk, and one thread for each task: it asks its task for jobs, does them, and hands in what came of them. The threads are lent; the
 * library starts none. What two disks have in common is stored once. */
#include "sarsen.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DISKS = 4, JOBS = 3 };

struct machine {
    struct sarsen_repository *repository;
    const char *name, *image;
    const uint8_t *group;
    sarsen_status status;
    struct sarsen_fault fault;
    struct sarsen_report report;
};

/* The step form: nothing here blocks but the work itself, so it could as well be an event loop. Up to JOBS outcomes lie in as many works. */
static sarsen_status steps(struct sarsen_task *task, struct sarsen_work works[JOBS], struct sarsen_fault *fault)
{
    struct sarsen_job jobs[JOBS];
    unsigned first = 0, last = 0; /* jobs that are out: first .. last */
    for (;;) {
        struct sarsen_step step = {.kind = SARSEN_STEP_WAIT};
        if (last - first < JOBS) {
            sarsen_status status = sarsen_task_next(task, &jobs[last % JOBS], &step, fault);
            if (status != SARSEN_OK)
                return status;
        }
        if (step.kind == SARSEN_STEP_DONE)
            return SARSEN_OK;
        if (step.kind == SARSEN_STEP_JOB) {
            sarsen_status status = sarsen_job_perform(&jobs[last % JOBS], &works[last % JOBS], fault);
            if (status != SARSEN_OK)
                return status;
            last++;
        }
        if (step.kind == SARSEN_STEP_WAIT) {
            sarsen_status status = sarsen_task_accept(task, &jobs[first % JOBS], &works[first % JOBS], NULL, fault);
            if (status != SARSEN_OK)
                return status;
            first++;
        }
    }
}

static sarsen_status back_up(struct machine *machine, const struct sarsen_disk *disk, const char *identity)
{
    struct sarsen_task task;
    struct sarsen_work works[JOBS] = {{{0}}};
    struct sarsen_backup_options options = {.name = machine->name, .source = identity, .hold = 1};
    memcpy(options.group, machine->group, sizeof options.group);
    sarsen_status status = sarsen_backup_begin(&task, machine->repository, disk, &options, NULL, 0, &machine->fault);
    if (status != SARSEN_OK)
        return status;
    for (int at = 0; at < JOBS && status == SARSEN_OK; at++)
        status = sarsen_work_open(&works[at], machine->repository, NULL, 0, &machine->fault);
    if (status == SARSEN_OK)
        status = steps(&task, works, &machine->fault);
    if (status == SARSEN_OK)
        status = sarsen_task_report(&task, &machine->report, &machine->fault);
    sarsen_task_close(&task);
    for (int at = 0; at < JOBS; at++)
        sarsen_work_close(&works[at]); /* one that was not opened says so, and no more */
    return status;
}

static void *run(void *context)
{
    struct machine *machine = context;
    struct sarsen_disk disk;
    char identity[256];
    machine->status = sarsen_file_open(&disk, machine->image, identity, &machine->fault);
    if (machine->status != SARSEN_OK)
        return NULL;
    machine->status = back_up(machine, &disk, identity);
    sarsen_file_close(&disk);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sarsen_repository repository;
    struct sarsen_fault fault;
    struct machine machines[DISKS];
    pthread_t threads[DISKS];
    uint8_t group[16] = {0};
    if (argc != 2 + DISKS) {
        fputs("usage: fleet REPOSITORY NAME=IMAGE NAME=IMAGE NAME=IMAGE NAME=IMAGE\n", stderr);
        return 2;
    }
    time_t now = time(NULL);
    memcpy(group, &now, sizeof now < sizeof group ? sizeof now : sizeof group);
    sarsen_status status = sarsen_directory_format(argv[1], NULL, &fault);
    if (status == SARSEN_OK || status == SARSEN_ALREADY_A_REPOSITORY)
        status = sarsen_directory_open(&repository, SARSEN_ABI_VERSION, argv[1], SARSEN_WRITE, &fault);
    if (status != SARSEN_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], sarsen_status_text(status));
        return 1;
    }
    int started = 0;
    for (; started < DISKS; started++) {
        char *image = strchr(argv[2 + started], '=');
        if (image)
            *image++ = 0;
        machines[started] = (struct machine){
            .repository = &repository, .name = argv[2 + started], .image = image ? image : argv[2 + started], .group = group};
        if (pthread_create(&threads[started], NULL, run, &machines[started]))
            break;
    }
    int failed = started < DISKS;
    for (int at = 0; at < started; at++) {
        pthread_join(threads[at], NULL);
        const struct machine *machine = &machines[at];
        printf("%s: %s; read %llu bytes, stored %llu\n", machine->name, sarsen_status_text(machine->status),
               (unsigned long long)machine->report.read_bytes, (unsigned long long)machine->report.new_bytes);
        failed |= machine->status != SARSEN_OK;
    }
    if (!failed) {
        status = sarsen_group_finish(&repository, group, NULL, &fault);
        printf("all at once: %s\n", sarsen_status_text(status));
        failed = status != SARSEN_OK;
    }
    status = sarsen_repository_close(&repository, &fault);
    return failed || status != SARSEN_OK;
}
