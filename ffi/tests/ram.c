#define _POSIX_C_SOURCE 200809L
#include "ram.h"
#include <sched.h>

void sarsen_panicked(void);
void sarsen_panicked(void)
{
    fputs("the engine panicked\n", stderr);
    abort();
}

static _Thread_local uint64_t state = 88172645463325252u;

uint32_t chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

void fill(uint8_t *bytes, size_t len_bytes)
{
    for (size_t at = 0; at < len_bytes; at++)
        bytes[at] = (uint8_t)chance();
}

/* The version of the format lies behind the magic number, and a checksum at the end. */
void newer_format(uint8_t *header)
{
    uint32_t crc = UINT32_MAX;
    header[8]++;
    for (int byte = 0; byte < 124; byte++) {
        crc ^= header[byte];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    for (int byte = 0; byte < 4; byte++)
        header[124 + byte] = (uint8_t)(~crc >> 8 * byte);
}

static struct ram_segment *find(struct ram *ram, uint32_t number)
{
    for (int at = 0; at < ram->count; at++)
        if (ram->segments[at].number == number)
            return &ram->segments[at];
    return NULL;
}

static int32_t neighbour(struct ram *ram, uint32_t beside, uint32_t *found, int after)
{
    if (ram->lie == UNKNOWN_ANSWER)
        return 12345;
    if (ram->lie == SAME_NEXT && beside != SARSEN_NO_SEGMENT) {
        *found = beside;
        return SARSEN_MEDIUM_OK;
    }
    *found = SARSEN_NO_SEGMENT;
    pthread_mutex_lock(&ram->segments_lock);
    for (int at = 0; at < ram->count; at++) {
        uint32_t number = ram->segments[at].number;
        int right = beside == SARSEN_NO_SEGMENT || (after ? number > beside : number < beside);
        if (right && (*found == SARSEN_NO_SEGMENT || (after ? number < *found : number > *found)))
            *found = number;
    }
    pthread_mutex_unlock(&ram->segments_lock);
    return SARSEN_MEDIUM_OK;
}

static int32_t ram_next(void *context, uint32_t beside, uint32_t *found) { return neighbour(context, beside, found, 1); }
static int32_t ram_previous(void *context, uint32_t beside, uint32_t *found) { return neighbour(context, beside, found, 0); }

static int32_t ram_len(void *context, uint32_t number, uint64_t *len_bytes)
{
    struct ram *ram = context;
    pthread_mutex_lock(&ram->segments_lock);
    struct ram_segment *segment = find(ram, number);
    if (segment)
        *len_bytes = ram->lie == LONG_LEN ? UINT64_MAX : ram->lie == SHORT_LEN ? 100 : segment->len_bytes;
    pthread_mutex_unlock(&ram->segments_lock);
    return segment ? SARSEN_MEDIUM_OK : SARSEN_MEDIUM_GONE;
}

static int32_t ram_read(void *context, uint32_t number, uint64_t at, uint8_t *to, size_t len_bytes)
{
    struct ram *ram = context;
    int32_t answer = SARSEN_MEDIUM_GONE;
    if (ram->lie == FAILING_READ)
        return SARSEN_MEDIUM_FAILED;
    if (ram->sick_at && number == 1 && ram->sick_at - at < len_bytes)
        return SARSEN_MEDIUM_FAILED;
    if (ram->lie == PENDING_OFTEN) {
        uint64_t place = (uint64_t)number << 32 | at, *slot = &ram->fetched[(place * 0x9E3779B97F4A7C15u) >> 52];
        if (*slot != place + 1) {
            *slot = place + 1;
            return SARSEN_MEDIUM_PENDING;
        }
    }
    if (ram->reenter) {
        struct sarsen_description_of_repository description;
        ram->reentered = sarsen_repository_describe(ram->reenter, &description, NULL);
    }
    pthread_mutex_lock(&ram->segments_lock);
    struct ram_segment *segment = find(ram, number);
    if (segment) {
        answer = at > segment->len_bytes || len_bytes > segment->len_bytes - at ? SARSEN_MEDIUM_SHORT : SARSEN_MEDIUM_OK;
        if (answer == SARSEN_MEDIUM_OK)
            memcpy(to, segment->bytes + at, len_bytes);
    }
    pthread_mutex_unlock(&ram->segments_lock);
    return answer;
}

static int32_t ram_create(void *context, uint32_t number)
{
    struct ram *ram = context;
    int32_t answer = SARSEN_MEDIUM_OK;
    pthread_mutex_lock(&ram->segments_lock);
    if (find(ram, number))
        answer = SARSEN_MEDIUM_EXISTS;
    else if (ram->count >= ram->space)
        answer = SARSEN_MEDIUM_FULL;
    else
        ram->segments[ram->count++] = (struct ram_segment){number, 0, malloc(RAM_SEGMENT_BYTES)};
    pthread_mutex_unlock(&ram->segments_lock);
    return answer;
}

static int32_t ram_append(void *context, uint32_t number, const uint8_t *from, size_t len_bytes)
{
    struct ram *ram = context;
    pthread_mutex_lock(&ram->segments_lock);
    struct ram_segment *segment = find(ram, number);
    int32_t answer = !segment ? SARSEN_MEDIUM_GONE : len_bytes > RAM_SEGMENT_BYTES - segment->len_bytes ? SARSEN_MEDIUM_FULL : SARSEN_MEDIUM_OK;
    if (answer == SARSEN_MEDIUM_OK) {
        memcpy(segment->bytes + segment->len_bytes, from, len_bytes);
        segment->len_bytes += len_bytes;
    }
    pthread_mutex_unlock(&ram->segments_lock);
    return answer;
}

static int32_t ram_sync(void *context, uint32_t number) { return find(context, number) ? SARSEN_MEDIUM_OK : SARSEN_MEDIUM_GONE; }

static int32_t ram_remove(void *context, uint32_t number)
{
    struct ram *ram = context;
    pthread_mutex_lock(&ram->segments_lock);
    struct ram_segment *segment = find(ram, number);
    if (segment) {
        free(segment->bytes);
        *segment = ram->segments[--ram->count];
    }
    pthread_mutex_unlock(&ram->segments_lock);
    return segment ? SARSEN_MEDIUM_OK : SARSEN_MEDIUM_GONE;
}

static uint64_t ram_now(void *context) { return ++((struct ram *)context)->time; }

static int32_t ram_random(void *context, uint8_t *to, size_t len_bytes)
{
    fill(to, len_bytes);
    return ((struct ram *)context)->random_fails;
}

static int32_t ram_lock(void *context) { return pthread_mutex_lock(&((struct ram *)context)->lock); }
static void ram_unlock(void *context) { pthread_mutex_unlock(&((struct ram *)context)->lock); }

static void ram_pause(void *context)
{
    (void)context;
    sched_yield();
}

void ram_make(struct ram *ram)
{
    pthread_mutexattr_t attributes;
    memset(ram, 0, sizeof *ram);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&ram->lock, &attributes);
    pthread_mutex_init(&ram->segments_lock, NULL);
    ram->space = RAM_SEGMENTS;
    ram->medium = (struct sarsen_medium){.context = ram,
                                         .write_bytes = 16,
                                         .segment_bytes = RAM_SEGMENT_BYTES,
                                         .next = ram_next,
                                         .previous = ram_previous,
                                         .len = ram_len,
                                         .read = ram_read,
                                         .create = ram_create,
                                         .append = ram_append,
                                         .sync = ram_sync,
                                         .remove = ram_remove};
    ram->host = (struct sarsen_host){
        .context = ram, .now = ram_now, .random = ram_random, .lock = ram_lock, .unlock = ram_unlock, .pause = ram_pause};
}

void ram_free(struct ram *ram)
{
    while (ram->count)
        free(ram->segments[--ram->count].bytes);
}

void ram_flip(struct ram *ram, size_t segment, size_t at) { ram->segments[segment].bytes[at] ^= 0x10; }

static int32_t disk_read(void *context, uint64_t offset, uint8_t *to, size_t len_bytes)
{
    struct ram_disk *disk = context;
    if (disk->fails_at - offset < len_bytes)
        return -1;
    memcpy(to, disk->bytes + offset, len_bytes);
    pthread_mutex_lock(&disk->lock);
    disk->read_bytes += len_bytes;
    pthread_mutex_unlock(&disk->lock);
    return 0;
}

static int32_t disk_write(void *context, uint64_t offset, const uint8_t *from, size_t len_bytes)
{
    struct ram_disk *disk = context;
    if (disk->fails_at - offset < len_bytes)
        return 7;
    memcpy(disk->bytes + offset, from, len_bytes);
    disk->written_bytes += len_bytes;
    return 0;
}

static int32_t disk_zero(void *context, uint64_t offset, uint64_t len_bytes)
{
    struct ram_disk *disk = context;
    memset(disk->bytes + offset, 0, (size_t)len_bytes);
    disk->zeroed_bytes += len_bytes;
    return 0;
}

/* Zeros of whole blocks of 4 KiB are holes. */
static int32_t disk_extent(void *context, uint64_t offset, struct sarsen_extent *extent)
{
    struct ram_disk *disk = context;
    uint64_t end = offset;
    int state = -1;
    while (end < disk->disk.size_bytes) {
        uint64_t len = 4096 - end % 4096;
        int zero = 1;
        len = len < disk->disk.size_bytes - end ? len : disk->disk.size_bytes - end;
        for (uint64_t at = end; at < end + len; at++)
            zero &= !disk->bytes[at];
        if (state >= 0 && state != zero)
            break;
        state = zero;
        end += len;
    }
    *extent = (struct sarsen_extent){.offset = offset, .len_bytes = disk->lies ? UINT64_MAX : end - offset, .state = state == 1};
    return 0;
}

void ram_disk_make(struct ram_disk *disk, uint64_t size_bytes)
{
    memset(disk, 0, sizeof *disk);
    pthread_mutex_init(&disk->lock, NULL);
    disk->bytes = calloc(1, (size_t)size_bytes + 1);
    disk->fails_at = UINT64_MAX;
    disk->disk = (struct sarsen_disk){
        .context = disk, .size_bytes = size_bytes, .read = disk_read, .write = disk_write, .zero = disk_zero, .extent = disk_extent};
}

void ram_disk_free(struct ram_disk *disk) { free(disk->bytes); }

struct sarsen_config small_config(void)
{
    struct sarsen_config config;
    MUST(sarsen_config_init(&config, SARSEN_ABI_VERSION, SARSEN_SMALL));
    config.block_log2 = 14;
    config.segment_bytes = RAM_SEGMENT_BYTES;
    config.levels = 3;
    config.deltas = 1;
    config.objects = 4096;
    config.marks = 16;
    config.segments = RAM_SEGMENTS;
    config.hints = 64;
    config.frames = 8;
    return config;
}

struct lent lend(const struct sarsen_config *config, int need)
{
    struct lent lent = {NULL, sarsen_memory_needed(config, need)};
    CHECK(lent.len_bytes > 0);
    lent.bytes = malloc(lent.len_bytes);
    return lent;
}

void take_back(struct lent *lent)
{
    free(lent->bytes);
    lent->bytes = NULL;
}

void rig_open(struct rig *rig)
{
    MUST(sarsen_repository_open(&rig->repository, &rig->ram.medium, &rig->ram.host, &rig->config, rig->memory.bytes, rig->memory.len_bytes,
                                &rig->fault));
    MUST(sarsen_work_open(&rig->work, &rig->repository, rig->work_memory.bytes, rig->work_memory.len_bytes, &rig->fault));
}

void rig_make(struct rig *rig, const struct sarsen_config *config)
{
    memset(rig, 0, sizeof *rig);
    ram_make(&rig->ram);
    rig->config = config ? *config : small_config();
    rig->memory = lend(&rig->config, SARSEN_NEED_REPOSITORY);
    rig->work_memory = lend(&rig->config, SARSEN_NEED_WORK_AND_TASK);
    MUST(sarsen_repository_format(&rig->ram.medium, &rig->ram.host, &rig->config, rig->memory.bytes, rig->memory.len_bytes, &rig->fault));
    rig_open(rig);
}

void rig_close(struct rig *rig)
{
    MUST(sarsen_work_close(&rig->work));
    MUST(sarsen_repository_close(&rig->repository, &rig->fault));
}

void rig_free(struct rig *rig)
{
    rig_close(rig);
    take_back(&rig->memory);
    take_back(&rig->work_memory);
    ram_free(&rig->ram);
}
