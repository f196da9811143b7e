/* Backs an image up to a directory, and restores it.
 *
 *     backup save REPOSITORY IMAGE NAME      makes the repository if there is none, and a version of the image; only what has changed is stored
 *     backup list REPOSITORY
 *     backup load REPOSITORY VERSION IMAGE   VERSION: NAME, NAME@SNAPSHOT, an id or its beginning, or latest
 */
#include "sarsen.h"
#include <stdio.h>
#include <string.h>

static struct sarsen_fault fault;

static int fail(const char *doing, sarsen_status status)
{
    fprintf(stderr, "%s: %s", doing, sarsen_status_text(status));
    if (fault.segment != SARSEN_NO_SEGMENT)
        fprintf(stderr, " (segment %u, offset %u)", fault.segment, fault.offset);
    if (fault.detail)
        fprintf(stderr, " (%llu)", (unsigned long long)fault.detail);
    fputc('\n', stderr);
    return 1;
}

static int32_t progress(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    fprintf(stderr, "\r%3llu %%", (unsigned long long)(total ? done * 100 / total : 100));
    return 0;
}

static void event(void *context, const struct sarsen_step *step)
{
    (void)context;
    if (step->kind == SARSEN_STEP_LOST)
        fprintf(stderr, "lost: %llu bytes from %llu\n", (unsigned long long)step->len_bytes, (unsigned long long)step->at);
}

static const struct sarsen_watch watch = {NULL, progress, event};

static int save(struct sarsen_repository *repository, struct sarsen_work *work, const char *image, const char *name)
{
    struct sarsen_disk disk;
    struct sarsen_report report;
    char identity[256];
    sarsen_status status = sarsen_file_open(&disk, image, identity, &fault);
    if (status != SARSEN_OK)
        return fail(image, status);
    struct sarsen_backup_options options = {.name = name, .source = identity, .checkpoint_bytes = 256u << 20, .watch = watch};
    status = sarsen_backup(repository, &disk, &options, work, &report, &fault);
    sarsen_file_close(&disk);
    if (status != SARSEN_OK)
        return fail(name, status);
    printf("\rversion ");
    for (size_t at = 0; at < sizeof report.version; at++)
        printf("%02x", report.version[at]);
    printf("\nread %llu bytes, stored %llu in %llu blocks\n", (unsigned long long)report.read_bytes,
           (unsigned long long)report.new_bytes, (unsigned long long)report.new_blocks);
    return 0;
}

static int load(struct sarsen_repository *repository, struct sarsen_work *work, const char *version, const char *image)
{
    struct sarsen_disk disk;
    struct sarsen_description description;
    sarsen_status status = sarsen_version_describe(repository, version, &description, &fault);
    if (status != SARSEN_OK)
        return fail(version, status);
    status = sarsen_file_target(&disk, image, description.disk_bytes, SARSEN_TARGET_NEW, &fault);
    if (status != SARSEN_OK)
        return fail(image, status);
    struct sarsen_restore_options options = {.target_is_zero = 1, .watch = watch};
    status = sarsen_restore(repository, version, &disk, &options, work, NULL, &fault);
    sarsen_file_close(&disk);
    if (status != SARSEN_OK)
        return fail(version, status);
    fputs("\rdone\n", stderr);
    return 0;
}

static int32_t print(void *context, const struct sarsen_description *description)
{
    (void)context;
    for (size_t at = 0; at < 6; at++)
        printf("%02x", description->id[at]);
    printf("  %14llu  %s%s%s%s\n", (unsigned long long)description->disk_bytes, description->name, description->snapshot[0] ? "@" : "",
           description->snapshot, description->is_draft ? "  (draft)" : "");
    return 0;
}

int main(int argc, char **argv)
{
    struct sarsen_repository repository;
    struct sarsen_work work;
    const char *verb = argc > 1 ? argv[1] : "";
    int saving = argc == 5 && !strcmp(verb, "save"), listing = argc == 3 && !strcmp(verb, "list"), loading = argc == 5 && !strcmp(verb, "load");
    if (!saving && !listing && !loading) {
        fputs("usage: backup save REPOSITORY IMAGE NAME | list REPOSITORY | load REPOSITORY VERSION IMAGE\n", stderr);
        return 2;
    }
    const char *path = argv[2];
    int access = saving ? SARSEN_WRITE : SARSEN_READ;
    sarsen_status status = sarsen_directory_open(&repository, SARSEN_ABI_VERSION, path, access, &fault);
    if (saving && (status == SARSEN_NOT_A_REPOSITORY || status == SARSEN_CANNOT_OPEN)) {
        status = sarsen_directory_format(path, NULL, &fault);
        if (status == SARSEN_OK)
            status = sarsen_directory_open(&repository, SARSEN_ABI_VERSION, path, access, &fault);
    }
    if (status != SARSEN_OK)
        return fail(path, status);
    int failed = 1;
    status = sarsen_work_open(&work, &repository, NULL, 0, &fault);
    if (status != SARSEN_OK)
        fail(path, status);
    else if (saving)
        failed = save(&repository, &work, argv[3], argv[4]);
    else if (loading)
        failed = load(&repository, &work, argv[3], argv[4]);
    else
        failed = (status = sarsen_version_list(&repository, print, NULL, &fault)) == SARSEN_OK ? 0 : fail(path, status);
    sarsen_work_close(&work);
    status = sarsen_repository_close(&repository, &fault);
    return status == SARSEN_OK || failed ? failed : fail(path, status);
}
