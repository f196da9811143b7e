/* What only the hosted build has, misused: paths that lead nowhere or elsewhere, rights that are missing, files that shrink and vanish while they are
 * open, space that ends, somebody else who writes, and handles and disks that were closed. An error each time, and the repository as good as before. */
#define _GNU_SOURCE
#include "ram.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DISK = 600 * 1024, THREADS = 4, NOBODY = 65534 };

static struct sarsen_config config;
static struct sarsen_fault fault;
static char folder[] = "/tmp/sarsen-hosted-XXXXXX";
static uint8_t contents[DISK];

/* --- Files. Paths are below the folder, which is where this runs. --------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void)stat, (void)kind, (void)walk;
    return remove(path);
}

static void remove_all(const char *path) { CHECK(!nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS)); }

static void write_file(const char *path, const void *bytes, size_t len_bytes)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(file >= 0 && write(file, bytes, len_bytes) == (ssize_t)len_bytes && !close(file));
}

static void holds(const char *path, const void *bytes, size_t len_bytes)
{
    uint8_t *found = malloc(len_bytes + 1);
    int file = open(path, O_RDONLY);
    CHECK(file >= 0 && read(file, found, len_bytes + 1) == (ssize_t)len_bytes && !close(file));
    CHECK(!memcmp(found, bytes, len_bytes));
    free(found);
}

/* --- A repository that holds the disk `vm`. ------------------------------------------------------------------------------------------------------ */

struct open {
    struct sarsen_repository repository;
    struct sarsen_work work;
};

static void open_repository(struct open *open, const char *path, int access)
{
    *open = (struct open){0};
    MUST(sarsen_directory_open(&open->repository, SARSEN_ABI_VERSION, path, access, &fault));
    MUST(sarsen_work_open(&open->work, &open->repository, NULL, 0, &fault));
}

static void close_repository(struct open *open)
{
    MUST(sarsen_work_close(&open->work));
    MUST(sarsen_repository_close(&open->repository, &fault));
}

static sarsen_status back_up(struct open *open, const char *path, struct sarsen_report *report)
{
    struct sarsen_disk disk;
    struct sarsen_backup_options options = {.name = "vm"};
    MUST(sarsen_file_open(&disk, path, NULL, &fault));
    sarsen_status status = sarsen_backup(&open->repository, &disk, &options, &open->work, report, &fault);
    MUST(sarsen_file_close(&disk));
    return status;
}

static void make_repository(const char *path)
{
    struct open open;
    MUST(sarsen_directory_format(path, &config, &fault));
    open_repository(&open, path, SARSEN_WRITE);
    MUST(back_up(&open, "disk", NULL));
    close_repository(&open);
}

/* Whatever happened to it, what it holds can be read, and a backup can be made. */
static void is_as_good_as_before(const char *path)
{
    struct open open;
    struct sarsen_disk target;
    struct sarsen_restore_options options = {.target_is_zero = 1};
    open_repository(&open, path, SARSEN_WRITE);
    MUST(sarsen_scrub(&open.repository, NULL, NULL, &open.work, NULL, &fault));
    MUST(sarsen_file_target(&target, "back", DISK, SARSEN_TARGET_NEW, &fault));
    MUST(sarsen_restore(&open.repository, "vm", &target, &options, &open.work, NULL, &fault));
    MUST(sarsen_file_close(&target));
    holds("back", contents, DISK);
    CHECK(!remove("back"));
    MUST(back_up(&open, "disk", NULL));
    close_repository(&open);
}

static sarsen_status try_to_open(const char *path, int access)
{
    struct sarsen_repository repository = {{0}};
    fault.detail = 0;
    sarsen_status status = sarsen_directory_open(&repository, SARSEN_ABI_VERSION, path, access, &fault);
    if (status == SARSEN_OK)
        MUST(sarsen_repository_close(&repository, NULL));
    else
        EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_close(&repository, NULL));
    return status;
}

/* --- Paths. -------------------------------------------------------------------------------------------------------------------------------------- */

/* The system's own number comes along. */
#define REFUSED(errno_, call)                                                                                                                        \
    do {                                                                                                                                             \
        fault.detail = 0;                                                                                                                            \
        EXPECT(SARSEN_CANNOT_OPEN, call);                                                                                                            \
        CHECK(fault.detail == (errno_));                                                                                                             \
    } while (0)

static void every_path(const char *path, uint64_t wanted, uint64_t wanted_of_a_new_directory)
{
    struct sarsen_disk disk = {0};
    REFUSED(wanted, try_to_open(path, SARSEN_READ));
    REFUSED(wanted, try_to_open(path, SARSEN_WRITE));
    REFUSED(wanted_of_a_new_directory, sarsen_directory_format(path, &config, &fault));
    REFUSED(wanted, sarsen_file_open(&disk, path, NULL, &fault));
    REFUSED(wanted, sarsen_file_target(&disk, path, DISK, SARSEN_TARGET_EXISTING, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_close(&disk));
}

static void paths_that_lead_nowhere(void)
{
    char *overlong = malloc(100 * 1024);
    memset(overlong, 'x', 100 * 1024);
    overlong[100 * 1024 - 1] = 0;
    every_path("", ENOENT, ENOENT);
    every_path("none/none", ENOENT, ENOENT);
    every_path("disk/none", ENOTDIR, ENOTDIR);
    every_path(overlong, ENAMETOOLONG, ENAMETOOLONG);
    overlong[NAME_MAX + 1] = 0;
    every_path(overlong, ENAMETOOLONG, ENAMETOOLONG);
    CHECK(!symlink("loop", "loop"));
    every_path("loop", ELOOP, EEXIST);
    free(overlong);
}

static void paths_that_are_none(void)
{
    struct sarsen_disk disk = {0};
    struct sarsen_repository repository = {{0}};
    EXPECT(SARSEN_BAD_ARGUMENT, try_to_open(NULL, SARSEN_READ));
    EXPECT(SARSEN_BAD_ARGUMENT, try_to_open("repository", 2));
    EXPECT(SARSEN_BAD_ARGUMENT, try_to_open("repository", -1));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_directory_open(NULL, SARSEN_ABI_VERSION, "repository", SARSEN_READ, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_directory_format(NULL, &config, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_open(&disk, NULL, NULL, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_open(NULL, "disk", NULL, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_target(&disk, NULL, DISK, SARSEN_TARGET_NEW, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_target(NULL, "new", DISK, SARSEN_TARGET_NEW, NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_target(&disk, "new", DISK, 2, NULL));
    CHECK(access("new", F_OK) && errno == ENOENT);
    EXPECT(SARSEN_OTHER_ABI, sarsen_directory_open(&repository, SARSEN_ABI_VERSION + 1, "repository", SARSEN_READ, &fault));
    CHECK(fault.detail == SARSEN_ABI_VERSION);
}

/* Files for directories, directories for files, and what is neither. */
static void paths_that_lead_elsewhere(void)
{
    struct sarsen_disk disk = {0};
    REFUSED(ENOTDIR, try_to_open("disk", SARSEN_READ));
    REFUSED(EEXIST, sarsen_directory_format("disk", &config, &fault));
    static const char *const not_disks[] = {".", "repository", "/dev/null"};
    for (size_t at = 0; at < sizeof not_disks / sizeof *not_disks; at++) {
        EXPECT(SARSEN_NOT_A_DISK, sarsen_file_open(&disk, not_disks[at], NULL, &fault));
        EXPECT(SARSEN_NOT_A_DISK, sarsen_file_target(&disk, not_disks[at], DISK, SARSEN_TARGET_EXISTING, &fault));
    }
    REFUSED(EEXIST, sarsen_file_target(&disk, "disk", DISK, SARSEN_TARGET_NEW, &fault));
    REFUSED(EFBIG, sarsen_file_target(&disk, "new", INT64_MAX, SARSEN_TARGET_NEW, &fault));
    EXPECT(SARSEN_CANNOT_OPEN, sarsen_file_target(&disk, "new", UINT64_MAX, SARSEN_TARGET_NEW, &fault));
    CHECK(access("new", F_OK) && errno == ENOENT);
    holds("disk", contents, DISK);
}

/* Any bytes but zero are a name to the system, and so to us. */
static void names_need_not_be_text(void)
{
    struct sarsen_disk disk;
    char identity[SARSEN_TEXT_BYTES];
    memset(identity, 0xEE, sizeof identity);
    write_file("\xff\xfe", "disk", 4);
    MUST(sarsen_file_open(&disk, "\xff\xfe", identity, &fault));
    CHECK(disk.size_bytes == 4 && strnlen(identity, sizeof identity) < sizeof identity && !strncmp(identity, "file ", 5));
    MUST(sarsen_file_close(&disk));
    MUST(sarsen_directory_format("\xff\xff", NULL, &fault));
    MUST(try_to_open("\xff\xff", SARSEN_WRITE));
}

/* --- Directories that are no repository, or none of ours. ---------------------------------------------------------------------------------------- */

static void directories_that_hold_something_else(void)
{
    struct sarsen_config wrong = config;
    CHECK(!mkdir("other", 0755));
    EXPECT(SARSEN_NOT_A_REPOSITORY, try_to_open("other", SARSEN_READ));
    EXPECT(SARSEN_NOT_A_REPOSITORY, try_to_open("other", SARSEN_WRITE));
    CHECK(!mkdir("other/segments", 0755));
    EXPECT(SARSEN_NOT_A_REPOSITORY, try_to_open("other", SARSEN_READ));
    write_file("other/segments/0000000000.seg", contents, 5000);
    EXPECT(SARSEN_NO_HEADER, try_to_open("other", SARSEN_READ));
    write_file("other/thesis.tex", "", 0);
    EXPECT(SARSEN_NOT_EMPTY, sarsen_directory_format("other", &config, &fault));
    EXPECT(SARSEN_ALREADY_A_REPOSITORY, sarsen_directory_format("repository", &config, &fault));
    wrong.abi_version++;
    EXPECT(SARSEN_OTHER_ABI, sarsen_directory_format("new", &wrong, &fault));
    wrong = config;
    wrong.block_log2 = 25;
    EXPECT(SARSEN_BAD_PARAMETER, sarsen_directory_format("new", &wrong, &fault));
    CHECK(access("new", F_OK) && errno == ENOENT);
}

static int make_newer(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    uint8_t header[128];
    (void)stat, (void)walk;
    if (kind != FTW_F || !strstr(path, ".seg"))
        return 0;
    CHECK(!chmod(path, 0644));
    int file = open(path, O_RDWR);
    CHECK(file >= 0 && pread(file, header, sizeof header, 0) == sizeof header);
    newer_format(header);
    CHECK(pwrite(file, header, sizeof header, 0) == sizeof header && !close(file));
    return 0;
}

static void a_newer_format(void)
{
    make_repository("newer");
    CHECK(!nftw("newer", make_newer, 16, FTW_PHYS));
    EXPECT(SARSEN_UNSUPPORTED, try_to_open("newer", SARSEN_READ));
    EXPECT(SARSEN_UNSUPPORTED, try_to_open("newer", SARSEN_WRITE));
    EXPECT(SARSEN_ALREADY_A_REPOSITORY, sarsen_directory_format("newer", &config, &fault));
}

/* --- Rights. ------------------------------------------------------------------------------------------------------------------------------------- */

/* To the superuser rights mean nothing: does without them as nobody. */
static void without_rights(int yes)
{
    if (!getuid())
        CHECK(!seteuid(yes ? NOBODY : 0));
}

static void without_the_right_to_write(void)
{
    struct open open;
    struct sarsen_disk disk = {0};
    CHECK(!chmod("repository", 0555) && !chmod("repository/segments", 0555) && !chmod("repository/lock", 0444));
    CHECK(!chmod("disk", 0444) && !chmod(".", 0555));
    without_rights(1);
    REFUSED(EACCES, try_to_open("repository", SARSEN_WRITE));
    REFUSED(EACCES, sarsen_directory_format("new", &config, &fault));
    REFUSED(EACCES, sarsen_file_target(&disk, "new", DISK, SARSEN_TARGET_NEW, &fault));
    REFUSED(EACCES, sarsen_file_target(&disk, "disk", DISK, SARSEN_TARGET_EXISTING, &fault));
    open_repository(&open, "repository", SARSEN_READ);
    EXPECT(SARSEN_READ_ONLY, back_up(&open, "disk", NULL));
    EXPECT(SARSEN_READ_ONLY, sarsen_version_remove(&open.repository, "vm", &fault));
    EXPECT(SARSEN_READ_ONLY, sarsen_gc(&open.repository, NULL, &open.work, NULL, &fault));
    MUST(sarsen_scrub(&open.repository, NULL, NULL, &open.work, NULL, &fault));
    close_repository(&open);
    without_rights(0);
    CHECK(!chmod(".", 0755) && !chmod("disk", 0644) && !chmod("repository/lock", 0644));
    CHECK(!chmod("repository/segments", 0755) && !chmod("repository", 0755));
}

static void without_the_right_to_read(void)
{
    struct sarsen_disk disk = {0};
    CHECK(!chmod("repository/segments", 0) && !chmod("disk", 0));
    without_rights(1);
    EXPECT(SARSEN_FAILED, try_to_open("repository", SARSEN_READ));
    REFUSED(EACCES, sarsen_file_open(&disk, "disk", NULL, &fault));
    without_rights(0);
    CHECK(!chmod("repository", 0));
    without_rights(1);
    REFUSED(EACCES, try_to_open("repository", SARSEN_READ));
    without_rights(0);
    CHECK(!chmod("repository", 0755) && !chmod("repository/segments", 0755) && !chmod("disk", 0644));
    is_as_good_as_before("repository");
}

/* --- Somebody else. ------------------------------------------------------------------------------------------------------------------------------ */

/* Opens it for writing, says so, and waits to be killed. */
static pid_t another_process(void)
{
    int said[2];
    char byte;
    CHECK(!pipe(said));
    pid_t child = fork();
    if (!child) {
        struct open open;
        open_repository(&open, "repository", SARSEN_WRITE);
        MUST(back_up(&open, "disk", NULL));
        CHECK(write(said[1], "", 1) == 1);
        for (;;)
            pause();
    }
    CHECK(child > 0 && read(said[0], &byte, 1) == 1 && !close(said[0]) && !close(said[1]));
    return child;
}

static void another_that_writes(void)
{
    struct open open;
    pid_t child = another_process();
    EXPECT(SARSEN_LOCKED, try_to_open("repository", SARSEN_WRITE));
    EXPECT(SARSEN_LOCKED, sarsen_directory_format("repository", &config, &fault));
    MUST(try_to_open("repository", SARSEN_READ));
    CHECK(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child);
    is_as_good_as_before("repository");
    open_repository(&open, "repository", SARSEN_WRITE);
    EXPECT(SARSEN_LOCKED, try_to_open("repository", SARSEN_WRITE)); /* another handle of this process */
    close_repository(&open);
    MUST(try_to_open("repository", SARSEN_WRITE));
}

/* --- Handles and disks. -------------------------------------------------------------------------------------------------------------------------- */

static void handles_that_are_closed(void)
{
    struct open open;
    struct sarsen_version version = {{0}};
    struct sarsen_draft draft = {{0}};
    struct sarsen_draft_options options = {.name = "draft", .disk_bytes = DISK};
    struct sarsen_description_of_repository description;
    uint8_t byte;
    open_repository(&open, "repository", SARSEN_WRITE);
    MUST(sarsen_version_open(&version, &open.repository, "vm", NULL, NULL, 0, &fault));
    MUST(sarsen_draft_begin(&draft, &open.repository, &options, NULL, 0, &fault));
    EXPECT(SARSEN_BUSY, sarsen_repository_close(&open.repository, &fault));
    MUST(sarsen_draft_abandon(&draft, &fault));
    MUST(sarsen_version_close(&version));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_read_at(&version, 0, &byte, 1, &open.work, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_close(&version));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_write_at(&draft, 0, &byte, 1, &open.work, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_draft_abandon(&draft, &fault));
    close_repository(&open);
    EXPECT(SARSEN_BAD_HANDLE, sarsen_work_close(&open.work));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_close(&open.repository, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_repository_describe(&open.repository, &description, &fault));
    EXPECT(SARSEN_BAD_HANDLE, sarsen_version_open(&version, &open.repository, "vm", NULL, NULL, 0, &fault));
}

static void disks_that_are_closed(void)
{
    struct open open;
    struct sarsen_disk source, target, none = {0};
    struct sarsen_backup_options options = {.name = "vm"};
    open_repository(&open, "repository", SARSEN_WRITE);
    MUST(sarsen_file_open(&source, "disk", NULL, &fault));
    MUST(sarsen_file_target(&target, "back", DISK, SARSEN_TARGET_NEW, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_restore(&open.repository, "vm", &source, NULL, &open.work, NULL, &fault)); /* only to be read */
    MUST(sarsen_file_close(&source));
    MUST(sarsen_file_close(&target));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_close(&source));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_close(&target));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_close(&none));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_close(NULL));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_backup(&open.repository, &source, &options, &open.work, NULL, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_restore(&open.repository, "vm", &target, NULL, &open.work, NULL, &fault));
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_restore_onto(&open.repository, "vm", &target, NULL, &open.work, NULL, &fault));
    close_repository(&open);
    CHECK(!remove("back"));
}

static void disks_of_others_are_not_closed(void)
{
    struct ram_disk disk;
    ram_disk_make(&disk, 4096);
    EXPECT(SARSEN_BAD_ARGUMENT, sarsen_file_close(&disk.disk));
    CHECK(disk.disk.read && disk.disk.context);
    ram_disk_free(&disk);
}

/* A byte too little is refused and says how much; exactly that is enough. */
static void memory_to_the_byte(void)
{
    struct open open;
    struct sarsen_work work = {{0}};
    struct sarsen_version version = {{0}};
    struct sarsen_config as_made = config;
    as_made.levels = 9;
    as_made.deltas = 1;
    size_t len_bytes = sarsen_memory_needed(&as_made, SARSEN_NEED_WORK);
    void *memory = malloc(len_bytes);
    open_repository(&open, "repository", SARSEN_READ);
    EXPECT(SARSEN_MEMORY, sarsen_work_open(&work, &open.repository, memory, len_bytes - 1, &fault));
    CHECK(fault.detail == len_bytes);
    MUST(sarsen_work_open(&work, &open.repository, memory, len_bytes, &fault));
    MUST(sarsen_work_close(&work));
    free(memory);
    len_bytes = sarsen_memory_needed(&as_made, SARSEN_NEED_VERSION);
    memory = malloc(len_bytes);
    EXPECT(SARSEN_MEMORY, sarsen_version_open(&version, &open.repository, "vm", NULL, memory, len_bytes - 1, &fault));
    CHECK(fault.detail == len_bytes);
    MUST(sarsen_version_open(&version, &open.repository, "vm", NULL, memory, len_bytes, &fault));
    MUST(sarsen_version_close(&version));
    free(memory);
    close_repository(&open);
}

/* --- Files that change while they are open. ------------------------------------------------------------------------------------------------------ */

static int32_t once(void *context, uint64_t done, uint64_t total)
{
    void (**change)(void) = context;
    (void)done, (void)total;
    if (*change)
        (*change)();
    *change = NULL;
    return 0;
}

static void shrink(void) { CHECK(!truncate("moving", DISK / 2)); }
static void vanish(void) { CHECK(!remove("moving")); }
static void grow(void) { CHECK(!truncate("moving", 2 * DISK)); }

static sarsen_status back_up_while(void (*change)(void), struct sarsen_report *report)
{
    struct open open;
    struct sarsen_disk disk;
    struct sarsen_backup_options options = {.name = "moving", .watch = {.context = &change, .progress = once}};
    write_file("moving", contents, DISK);
    open_repository(&open, "repository", SARSEN_WRITE);
    MUST(sarsen_file_open(&disk, "moving", NULL, &fault));
    sarsen_status status = sarsen_backup(&open.repository, &disk, &options, &open.work, report, &fault);
    CHECK(!change);
    MUST(sarsen_file_close(&disk));
    close_repository(&open);
    return status;
}

static void files_that_shrink_grow_and_vanish(void)
{
    struct sarsen_report report;
    EXPECT(SARSEN_DISK_FAILED, back_up_while(shrink, &report));
    CHECK(fault.detail > 0 && fault.detail < DISK);
    MUST(back_up_while(grow, &report)); /* as long as it was when it was opened, and said to have changed */
    CHECK(report.disk_bytes == DISK && report.source_changed);
    MUST(back_up_while(vanish, &report)); /* the system keeps what is open */
    CHECK(report.disk_bytes == DISK && report.source_changed);
    is_as_good_as_before("repository");
}

/* What is open the system keeps; what is not there when it is looked for is said to be gone. */
static void segments_that_vanish(void)
{
    struct open open;
    struct sarsen_disk target;
    make_repository("vanishing");
    open_repository(&open, "vanishing", SARSEN_READ);
    remove_all("vanishing");
    MUST(sarsen_file_target(&target, "back", DISK, SARSEN_TARGET_NEW, &fault));
    sarsen_status status = sarsen_restore(&open.repository, "vm", &target, NULL, &open.work, NULL, &fault);
    MUST(sarsen_file_close(&target));
    if (status == SARSEN_OK)
        holds("back", contents, DISK);
    EXPECT(SARSEN_GONE, sarsen_scrub(&open.repository, NULL, NULL, &open.work, NULL, &fault));
    REFUSED(ENOENT, try_to_open("vanishing", SARSEN_READ));
    close_repository(&open);
    CHECK(!remove("back"));
}

/* --- Space. -------------------------------------------------------------------------------------------------------------------------------------- */

/* No file may be longer: to who writes, that is a full disk. */
static void space(rlim_t bytes)
{
    struct rlimit limit;
    CHECK(!getrlimit(RLIMIT_FSIZE, &limit));
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
}

static void space_that_ends(void)
{
    struct open open;
    struct sarsen_disk target;
    signal(SIGXFSZ, SIG_IGN);
    space(0);
    CHECK(sarsen_directory_format("full", &config, &fault) != SARSEN_OK);
    space(RLIM_INFINITY);
    remove_all("full");
    fill(contents, DISK);
    write_file("disk", contents, DISK);
    open_repository(&open, "repository", SARSEN_WRITE);
    space(64 * 1024);
    EXPECT(SARSEN_FULL, back_up(&open, "disk", NULL));
    REFUSED(EFBIG, sarsen_file_target(&target, "back", DISK, SARSEN_TARGET_NEW, &fault));
    CHECK(access("back", F_OK) && errno == ENOENT);
    space(RLIM_INFINITY);
    CHECK(back_up(&open, "disk", NULL) != SARSEN_BAD_HANDLE);
    MUST(sarsen_work_close(&open.work));
    sarsen_repository_close(&open.repository, NULL);
    open_repository(&open, "repository", SARSEN_WRITE);
    MUST(back_up(&open, "disk", NULL));
    write_file("back", contents, DISK);
    MUST(sarsen_file_target(&target, "back", DISK, SARSEN_TARGET_EXISTING, &fault));
    space(64 * 1024);
    EXPECT(SARSEN_DISK_FAILED, sarsen_restore(&open.repository, "vm", &target, NULL, &open.work, NULL, &fault));
    CHECK(fault.detail > 0 && fault.detail < DISK);
    space(RLIM_INFINITY);
    MUST(sarsen_file_close(&target));
    close_repository(&open);
    CHECK(!remove("back"));
    is_as_good_as_before("repository");
}

/* --- Threads and callbacks: the lock here is the library's own. ---------------------------------------------------------------------------------- */

static struct open shared;

static int32_t call_back(void *context, uint64_t done, uint64_t total)
{
    (void)done, (void)total;
    *(sarsen_status *)context = sarsen_version_describe(&shared.repository, "vm", NULL, NULL);
    return 0;
}

static void *use_it(void *context)
{
    struct sarsen_work work = {{0}};
    struct sarsen_version version = {{0}};
    uint8_t *bytes = malloc(50000);
    MUST(sarsen_work_open(&work, &shared.repository, NULL, 0, NULL));
    MUST(sarsen_version_open(&version, &shared.repository, "vm", NULL, NULL, 0, NULL));
    for (uint64_t offset = (size_t)context * 1000; offset + 50000 < DISK; offset += 30000) {
        MUST(sarsen_version_read_at(&version, offset, bytes, 50000, &work, NULL));
        CHECK(!memcmp(bytes, contents + offset, 50000));
        MUST(sarsen_version_describe(&shared.repository, "vm", NULL, NULL));
    }
    MUST(sarsen_version_close(&version));
    MUST(sarsen_work_close(&work));
    free(bytes);
    return NULL;
}

static void threads_wait_and_callbacks_do_not(void)
{
    pthread_t threads[THREADS];
    struct sarsen_disk disk;
    sarsen_status nested = SARSEN_OK;
    struct sarsen_backup_options options = {.name = "again", .watch = {.context = &nested, .progress = call_back}};
    open_repository(&shared, "repository", SARSEN_WRITE);
    for (size_t at = 0; at < THREADS; at++)
        CHECK(!pthread_create(&threads[at], NULL, use_it, (void *)at));
    MUST(sarsen_file_open(&disk, "disk", NULL, NULL));
    MUST(sarsen_backup(&shared.repository, &disk, &options, &shared.work, NULL, NULL));
    CHECK(nested == SARSEN_BUSY);
    for (size_t at = 0; at < THREADS; at++)
        CHECK(!pthread_join(threads[at], NULL));
    MUST(sarsen_file_close(&disk));
    close_repository(&shared);
}

static pid_t owner;

/* Also where a test has failed; not by the processes it started. */
static void clean_up(void)
{
    if (getpid() != owner)
        return;
    without_rights(0);
    if (chdir("/") || nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS))
        fprintf(stderr, "%s: left behind\n", folder);
}

int main(void)
{
    CHECK(sarsen_is_hosted());
    CHECK(mkdtemp(folder) && !chdir(folder) && !chmod(folder, 0755));
    owner = getpid();
    CHECK(!atexit(clean_up));
    MUST(sarsen_config_init(&config, SARSEN_ABI_VERSION, SARSEN_LARGE));
    config.block_log2 = 16, config.frame_log2 = 14, config.segment_bytes = 1 << 20;
    fill(contents, DISK);
    write_file("disk", contents, DISK);
    make_repository("repository");
    paths_that_are_none();
    paths_that_lead_nowhere();
    paths_that_lead_elsewhere();
    names_need_not_be_text();
    directories_that_hold_something_else();
    a_newer_format();
    without_the_right_to_write();
    without_the_right_to_read();
    another_that_writes();
    handles_that_are_closed();
    disks_that_are_closed();
    disks_of_others_are_not_closed();
    memory_to_the_byte();
    files_that_shrink_grow_and_vanish();
    segments_that_vanish();
    space_that_ends();
    threads_wait_and_callbacks_do_not();
    is_as_good_as_before("repository");
    puts("hosted: ok");
    return 0;
}
