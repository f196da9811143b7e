/* The library that only reads. `reader save FILE`, linked with all of it, puts a medium with a version into a file; `reader load FILE`, linked with the
 * library built without `write`, restores it, finds a flipped byte, marks nothing, and is refused every change. */
#include "ram.h"

enum { DISK_BYTES = 64 * 4096 };

static void save(struct ram *ram, FILE *file)
{
    for (int i = 0; i < ram->count; i++) {
        struct ram_segment *segment = &ram->segments[i];
        CHECK(fwrite(&segment->number, sizeof segment->number, 1, file) == 1);
        CHECK(fwrite(&segment->len_bytes, sizeof segment->len_bytes, 1, file) == 1);
        CHECK(fwrite(segment->bytes, 1, segment->len_bytes, file) == segment->len_bytes);
    }
}

static void load(struct ram *ram, FILE *file)
{
    uint32_t number;
    while (fread(&number, sizeof number, 1, file) == 1) {
        struct ram_segment *segment = &ram->segments[ram->count++];
        segment->number = number;
        CHECK(fread(&segment->len_bytes, sizeof segment->len_bytes, 1, file) == 1);
        segment->bytes = calloc(1, RAM_SEGMENT_BYTES);
        CHECK(segment->bytes && fread(segment->bytes, 1, segment->len_bytes, file) == segment->len_bytes);
    }
}

/* What the disk holds at a byte: the same for who saves and who loads. */
static uint8_t content(size_t at)
{
    return (uint8_t)(at * 2654435761u >> 13);
}

static void write_one(FILE *file)
{
    static struct rig rig;
    struct sarsen_config config = small_config();
    rig_make(&rig, &config);
    struct ram_disk disk;
    ram_disk_make(&disk, DISK_BYTES);
    for (size_t at = 0; at < DISK_BYTES; at++) disk.bytes[at] = content(at);
    struct sarsen_backup_options options = {.name = "disk"};
    MUST(sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));
    rig_close(&rig); /* sealed: this is what is saved */
    save(&rig.ram, file);
    ram_disk_free(&disk);
    rig_open(&rig);
    rig_free(&rig);
}

static void read_one(FILE *file)
{
    static struct rig rig;
    rig.config = small_config();
    rig.memory = lend(&rig.config, SARSEN_NEED_REPOSITORY);
    rig.work_memory = lend(&rig.config, SARSEN_NEED_WORK_AND_TASK);
    ram_make(&rig.ram);
    load(&rig.ram, file);
    int count = rig.ram.count;
    rig_open(&rig);

    struct sarsen_description_of_repository description;
    MUST(sarsen_repository_describe(&rig.repository, &description, &rig.fault));
    CHECK(description.writable == 0);
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, NULL, &rig.fault));

    struct ram_disk disk;
    ram_disk_make(&disk, DISK_BYTES);
    MUST(sarsen_restore(&rig.repository, "disk", &disk.disk, NULL, &rig.work, NULL, &rig.fault));
    for (size_t at = 0; at < DISK_BYTES; at++) CHECK(disk.bytes[at] == content(at));

    struct sarsen_backup_options options = {.name = "disk"};
    EXPECT(SARSEN_READ_ONLY, sarsen_backup(&rig.repository, &disk.disk, &options, &rig.work, NULL, &rig.fault));

    struct sarsen_report report;
    rig.ram.sick_at = rig.ram.segments[1].len_bytes / 2;
    EXPECT(SARSEN_UNREAD, sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, &report, &rig.fault));
    CHECK(report.status == SARSEN_UNREAD && report.unread == 1 && report.versions_unread == 1);
    CHECK(report.findings == 0 && report.versions_hit == 0);
    rig.ram.sick_at = 0;
    MUST(sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, &report, &rig.fault));

    ram_flip(&rig.ram, 1, rig.ram.segments[1].len_bytes / 2);
    EXPECT(SARSEN_DAMAGED, sarsen_scrub(&rig.repository, NULL, NULL, &rig.work, &report, &rig.fault));
    CHECK(report.findings > 0);
    CHECK(rig.ram.count == count); /* a mark would have begun a segment */
    ram_disk_free(&disk);
    rig_free(&rig);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    int saves = strcmp(argv[1], "save") == 0;
    FILE *file = fopen(argv[2], saves ? "wb" : "rb");
    CHECK(file);
    (saves ? write_one : read_one)(file);
    fclose(file);
    return 0;
}
