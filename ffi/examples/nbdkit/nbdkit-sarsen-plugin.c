/* An nbdkit plugin: versions as disks over NBD.
 *
 *     nbdkit sarsen repo=DIRECTORY version=VERSION [cache=SIZE]
 *         serves a version, to be read: to boot from, to mount, to copy out of.
 *
 *     nbdkit sarsen repo=DIRECTORY name=NAME [base=VERSION] [size=SIZE] [snapshot=NAME] [source=TEXT] [resume=true]
 *         takes writes into a draft that begins as the base, or as zeros; a flush is a checkpoint; at disconnect it becomes a version.
 *
 * VERSION: NAME (its newest), NAME@SNAPSHOT, an id or its beginning, or latest.
 *
 * A connection that wrote nothing makes no version, so that asking for the size does not. One that ends with writes it has not flushed makes none
 * either: nobody can tell a client that was done from one that was killed, but one that is done has flushed (nbdcopy does with --flush). What was
 * written stays as a draft then, which resume=true goes on from.
 *
 * Versions are read by any number of connections and requests at the same time; a draft has one connection at a time. */
#define NBDKIT_API_VERSION 2
#define _GNU_SOURCE
#include "sarsen.h"
#include <errno.h>
#include <inttypes.h>
#include <nbdkit-plugin.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was asked for. */
static char *repo;
static const char *version_name, *name, *base, *snapshot, *source;
static int64_t size_wanted, cache_bytes = 64 << 20;
static bool resume;

static struct sarsen_repository repository;
static struct sarsen_version version;
static uint64_t disk_bytes, frame_bytes;

/* Says what failed, where, and to the client, how. */
static int failed(const char *doing, sarsen_status status, const struct sarsen_fault *fault)
{
    char where[80] = "";
    if (fault && fault->segment != SARSEN_NO_SEGMENT)
        snprintf(where, sizeof where, " (segment %" PRIu32 ", offset %" PRIu32 ")", fault->segment, fault->offset);
    else if (fault && fault->detail)
        snprintf(where, sizeof where, " (%" PRIu64 ")", fault->detail);
    nbdkit_error("%s: %s%s", doing, sarsen_status_text(status), where);
    switch (status) {
    case SARSEN_FULL: nbdkit_set_error(ENOSPC); break;
    case SARSEN_BEYOND_END: nbdkit_set_error(EINVAL); break;
    case SARSEN_MEMORY: nbdkit_set_error(ENOMEM); break;
    default: nbdkit_set_error(EIO);
    }
    return -1;
}

/* --- Works: the buffers of one request. Made when first needed, kept, and never more than there are requests at once. ----------------------- */

struct bench {
    struct sarsen_work work;
    struct bench *next;
};

static struct bench *benches;
static pthread_mutex_t benches_lock = PTHREAD_MUTEX_INITIALIZER;

static struct bench *take_bench(void)
{
    pthread_mutex_lock(&benches_lock);
    struct bench *bench = benches;
    if (bench)
        benches = bench->next;
    pthread_mutex_unlock(&benches_lock);
    if (bench)
        return bench;
    struct sarsen_fault fault;
    sarsen_status status = SARSEN_MEMORY;
    bench = calloc(1, sizeof *bench);
    if (bench && (status = sarsen_work_open(&bench->work, &repository, NULL, 0, &fault)) == SARSEN_OK)
        return bench;
    free(bench);
    failed(repo, status, bench ? &fault : NULL);
    return NULL;
}

static void give_bench_back(struct bench *bench)
{
    pthread_mutex_lock(&benches_lock);
    bench->next = benches;
    benches = bench;
    pthread_mutex_unlock(&benches_lock);
}

static void close_benches(void)
{
    while (benches) {
        struct bench *bench = benches;
        benches = bench->next;
        sarsen_work_close(&bench->work);
        free(bench);
    }
}

/* --- Frames that were decoded. Small reads of one frame decode it once. ----------------------------------------------------------------------
 *
 * A frame may lie in one of WAYS places, in the place of the one among them that was used longest ago. */

enum { WAYS = 8 };

struct place {
    uint64_t frame, used;
    enum { FREE, FILLING, READY } state;
    unsigned readers;
    unsigned char *bytes;
};

static struct place *places;
static unsigned char *cache;
static uint64_t sets, uses;
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cache_changed = PTHREAD_COND_INITIALIZER;

static int make_cache(void)
{
    sets = (uint64_t)cache_bytes / frame_bytes / WAYS;
    if (sets == 0)
        sets = 1;
    places = calloc(sets * WAYS, sizeof *places);
    cache = malloc(sets * WAYS * frame_bytes);
    if (!places || !cache) {
        nbdkit_error("cache=%" PRIi64 ": not that much memory", cache_bytes);
        return -1;
    }
    for (uint64_t at = 0; at < sets * WAYS; at++)
        places[at].bytes = cache + at * frame_bytes;
    return 0;
}

static int read_version(void *to, uint64_t offset, uint64_t count)
{
    struct sarsen_fault fault;
    struct bench *bench = take_bench();
    if (!bench)
        return -1;
    sarsen_status status = sarsen_version_read_at(&version, offset, to, count, &bench->work, &fault);
    give_bench_back(bench);
    return status == SARSEN_OK ? 0 : failed("read", status, &fault);
}

/* Where a frame lies: READY, being read by the caller; FILLING, to be filled by the caller; or NULL if all its places are in use. With the lock held. */
static struct place *find(uint64_t frame)
{
    for (;;) {
        struct place *set = &places[frame % sets * WAYS], *oldest = NULL;
        bool wait = false;
        for (int way = 0; way < WAYS; way++) {
            struct place *place = &set[way];
            if (place->state != FREE && place->frame == frame) {
                if (place->state == READY) {
                    place->readers++;
                    place->used = ++uses;
                    return place;
                }
                wait = true;
            }
            if (place->state != FILLING && !place->readers && (!oldest || place->used < oldest->used))
                oldest = place;
        }
        if (!wait) {
            if (oldest)
                *oldest = (struct place){.frame = frame, .used = ++uses, .state = FILLING, .readers = 1, .bytes = oldest->bytes};
            return oldest;
        }
        pthread_cond_wait(&cache_changed, &cache_lock);
    }
}

static bool is_ready(uint64_t frame)
{
    struct place *set = &places[frame % sets * WAYS];
    bool ready = false;
    pthread_mutex_lock(&cache_lock);
    for (int way = 0; way < WAYS; way++)
        ready |= set[way].state == READY && set[way].frame == frame;
    pthread_mutex_unlock(&cache_lock);
    return ready;
}

/* Reads what lies within one frame. */
static int read_part(unsigned char *to, uint64_t offset, uint64_t count)
{
    uint64_t frame = offset / frame_bytes, start = frame * frame_bytes;
    uint64_t len = disk_bytes - start < frame_bytes ? disk_bytes - start : frame_bytes;
    pthread_mutex_lock(&cache_lock);
    struct place *place = find(frame);
    bool fill = place && place->state == FILLING;
    pthread_mutex_unlock(&cache_lock);
    if (!place)
        return read_version(to, offset, count);
    int result = fill ? read_version(place->bytes, start, len) : 0;
    if (result == 0)
        memcpy(to, place->bytes + (offset - start), count);
    pthread_mutex_lock(&cache_lock);
    place->readers--;
    if (fill) {
        place->state = result == 0 ? READY : FREE;
        pthread_cond_broadcast(&cache_changed);
    }
    pthread_mutex_unlock(&cache_lock);
    return result;
}

/* Whole frames that are not in the cache go to the client directly, as many at once as there are. */
static int read_cached(unsigned char *to, uint64_t offset, uint64_t count)
{
    while (count > 0) {
        uint64_t within = offset % frame_bytes, len = 0;
        while (within == 0 && len + frame_bytes <= count && !is_ready((offset + len) / frame_bytes))
            len += frame_bytes;
        int result;
        if (len > 0) {
            result = read_version(to, offset, len);
        } else {
            len = frame_bytes - within < count ? frame_bytes - within : count;
            result = read_part(to, offset, len);
        }
        if (result != 0)
            return result;
        to += len, offset += len, count -= len;
    }
    return 0;
}

/* --- The draft, one connection's. ----------------------------------------------------------------------------------------------------------- */

struct connection {
    struct sarsen_draft draft;
    bool written, flushed;
};

static struct connection *begin_draft(void)
{
    struct sarsen_fault fault;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        nbdkit_error("calloc: %m");
        return NULL;
    }
    struct sarsen_draft_options options = {
        .name = name, .snapshot = snapshot, .source = source, .base = base, .disk_bytes = (uint64_t)size_wanted, .resume = resume};
    sarsen_status status = sarsen_draft_begin(&connection->draft, &repository, &options, NULL, 0, &fault);
    if (status == SARSEN_OK) {
        connection->flushed = true;
        return connection;
    }
    failed(base ? base : name, status, &fault);
    free(connection);
    return NULL;
}

static void end_draft(struct connection *connection)
{
    struct sarsen_fault fault;
    uint8_t id[32];
    char hex[13];
    struct bench *bench = take_bench();
    if (connection->written && connection->flushed && bench) {
        sarsen_status status = sarsen_draft_finish(&connection->draft, id, &bench->work, &fault);
        if (status == SARSEN_OK) {
            for (int at = 0; at < 6; at++)
                snprintf(hex + 2 * at, 3, "%02x", id[at]);
            nbdkit_debug("version %s of %s", hex, name);
            fprintf(stderr, "nbdkit: sarsen: version %s of %s\n", hex, name);
        } else {
            failed(name, status, &fault);
            sarsen_draft_close(&connection->draft);
        }
    } else if (connection->written) {
        if (bench)
            sarsen_draft_flush(&connection->draft, 0, &bench->work, &fault);
        nbdkit_error("%s: the client left without a flush, so this is no version; it is kept as a draft, and resume=true goes on from it", name);
        sarsen_draft_close(&connection->draft);
    } else if (resume) {
        sarsen_draft_close(&connection->draft);
    } else {
        sarsen_draft_abandon(&connection->draft, &fault);
    }
    if (bench)
        give_bench_back(bench);
    free(connection);
}

/* --- What nbdkit asks. ---------------------------------------------------------------------------------------------------------------------- */

#define WRITES (name != NULL)

static int sarsen_config_key(const char *key, const char *value)
{
    if (!strcmp(key, "repo"))
        return (repo = nbdkit_realpath(value)) ? 0 : -1;
    const struct {
        const char *key, **to;
    } texts[] = {{"version", &version_name}, {"name", &name}, {"base", &base}, {"snapshot", &snapshot}, {"source", &source}};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++)
        if (!strcmp(key, texts[at].key)) {
            *texts[at].to = value;
            return 0;
        }
    if (!strcmp(key, "size"))
        return (size_wanted = nbdkit_parse_size(value)) < 0 ? -1 : 0;
    if (!strcmp(key, "cache"))
        return (cache_bytes = nbdkit_parse_size(value)) < 0 ? -1 : 0;
    if (!strcmp(key, "resume")) {
        int answer = nbdkit_parse_bool(value);
        resume = answer == 1;
        return answer < 0 ? -1 : 0;
    }
    nbdkit_error("unknown parameter '%s'; there are repo, version, cache, and name, base, size, snapshot, source, resume", key);
    return -1;
}

static int sarsen_config_complete(void)
{
    if (!repo || !version_name == !name) {
        nbdkit_error("needed: repo=DIRECTORY, and either version=VERSION to read it or name=NAME to write a new one");
        return -1;
    }
    if (name && !base && !size_wanted && !resume) {
        nbdkit_error("name=%s: needed: base=VERSION, or size=SIZE for a disk of zeros", name);
        return -1;
    }
    return 0;
}

static int sarsen_thread_model(void)
{
    return WRITES ? NBDKIT_THREAD_MODEL_SERIALIZE_CONNECTIONS : NBDKIT_THREAD_MODEL_PARALLEL;
}

static int sarsen_get_ready(void)
{
    struct sarsen_fault fault;
    struct sarsen_description_of_repository description;
    sarsen_status status = sarsen_directory_open(&repository, SARSEN_ABI_VERSION, repo, WRITES ? SARSEN_WRITE : SARSEN_READ, &fault);
    if (status == SARSEN_OK)
        status = sarsen_repository_describe(&repository, &description, &fault);
    if (status != SARSEN_OK)
        return failed(repo, status, &fault);
    frame_bytes = description.frame_bytes;
    if (WRITES)
        return 0;
    status = sarsen_version_open(&version, &repository, version_name, NULL, NULL, 0, &fault);
    if (status != SARSEN_OK)
        return failed(version_name, status, &fault);
    disk_bytes = sarsen_version_size(&version);
    return make_cache();
}

static void sarsen_cleanup(void)
{
    sarsen_version_close(&version); /* what was not opened says so, and no more */
    close_benches();
    sarsen_repository_close(&repository, NULL);
}

static void sarsen_unload(void)
{
    free(repo);
    free(places);
    free(cache);
}

static void *sarsen_open(int readonly)
{
    if (!WRITES)
        return NBDKIT_HANDLE_NOT_NEEDED;
    if (readonly) {
        nbdkit_error("name=%s is to be written: not with -r", name);
        return NULL;
    }
    return begin_draft();
}

static void sarsen_close(void *handle)
{
    if (WRITES)
        end_draft(handle);
}

static int64_t sarsen_get_size(void *handle)
{
    return (int64_t)(WRITES ? sarsen_draft_size(&((struct connection *)handle)->draft) : disk_bytes);
}

static int sarsen_can_write(void *handle)
{
    (void)handle;
    return WRITES;
}

static int sarsen_can_multi_conn(void *handle)
{
    (void)handle;
    return !WRITES;
}

static int sarsen_can_extents(void *handle)
{
    (void)handle;
    return !WRITES;
}

static int sarsen_pread(void *handle, void *to, uint32_t count, uint64_t offset, uint32_t flags)
{
    (void)flags;
    if (!WRITES)
        return read_cached(to, offset, count);
    struct sarsen_fault fault;
    struct bench *bench = take_bench();
    if (!bench)
        return -1;
    sarsen_status status = sarsen_draft_read_at(&((struct connection *)handle)->draft, offset, to, count, &bench->work, &fault);
    give_bench_back(bench);
    return status == SARSEN_OK ? 0 : failed("read", status, &fault);
}

static int sarsen_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags, struct nbdkit_extents *extents)
{
    (void)handle;
    struct sarsen_fault fault;
    uint64_t end = offset + count;
    struct bench *bench = take_bench();
    if (!bench)
        return -1;
    int result = 0, told = 0;
    int32_t state = -1;
    while (offset < end && result == 0) {
        struct sarsen_extent extent;
        sarsen_status status = sarsen_version_extent(&version, offset, &extent, &bench->work, &fault);
        if (status != SARSEN_OK) {
            result = failed("extents", status, &fault);
            break;
        }
        if ((flags & NBDKIT_FLAG_REQ_ONE) && told++ && extent.state != state)
            break;
        state = extent.state;
        result = nbdkit_add_extent(extents, offset, extent.len_bytes, state == SARSEN_ZERO ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0);
        offset += extent.len_bytes;
    }
    give_bench_back(bench);
    return result;
}

static int changed(struct connection *connection, const char *doing, sarsen_status status, const struct sarsen_fault *fault)
{
    connection->written = true;
    connection->flushed = false;
    return status == SARSEN_OK ? 0 : failed(doing, status, fault);
}

static int sarsen_pwrite(void *handle, const void *from, uint32_t count, uint64_t offset, uint32_t flags)
{
    (void)flags; /* nbdkit asks for a flush where a write is to be durable */
    struct connection *connection = handle;
    struct sarsen_fault fault;
    struct bench *bench = take_bench();
    if (!bench)
        return -1;
    sarsen_status status = sarsen_draft_write_at(&connection->draft, offset, from, count, &bench->work, &fault);
    give_bench_back(bench);
    return changed(connection, "write", status, &fault);
}

static int sarsen_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
    (void)flags; /* never slower than writing zeros, whether it may be a hole or not */
    struct connection *connection = handle;
    struct sarsen_fault fault;
    struct bench *bench = take_bench();
    if (!bench)
        return -1;
    sarsen_status status = sarsen_draft_zero(&connection->draft, offset, count, &bench->work, &fault);
    give_bench_back(bench);
    return changed(connection, "zero", status, &fault);
}

static int sarsen_can_fast_zero(void *handle)
{
    (void)handle;
    return 1;
}

static int sarsen_flush(void *handle, uint32_t flags)
{
    (void)flags;
    struct connection *connection = handle;
    struct sarsen_fault fault;
    struct bench *bench = take_bench();
    if (!bench)
        return -1;
    sarsen_status status = sarsen_draft_flush(&connection->draft, 0, &bench->work, &fault);
    give_bench_back(bench);
    if (status != SARSEN_OK)
        return failed("flush", status, &fault);
    connection->flushed = true;
    return 0;
}

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static struct nbdkit_plugin plugin = {
    .name = "sarsen",
    .longname = "versions of a sarsen repository",
    .description = "Serves a version of a disk, or takes a new one",
    .config = sarsen_config_key,
    .config_complete = sarsen_config_complete,
    .config_help = "repo=<DIRECTORY>     (required) The repository.\n"
                   "version=<VERSION>    Serve this version: NAME, NAME@SNAPSHOT, an id or its beginning, or latest.\n"
                   "cache=<SIZE>         Memory for decoded frames, 64M by default.\n"
                   "name=<NAME>          Or take a new version of the disk of this name,\n"
                   "base=<VERSION>       that begins as this version,\n"
                   "size=<SIZE>          or of this size.\n"
                   "snapshot=<NAME>      What the snapshot is called.\n"
                   "source=<TEXT>        What the source is.\n"
                   "resume=true          Go on from the draft that a broken connection has left.",
    .magic_config_key = "repo",
    .thread_model = sarsen_thread_model,
    .get_ready = sarsen_get_ready,
    .cleanup = sarsen_cleanup,
    .unload = sarsen_unload,
    .open = sarsen_open,
    .close = sarsen_close,
    .get_size = sarsen_get_size,
    .can_write = sarsen_can_write,
    .can_multi_conn = sarsen_can_multi_conn,
    .can_extents = sarsen_can_extents,
    .can_fast_zero = sarsen_can_fast_zero,
    .pread = sarsen_pread,
    .extents = sarsen_extents,
    .pwrite = sarsen_pwrite,
    .zero = sarsen_zero,
    .flush = sarsen_flush,
    .errno_is_preserved = 0,
};

NBDKIT_REGISTER_PLUGIN(plugin)
