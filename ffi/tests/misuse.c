/* Everything that C can do wrong, and callbacks that fail, lie and return short: an error each time, and the repository as good as before. */
#include "ram.h"

enum { DISK = 100 * 1024 };

static struct rig rig;
static struct ram_disk disk;
static struct sarsen_fault fault;

static void versions_agree(void)
{
    CHECK(sarsen_abi_version() == SARSEN_ABI_VERSION);
    CHECK(sarsen_version_number() == SARSEN_VERSION_MAJOR * 1000000 + SARSEN_VERSION_MINOR * 1000 + SARSEN_VERSION_PATCH);
    for (int number = -1; number < 200; number++)
        CHECK(sarsen_status_text(number) && *sarsen_status_text(number));
    CHECK(strcmp(sarsen_status_text(SARSEN_BUSY), sarsen_status_text(12345)));
}

static void another_abi(void)
{
    struct sarsen_config config = rig.config;
    struct sarsen_repository repository = {{0}};
    EXPECT(SARSEN_OTHER_ABI, sarsen_config_init(&config, SARSEN_ABI_VERSION + 1, SARSEN_SMALL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_config_init(&config, SARSEN_ABI_VERSION, 7));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_config_init(NULL, SARSEN_ABI_VERSION, SARSEN_SMALL));
    config.abi_version++;
    CHECK(!sarsen_memory_needed(&config, SARSEN_NEED_WORK) && !sarsen_memory_needed(NULL, 0) && !sarsen_memory_needed(&rig.config, 99));
    EXPECT(SARSEN_OTHER_ABI, sarsen_repository_open(&repository, &rig.ram.medium, &rig.ram.host, &config, NULL, 0, &fault));
    CHECK(fault.detail == SARSEN_ABI_VERSION);
    config = rig.config;
    config.block_log2 = 25;
    EXPECT(SARSEN_BAD_PARAMETER, sarsen_repository_open(&repository, &rig.ram.medium, &rig.ram.host, &config, NULL, 0, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_close(&repository, &fault));
}

/* One byte too little is refused, and says how much; exactly enough is enough, which the sanitizers watch. */
static void memory_to_the_byte(void)
{
    struct sarsen_repository repository = {{0}};
    struct sarsen_work work = {{0}};
    struct sarsen_version version = {{0}};
    struct sarsen_draft draft = {{0}};
    struct sarsen_draft_options drafted = {.name = "draft", .disk_bytes = DISK};
    struct lent memory = lend(&rig.config, SARSEN_NEED_REPOSITORY);
    EXPECT(SARSEN_MEMORY,
           sarsen_repository_open(&repository, &rig.ram.medium, &rig.ram.host, &rig.config, memory.bytes, memory.len_bytes - 1, &fault));
    CHECK(fault.detail == memory.len_bytes);
    EXPECT(SARSEN_MISALIGNED, sarsen_repository_open(&repository, &rig.ram.medium, &rig.ram.host, &rig.config, (char *)memory.bytes + 1,
                                                     memory.len_bytes, &fault));
    take_back(&memory);
    memory = lend(&rig.config, SARSEN_NEED_WORK);
    EXPECT(SARSEN_MEMORY, sarsen_work_open(&work, &rig.repository, memory.bytes, memory.len_bytes - 1, &fault));
    CHECK(fault.detail == memory.len_bytes);
    MUST(sarsen_work_open(&work, &rig.repository, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_work_close(&work));
    take_back(&memory);
    memory = lend(&rig.config, SARSEN_NEED_VERSION);
    EXPECT(SARSEN_MEMORY, sarsen_version_open(&version, &rig.repository, "disk", NULL, memory.bytes, memory.len_bytes - 1, &fault));
    CHECK(fault.detail == memory.len_bytes);
    MUST(sarsen_version_open(&version, &rig.repository, "disk", NULL, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_version_close(&version));
    take_back(&memory);
    memory = lend(&rig.config, SARSEN_NEED_DRAFT);
    EXPECT(SARSEN_MEMORY, sarsen_draft_begin(&draft, &rig.repository, &drafted, memory.bytes, memory.len_bytes - 1, &fault));
    CHECK(fault.detail == memory.len_bytes);
    MUST(sarsen_draft_begin(&draft, &rig.repository, &drafted, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_draft_abandon(&draft, &fault));
    take_back(&memory);
    memory = lend(&rig.config, SARSEN_NEED_TASK);
    struct sarsen_task task = {{0}};
    struct sarsen_backup_options options = {.name = "disk"};
    EXPECT(SARSEN_MEMORY, sarsen_backup_begin(&task, &rig.repository, &disk.disk, &options, memory.bytes, 16, &fault));
    CHECK(fault.detail <= memory.len_bytes);
    MUST(sarsen_backup_begin(&task, &rig.repository, &disk.disk, &options, memory.bytes, (size_t)fault.detail, &fault));
    MUST(sarsen_task_close(&task));
    take_back(&memory);
}

/* Of a verb that takes its task from a work, and of a format, which keeps nothing. */
static void memory_to_the_byte_of_blocking_verbs(void)
{
    struct ram empty;
    struct sarsen_work work = {{0}};
    struct sarsen_backup_options options = {.name = "disk"};
    struct lent memory = lend(&rig.config, SARSEN_NEED_WORK_AND_TASK);
    size_t without = sarsen_memory_needed(&rig.config, SARSEN_NEED_WORK);
    CHECK(without < memory.len_bytes);
    MUST(sarsen_work_open(&work, &rig.repository, memory.bytes, without, &fault));
    EXPECT(SARSEN_MEMORY, sarsen_backup(&rig.repository, &disk.disk, &options, &work, NULL, &fault));
    MUST(sarsen_work_close(&work));
    MUST(sarsen_work_open(&work, &rig.repository, memory.bytes, memory.len_bytes, &fault));
    MUST(sarsen_backup(&rig.repository, &disk.disk, &options, &work, NULL, &fault));
    MUST(sarsen_work_close(&work));
    take_back(&memory);
    ram_make(&empty);
    memory = lend(&rig.config, SARSEN_NEED_REPOSITORY);
    EXPECT(SARSEN_MEMORY, sarsen_repository_format(&empty.medium, &empty.host, &rig.config, memory.bytes, memory.len_bytes - 1, &fault));
    CHECK(fault.detail == memory.len_bytes && !empty.count);
    MUST(sarsen_repository_format(&empty.medium, &empty.host, &rig.config, memory.bytes, memory.len_bytes, &fault));
    EXPECT(SARSEN_ALREADY_A_REPOSITORY,
           sarsen_repository_format(&empty.medium, &empty.host, &rig.config, memory.bytes, memory.len_bytes, &fault));
    take_back(&memory);
    ram_free(&empty);
}

static int32_t refuse(void *context) { return context ? 1 : 2; }

/* One of a pair alone is refused; a lock that cannot be had is somebody else's. */
static void locks_that_fail(void)
{
    struct sarsen_host host = rig.ram.host;
    struct sarsen_repository repository = {{0}};
    struct sarsen_description_of_repository description;
    struct lent memory = lend(&rig.config, SARSEN_NEED_REPOSITORY);
    host.unlock = NULL;
    EXPECT(SARSEN_BAD_ARGUMENT,
           sarsen_repository_open(&repository, &rig.ram.medium, &host, &rig.config, memory.bytes, memory.len_bytes, &fault));
    host = rig.ram.host;
    host.lock = refuse;
    MUST(sarsen_repository_open(&repository, &rig.ram.medium, &host, &rig.config, memory.bytes, memory.len_bytes, &fault));
    EXPECT(SARSEN_BUSY, sarsen_repository_describe(&repository, &description, &fault));
    EXPECT(SARSEN_BUSY, sarsen_repository_close(&repository, &fault)); /* stays open; nothing was taken from the heap */
    take_back(&memory);
}

static void handles_that_are_none(void)
{
    struct sarsen_repository copy = rig.repository, zeros = {{0}};
    struct sarsen_version version = {{0}};
    struct sarsen_work work = {{0}};
    struct sarsen_draft draft = {{0}};
    struct sarsen_task task = {{0}};
    struct sarsen_job job = {{0}};
    struct sarsen_step step;
    struct sarsen_extent extent;
    struct sarsen_report report;
    struct sarsen_description_of_repository description;
    struct sarsen_repository *const none[] = {NULL, &copy, &zeros, (struct sarsen_repository *)&rig.work};
    uint8_t byte;
    for (size_t at = 0; at < sizeof none / sizeof *none; at++) {
        EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_describe(none[at], &description, NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_refresh(none[at], NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_close(none[at], NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_version_list(none[at], NULL, NULL, NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_version_describe(none[at], "disk", NULL, NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_version_remove(none[at], "disk", NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_version_open(&version, none[at], "disk", NULL, NULL, 0, NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_work_open(&work, none[at], NULL, 0, NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_check(none[at], NULL, &rig.work, NULL, NULL));
        EXPECT(SARSEN_BAD_HANDLE, sarsen_gc(none[at], NULL, &rig.work, NULL, NULL));
    }
    EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_open(NULL, &rig.ram.medium, &rig.ram.host, &rig.config, NULL, 0, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_repository_open(&zeros, NULL, &rig.ram.host, &rig.config, NULL, 0, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_repository_open(&zeros, &rig.ram.medium, NULL, &rig.config, NULL, 0, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_repository_open(&zeros, &rig.ram.medium, &rig.ram.host, NULL, NULL, 0, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_read_at(&version, 0, &byte, 1, &rig.work, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_extent(NULL, 0, &extent, &rig.work, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_close(&version));
    CHECK(!sarsen_version_size(&version) && !sarsen_draft_size(NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_write_at(&draft, 0, &byte, 1, &rig.work, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_finish(&draft, NULL, &rig.work, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_abandon(NULL, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_close(&draft));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_task_next(&task, &job, &step, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_task_accept(&task, &job, &rig.work, &step, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_task_run(&task, &rig.work, &report, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_task_report(NULL, &report, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_task_close(&task));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_job_perform(&job, &rig.work, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_job_perform(NULL, NULL, NULL));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_work_close(&work));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_scrub(&rig.repository, NULL, NULL, NULL, NULL, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_describe(&rig.repository, NULL, NULL, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_describe(&rig.repository, "\xff\xfe", NULL, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_restore(&rig.repository, "disk", NULL, NULL, &rig.work, NULL, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_backup(&rig.repository, &disk.disk, NULL, &rig.work, NULL, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_export(&rig.repository, NULL, "disk", 0, NULL, NULL, &rig.work, NULL, NULL));
}

static void used_after_close(void)
{
    struct sarsen_version version = {{0}};
    struct lent memory = lend(&rig.config, SARSEN_NEED_VERSION);
    uint8_t byte;
    MUST(sarsen_version_open(&version, &rig.repository, "disk", NULL, memory.bytes, memory.len_bytes, &fault));
    EXPECT(SARSEN_BUSY, sarsen_repository_close(&rig.repository, &fault));
    struct sarsen_version moved = version;
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_read_at(&moved, 0, &byte, 1, &rig.work, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_read_at((struct sarsen_version *)&rig.work, 0, &byte, 1, &rig.work, &fault));
    MUST(sarsen_version_close(&version));
    take_back(&memory); /* whatever is done with the handle now must not touch it */
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_read_at(&version, 0, &byte, 1, &rig.work, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_close(&version));
    rig_close(&rig);
    EXPECT(SARSEN_BAD_HANDLE, sarsen_work_close(&rig.work));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_close(&rig.repository, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_describe(&rig.repository, "disk", NULL, &fault));
    rig_open(&rig);
}

static void lengths_that_cannot_be(void)
{
    struct sarsen_version version = {{0}};
    struct sarsen_draft draft = {{0}};
    struct sarsen_draft_options options = {.name = "draft", .disk_bytes = DISK};
    struct lent memory = lend(&rig.config, SARSEN_NEED_VERSION), drafted = lend(&rig.config, SARSEN_NEED_DRAFT);
    uint8_t bytes[16];
    MUST(sarsen_version_open(&version, &rig.repository, "disk", NULL, memory.bytes, memory.len_bytes, &fault));
    EXPECT(SARSEN_BEYOND_END, sarsen_version_read_at(&version, 0, bytes, SIZE_MAX, &rig.work, &fault));
    EXPECT(SARSEN_BEYOND_END, sarsen_version_read_at(&version, DISK - 15, bytes, 16, &rig.work, &fault));
    EXPECT(SARSEN_BEYOND_END, sarsen_version_read_at(&version, UINT64_MAX, bytes, 16, &rig.work, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_version_read_at(&version, 0, NULL, 16, &rig.work, &fault));
    MUST(sarsen_version_read_at(&version, DISK, NULL, 0, &rig.work, &fault));
    MUST(sarsen_draft_begin(&draft, &rig.repository, &options, drafted.bytes, drafted.len_bytes, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_draft_write_at(&draft, 0, bytes, SIZE_MAX, &rig.work, &fault));
    EXPECT(SARSEN_BEYOND_END, sarsen_draft_write_at(&draft, UINT64_MAX - 3, bytes, 16, &rig.work, &fault));
    EXPECT(SARSEN_BEYOND_END, sarsen_draft_zero(&draft, 1, UINT64_MAX, &rig.work, &fault));
    EXPECT(SARSEN_BEYOND_END, sarsen_draft_read_at(&draft, DISK, bytes, 1, &rig.work, &fault));
    MUST(sarsen_draft_abandon(&draft, &fault));
    MUST(sarsen_version_close(&version));
    take_back(&memory);
    take_back(&drafted);
}

static int32_t stop(void *context, uint64_t done, uint64_t total)
{
    struct sarsen_description_of_repository description;
    CHECK(done <= total);
    *(sarsen_status *)context = sarsen_repository_describe(&rig.repository, &description, NULL);
    return 1;
}

static void callbacks_that_call_and_cancel(void)
{
    sarsen_status nested = SARSEN_OK;
    struct sarsen_backup_options options = {.name = "disk", .base = "", .watch = {.context = &nested, .progress = stop}};
    EXPECT(SARSEN_CANCELLED, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &fault));
    CHECK(nested == SARSEN_BUSY);
    rig.ram.reenter = &rig.repository;
    MUST(sarsen_version_describe(&rig.repository, "disk", NULL, &fault));
    CHECK(rig.ram.reentered == SARSEN_BUSY);
    rig.ram.reenter = NULL;
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &fault));
}

static void media_that_lie(void)
{
    static const enum lie lies[] = {LONG_LEN, SHORT_LEN, SAME_NEXT, FAILING_READ, UNKNOWN_ANSWER};
    for (size_t at = 0; at < sizeof lies / sizeof *lies; at++) {
        struct sarsen_repository repository = {{0}};
        struct lent memory = lend(&rig.config, SARSEN_NEED_REPOSITORY);
        rig.ram.lie = lies[at];
        sarsen_status status =
            sarsen_repository_open(&repository, &rig.ram.medium, &rig.ram.host, &rig.config, memory.bytes, memory.len_bytes, &fault);
        if (status == SARSEN_OK) {
            status = sarsen_restore(&repository, "disk", &disk.disk, NULL, &rig.work, NULL, &fault);
            CHECK(status != SARSEN_OK || lies[at] == SAME_NEXT);
            sarsen_repository_close(&repository, NULL);
        }
        rig.ram.lie = HONEST;
        take_back(&memory);
    }
    rig.ram.random_fails = 1;
    struct sarsen_repository repository = {{0}};
    struct lent memory = lend(&rig.config, SARSEN_NEED_REPOSITORY);
    EXPECT(SARSEN_NO_RANDOMNESS,
           sarsen_repository_open(&repository, &rig.ram.medium, &rig.ram.host, &rig.config, memory.bytes, memory.len_bytes, &fault));
    rig.ram.random_fails = 0;
    take_back(&memory);
}

static void disks_that_fail_and_lie(void)
{
    struct sarsen_backup_options options = {.name = "disk", .base = ""};
    struct sarsen_disk unreadable = disk.disk;
    disk.fails_at = 50000;
    EXPECT(SARSEN_DISK_FAILED, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &fault));
    EXPECT(SARSEN_DISK_FAILED, sarsen_restore(&rig.repository, "disk", &disk.disk, NULL, &rig.work, NULL, &fault));
    disk.fails_at = UINT64_MAX;
    disk.lies = 1;
    EXPECT(SARSEN_DISK_FAILED, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &fault));
    disk.lies = 0;
    unreadable.read = NULL;
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_backup(&rig.repository, &unreadable, &options, &rig.work, NULL, &fault));
    unreadable.write = NULL;
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_restore(&rig.repository, "disk", &unreadable, NULL, &rig.work, NULL, &fault));
    unreadable = disk.disk;
    unreadable.size_bytes--;
    EXPECT(SARSEN_TARGET_TOO_SMALL, sarsen_restore(&rig.repository, "disk", &unreadable, NULL, &rig.work, NULL, &fault));
    CHECK(fault.detail == DISK);
}

static int64_t liar(void *context, uint8_t *to, size_t len_bytes)
{
    (void)to;
    return *(int64_t *)context ? *(int64_t *)context : (int64_t)len_bytes + 1;
}

static int64_t drain(void *context, const uint8_t *from, size_t len_bytes)
{
    (void)from;
    return *(int64_t *)context == 7 ? (int64_t)len_bytes + 1 : *(int64_t *)context;
}

static void lines_that_lie(void)
{
    int64_t answer = 0;
    struct sarsen_source source = {.context = &answer, .read = liar};
    struct sarsen_drain to = {.context = &answer, .write = drain};
    struct lent memory = lend(&rig.config, SARSEN_NEED_IMPORT);
    EXPECT(SARSEN_LINE_FAILED, sarsen_import(&rig.repository, &source, NULL, memory.bytes, memory.len_bytes, &rig.work, NULL, &fault));
    answer = -1;
    EXPECT(SARSEN_LINE_FAILED, sarsen_import(&rig.repository, &source, NULL, memory.bytes, memory.len_bytes, &rig.work, NULL, &fault));
    EXPECT(SARSEN_MEMORY, sarsen_import(&rig.repository, &source, NULL, memory.bytes, memory.len_bytes - 1, &rig.work, NULL, &fault));
    for (answer = -1; answer < 8; answer += answer ? 7 : 1)
        EXPECT(SARSEN_LINE_FAILED, sarsen_export(&rig.repository, NULL, "disk", 0, &to, NULL, &rig.work, NULL, &fault));
    to.write = NULL;
    EXPECT(SARSEN_LINE_FAILED, sarsen_export(&rig.repository, NULL, "disk", 0, &to, NULL, &rig.work, NULL, &fault));
    take_back(&memory);
}

static void jobs_out_of_order(void)
{
    struct sarsen_task task = {{0}};
    struct sarsen_job jobs[2];
    struct sarsen_step step;
    struct sarsen_work other = {{0}};
    struct sarsen_backup_options options = {.name = "steps", .base = ""};
    struct lent memory = lend(&rig.config, SARSEN_NEED_TASK), worked = lend(&rig.config, SARSEN_NEED_WORK);
    MUST(sarsen_work_open(&other, &rig.repository, worked.bytes, worked.len_bytes, &fault));
    MUST(sarsen_backup_begin(&task, &rig.repository, &disk.disk, &options, memory.bytes, memory.len_bytes, &fault));
    for (int out = 0; out < 2; out += step.kind == SARSEN_STEP_JOB)
        MUST(sarsen_task_next(&task, &jobs[out], &step, &fault));
    EXPECT(SARSEN_OUT_OF_ORDER, sarsen_task_accept(&task, &jobs[0], &rig.work, NULL, &fault)); /* not performed */
    MUST(sarsen_job_perform(&jobs[1], &other, &fault));
    EXPECT(SARSEN_OUT_OF_ORDER, sarsen_task_accept(&task, &jobs[1], &other, NULL, &fault)); /* not the oldest */
    MUST(sarsen_job_perform(&jobs[0], &rig.work, &fault));
    EXPECT(SARSEN_OUT_OF_ORDER, sarsen_task_accept(&task, &jobs[0], &other, NULL, &fault)); /* lies in another work */
    EXPECT(SARSEN_OUT_OF_ORDER, sarsen_task_report(&task, NULL, &fault));
    MUST(sarsen_task_accept(&task, &jobs[0], &rig.work, NULL, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_task_accept(&task, &jobs[0], &rig.work, NULL, &fault)); /* twice */
    MUST(sarsen_task_accept(&task, &jobs[1], &other, NULL, &fault));
    EXPECT(SARSEN_BUSY, sarsen_gc(&rig.repository, NULL, &rig.work, NULL, &fault)); /* needs the repository for itself */
    EXPECT(SARSEN_BUSY, sarsen_version_remove(&rig.repository, "disk", &fault));
    MUST(sarsen_task_close(&task));
    EXPECT(SARSEN_UNKNOWN_VERSION, sarsen_version_describe(&rig.repository, "steps", NULL, &fault));
    MUST(sarsen_work_close(&other));
    take_back(&memory);
    take_back(&worked);
}

static void a_newer_format(void)
{
    struct sarsen_repository repository = {{0}};
    struct lent memory = lend(&rig.config, SARSEN_NEED_REPOSITORY);
    for (int at = 0; at < rig.ram.count; at++)
        newer_format(rig.ram.segments[at].bytes);
    EXPECT(SARSEN_UNSUPPORTED,
           sarsen_repository_open(&repository, &rig.ram.medium, &rig.ram.host, &rig.config, memory.bytes, memory.len_bytes, &fault));
    take_back(&memory);
}

static void pieces(void)
{
    uint8_t base[4096], target[4096], delta[4096], id[32], digest[32], zeros[32] = {0};
    size_t made = 0;
    fill(base, sizeof base);
    memcpy(target, base, sizeof base);
    target[700] ^= 1;
    MUST(sarsen_sectors_diff(base, sizeof base, target, sizeof target, delta, sizeof delta, &made));
    CHECK(made == 4 + 512);
    EXPECT(SARSEN_BUFFER_TOO_SMALL, sarsen_sectors_diff(base, sizeof base, target, sizeof target, delta, made - 1, &made));
    EXPECT(SARSEN_CORRUPT, sarsen_sectors_apply(delta, made - 1, base, sizeof base));
    EXPECT(SARSEN_CORRUPT, sarsen_sectors_apply(delta, made, base, 512));
    MUST(sarsen_sectors_apply(delta, made, base, sizeof base));
    CHECK(!memcmp(base, target, sizeof base));
    MUST(sarsen_frame_digest(1, base, sizeof base, digest));
    MUST(sarsen_block_id(1, 4096, base, sizeof base, id));
    CHECK(memcmp(id, digest, 32) && memcmp(id, zeros, 32));
    memset(base, 0, sizeof base);
    MUST(sarsen_block_id(1, 4096, base, sizeof base, id));
    CHECK(!memcmp(id, zeros, 32));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_frame_digest(9, base, 1, digest));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_frame_digest(1, NULL, 1, digest));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_frame_digest(1, base, SIZE_MAX, digest));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_block_id(1, 4097, base, 1, id));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_sectors_diff(base, SIZE_MAX, target, 1, delta, 1, &made));
}

int main(void)
{
    struct sarsen_backup_options options = {.name = "disk"};
    rig_make(&rig, NULL);
    ram_disk_make(&disk, DISK);
    fill(disk.bytes, DISK);
    MUST(sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    versions_agree();
    another_abi();
    memory_to_the_byte();
    memory_to_the_byte_of_blocking_verbs();
    locks_that_fail();
    handles_that_are_none();
    used_after_close();
    lengths_that_cannot_be();
    callbacks_that_call_and_cancel();
    disks_that_fail_and_lie();
    lines_that_lie();
    jobs_out_of_order();
    pieces();
    media_that_lie();
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &rig.fault));
    a_newer_format();
    ram_disk_free(&disk);
    rig_free(&rig);
    puts("misuse: ok");
    return 0;
}
