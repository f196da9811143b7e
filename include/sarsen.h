/* sarsen: block backup. The C face of the engine; docs/C.md is its manual.
 *
 * The library owns nothing: medium, disk, time and randomness are callbacks with a context pointer, memory is lent, and so are threads. It has no global
 * state. The hosted build (`sarsen_is_hosted`) can take memory from the heap, and opens directories and files by itself.
 *
 * Handles (`struct sarsen_repository` and so on) lie where you put them, and must stay there while they are open. NULL, a handle that is not open, one of
 * another kind, and one that was copied or moved are answered with SARSEN_BAD_HANDLE. Whatever is in a handle is overwritten when it is
 * opened, so close it before; one that may never have been opened must be all zeros for any other call.
 *
 * Where nothing else is said: a function answers a `sarsen_status`; `fault`, which may be NULL, says where it failed; a NULL that is not allowed is
 * SARSEN_BAD_ARGUMENT; an error changes nothing; lengths and offsets are bytes; texts are UTF-8 and end with a zero byte.
 *
 * Threads: distinct repositories are independent. Calls on one repository, and on what was opened on it, may come from any thread; with `lock` in the host
 * (always in `sarsen_directory_open`) they wait for each other, without they answer SARSEN_BUSY when they meet. `sarsen_job_perform` and the reading and
 * decoding of `sarsen_version_read_at` run in parallel, each with a work of its own. A callback must not call the library on the repository it is called
 * for: SARSEN_BUSY, but for `read` of a disk, which is called without the lock. Opening and closing a handle is for one thread.
 *
 * Written by tools/header from ffi/src: change it there. */

#ifndef SARSEN_H
#define SARSEN_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header: major. */
#define SARSEN_VERSION_MAJOR 0

/* The version of this header: minor. */
#define SARSEN_VERSION_MINOR 1

/* The version of this header: patch. */
#define SARSEN_VERSION_PATCH 0

/* The layout of structs and the meaning of functions in this header. A library of another ABI version refuses to open anything for this header. */
#define SARSEN_ABI_VERSION 1

/* Words of 64 bits in a handle. */
#define SARSEN_HANDLE_WORDS 4

/* Words of 64 bits in a job. */
#define SARSEN_JOB_WORDS 128

/* In no segment. */
#define SARSEN_NO_SEGMENT UINT32_MAX

/* In no block. */
#define SARSEN_NO_BLOCK UINT64_MAX

/* What a source answers that has nothing yet. Whoever reads from it is answered `SARSEN_PENDING`, and asks again later. */
#define SARSEN_NOT_YET -4096

/* Bytes of a text with its zero byte. */
#define SARSEN_TEXT_BYTES 256

/* What a call answers. Numbers are never used again for anything else; names may only be added. */
enum sarsen_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* Done. */
    SARSEN_OK = 0,
    /* The medium was not ready: call again with the same arguments. Nothing was lost. */
    SARSEN_PENDING = 1,
    /* Done, but damage was found, or ranges were lost and are zeros. */
    SARSEN_DAMAGED = 2,
    /* A check or scrub: done, but not all could be read. What was is not damaged. */
    SARSEN_UNREAD = 3,
    /* The medium has no such segment. */
    SARSEN_GONE = 10,
    /* A segment to be made is there: somebody else writes here. */
    SARSEN_EXISTS = 11,
    /* The medium is full. */
    SARSEN_FULL = 12,
    /* The medium takes no writes. */
    SARSEN_MEDIUM_IS_READ_ONLY = 13,
    /* A segment is shorter than what was asked of it. */
    SARSEN_SHORT = 14,
    /* The medium failed. */
    SARSEN_FAILED = 15,
    /* Bytes of the medium cannot be read. */
    SARSEN_UNREADABLE = 16,
    /* The disk failed; the fault's `detail` is the offset. */
    SARSEN_DISK_FAILED = 20,
    /* A range reaches beyond the end of the disk; `detail` is its offset. */
    SARSEN_BEYOND_END = 21,
    /* A hint reaches beyond the end of the disk; `detail` is its offset. */
    SARSEN_HINT_BEYOND_END = 22,
    /* The disk is not as the base where hints say that nothing changed; `detail` is the offset. */
    SARSEN_UNLIKE_BASE = 23,
    /* A stream's callback failed, or answered more than it was asked for; `detail` is the offset in the stream. */
    SARSEN_LINE_FAILED = 24,
    /* Bytes on the medium are not what they must be; the fault says where. */
    SARSEN_CORRUPT = 30,
    /* A stream is not what it must be; `detail` is the offset in the stream. */
    SARSEN_STREAM_CORRUPT = 31,
    /* What came out of a stream is not the disk it tells of; nothing was kept. */
    SARSEN_STREAM_OUTCOME = 32,
    /* A stream ended too soon. What its whole records told is kept as a draft; `detail` is how many bytes of the disk that are. */
    SARSEN_STREAM_INTERRUPTED = 33,
    /* More objects than the index has slots; `detail` is how many are needed. */
    SARSEN_INDEX_TOO_SMALL = 40,
    /* More places are damaged than there are marks; `detail` is how many are needed. */
    SARSEN_MARKS_TOO_FEW = 41,
    /* More segments than there are counters; `detail` is how many are needed. */
    SARSEN_COUNTERS_TOO_FEW = 42,
    /* More levels or wider pages than memory was cut for; `detail` is how many bytes are needed. */
    SARSEN_PAGES_TOO_FEW = 43,
    /* A buffer is too small for this repository; `detail` is how many bytes are needed. */
    SARSEN_BUFFER_TOO_SMALL = 44,
    /* More hints than there is room for; `detail` is how many are needed. */
    SARSEN_HINTS_TOO_MANY = 45,
    /* Less memory than the handle needs, or none in a build without a heap; `detail` is how many bytes are needed. */
    SARSEN_MEMORY = 46,
    /* Memory that is not aligned to 8 bytes. */
    SARSEN_MISALIGNED = 47,
    /* Refused before anything was done: no segments. */
    SARSEN_NOT_A_REPOSITORY = 50,
    /* There is a repository already. */
    SARSEN_ALREADY_A_REPOSITORY = 51,
    /* A newer format, or a feature this build does not know. */
    SARSEN_UNSUPPORTED = 52,
    /* No segment's header can be read. */
    SARSEN_NO_HEADER = 53,
    /* Nothing was ever committed. */
    SARSEN_NO_COMMIT = 54,
    /* The repository cannot be written here. */
    SARSEN_READ_ONLY = 55,
    /* Something newer than what can be read once existed. */
    SARSEN_BEHIND = 56,
    /* Tables had to be rebuilt from what is left: nothing may be written. */
    SARSEN_REBUILT = 57,
    /* Somebody else writes, or wrote since this was opened: close and open again. */
    SARSEN_FENCED = 58,
    /* A write failed earlier: close and open again. */
    SARSEN_POISONED = 59,
    /* A parameter or an option is outside its limits. */
    SARSEN_BAD_PARAMETER = 60,
    /* No version is meant by that. */
    SARSEN_UNKNOWN_VERSION = 61,
    /* More than one version is meant by that. */
    SARSEN_AMBIGUOUS_VERSION = 62,
    /* The version is protected. */
    SARSEN_PROTECTED = 63,
    /* The disk has more blocks than the format allows. */
    SARSEN_DISK_TOO_LARGE = 64,
    /* A name is longer than 255 bytes. */
    SARSEN_TEXT_TOO_LONG = 65,
    /* A table of the repository is full. */
    SARSEN_TABLE_FULL = 66,
    /* A stream is of a repository with another digest, block, frame or fan-out. */
    SARSEN_STREAM_PARAMETERS = 67,
    /* A stream is laid on another version than the one chosen, or on one that is not here. */
    SARSEN_STREAM_BASE = 68,
    /* A stream is of a whole disk, but a base was chosen. */
    SARSEN_STREAM_WHOLE = 69,
    /* A stream goes on where an earlier one was interrupted, of which not that much is kept here. */
    SARSEN_STREAM_START = 70,
    /* A stream that tells no size cannot be between disks of two sizes. */
    SARSEN_STREAM_SIZE = 71,
    /* A stream may have either of two layouts. */
    SARSEN_STREAM_LAYOUT = 72,
    /* What changed is told, and not since which version: name the base. */
    SARSEN_BASE_NEEDED = 73,
    /* Nobody said what the disk is called. */
    SARSEN_NAME_NEEDED = 74,
    /* A draft, where a finished version is wanted. */
    SARSEN_IS_A_DRAFT = 75,
    /* The draft to go on from is of another source under the same snapshot name. */
    SARSEN_OTHER_SOURCE = 76,
    /* A flash is in use, divided into runs of `detail` bytes. */
    SARSEN_OTHER_RUNS = 77,
    /* The version has 255 tags already, or its record would become longer than 16,384 bytes. */
    SARSEN_TOO_MANY_TAGS = 78,
    /* A draft of the group is not done. */
    SARSEN_UNFINISHED = 79,
    /* The operating system refused to open what was named. */
    SARSEN_CANNOT_OPEN = 80,
    /* Another process writes to the repository. */
    SARSEN_LOCKED = 81,
    /* The directory of a new repository holds something else. */
    SARSEN_NOT_EMPTY = 82,
    /* Neither a regular file nor a block device. */
    SARSEN_NOT_A_DISK = 83,
    /* A device is smaller than the disk to be restored. */
    SARSEN_TARGET_TOO_SMALL = 84,
    /* A callback asked to stop. */
    SARSEN_CANCELLED = 90,
    /* The random source failed. */
    SARSEN_NO_RANDOMNESS = 91,
    /* NULL where something is needed, text that is not UTF-8, a value that is not assigned, or a length no memory can have. */
    SARSEN_BAD_ARGUMENT = 92,
    /* NULL, a handle that is not open or of another kind, or one that was moved or copied. */
    SARSEN_BAD_HANDLE = 93,
    /* The handle is in use: by another thread, by the call whose callback this is, or by what was opened on it. */
    SARSEN_BUSY = 94,
    /* The program was compiled with the header of another ABI version. */
    SARSEN_OTHER_ABI = 95,
    /* An outcome is not the next in order, or does not lie in this work. */
    SARSEN_OUT_OF_ORDER = 96,
    /* The task has ended. */
    SARSEN_ENDED = 97,
    /* Something for which there is no number yet. */
    SARSEN_UNKNOWN_ERROR = 99,
    /* Refused before anything was done: no draft is of that group. */
    SARSEN_UNKNOWN_GROUP = 100,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_status sarsen_status;
#else
typedef int32_t sarsen_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* What a medium's callback answers. */
enum sarsen_medium_answer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* Done. */
    SARSEN_MEDIUM_OK = 0,
    /* Not yet: what asked is to be repeated, and asks again. Once a range was fetched it must be answered until 2048 others were asked for. */
    SARSEN_MEDIUM_PENDING = 1,
    /* No such segment. */
    SARSEN_MEDIUM_GONE = 2,
    /* A segment of that number exists. */
    SARSEN_MEDIUM_EXISTS = 3,
    /* No space left. */
    SARSEN_MEDIUM_FULL = 4,
    /* It takes no writes. */
    SARSEN_MEDIUM_READ_ONLY = 5,
    /* The segment is shorter than the read asked for. */
    SARSEN_MEDIUM_SHORT = 6,
    /* The device failed. Any number that is not listed means the same. */
    SARSEN_MEDIUM_FAILED = 7,
    /* These bytes cannot be read; the device works. */
    SARSEN_MEDIUM_UNREADABLE = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_medium_answer sarsen_medium_answer;
#else
typedef int32_t sarsen_medium_answer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* What `sarsen_config_init` fills in. */
enum sarsen_preset
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* Microcontrollers: blocks and frames of 4 KiB, SHA-256, no codec, segments of 32 KiB, two levels, an index for 256 objects. */
    SARSEN_SMALL = 0,
    /* Hosts: blocks of 4 MiB, frames of 128 KiB, SHA-256, segments of 64 MiB, nine levels, an index for 65,536 objects (256 GiB of blocks).
     * Zstandard in the hosted build, no codec in the bare one. */
    SARSEN_LARGE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_preset sarsen_preset;
#else
typedef int32_t sarsen_preset;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* What memory is needed for. */
enum sarsen_need
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* `sarsen_repository_format` and `sarsen_repository_open`. */
    SARSEN_NEED_REPOSITORY = 0,
    /* `sarsen_work_open`: what one worker works with. */
    SARSEN_NEED_WORK = 1,
    /* `sarsen_work_open`: the same, and room for the task of any blocking verb. */
    SARSEN_NEED_WORK_AND_TASK = 2,
    /* `sarsen_version_open`. */
    SARSEN_NEED_VERSION = 3,
    /* `sarsen_draft_begin`. */
    SARSEN_NEED_DRAFT = 4,
    /* Any `sarsen_..._begin` that makes a task. */
    SARSEN_NEED_TASK = 5,
    /* `sarsen_import` and `sarsen_import_begin`. */
    SARSEN_NEED_IMPORT = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_need sarsen_need;
#else
typedef int32_t sarsen_need;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* What is known of a run of bytes of a disk. */
enum sarsen_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* They may hold anything. */
    SARSEN_DATA = 0,
    /* They are zeros. */
    SARSEN_ZERO = 1,
    /* They are as in the base. Only of hints. */
    SARSEN_UNCHANGED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_state sarsen_state;
#else
typedef int32_t sarsen_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* What a task wants next, or what happened. */
enum sarsen_step_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* A step was done, and nothing is to be told: ask again. */
    SARSEN_STEP_AGAIN = 0,
    /* A job was handed out: perform it, on any thread, and meanwhile ask for more if you like. */
    SARSEN_STEP_JOB = 1,
    /* Nothing more before the outcome of a job was accepted. */
    SARSEN_STEP_WAIT = 2,
    /* The verb has ended: `sarsen_task_report` tells what it did. */
    SARSEN_STEP_DONE = 3,
    /* Damage was found: `finding` in `segment` at `offset`. */
    SARSEN_STEP_FINDING = 10,
    /* Damage hits the version `id`. */
    SARSEN_STEP_VERSION_HIT = 11,
    /* The version `id` is whole. */
    SARSEN_STEP_VERSION_WHOLE = 12,
    /* `len_bytes` of the disk from `at` on cannot be read; they were made zero. */
    SARSEN_STEP_LOST = 13,
    /* The base could not be used: everything is read. */
    SARSEN_STEP_BASE_DAMAGED = 14,
    /* A checkpoint was committed: `at` bytes of the disk are done. */
    SARSEN_STEP_CHECKPOINT = 15,
    /* `segment` was removed. */
    SARSEN_STEP_REMOVED = 16,
    /* The version `id` needs what could not be read: nobody knows whether it is whole. */
    SARSEN_STEP_VERSION_UNREAD = 17,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_step_kind sarsen_step_kind;
#else
typedef int32_t sarsen_step_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* Kinds of damage (docs/FORMAT.md, section 13). */
enum sarsen_finding
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* None. */
    SARSEN_FINDING_NONE = 0,
    /* The head pin. */
    SARSEN_FINDING_PIN = 1,
    /* Something newer once existed. */
    SARSEN_FINDING_BEHIND = 2,
    /* A segment is not there. */
    SARSEN_FINDING_MISSING = 3,
    /* A segment of another repository. */
    SARSEN_FINDING_FOREIGN = 4,
    /* A segment under another's name. */
    SARSEN_FINDING_RENAMED = 5,
    /* A segment header. */
    SARSEN_FINDING_HEADER = 6,
    /* A segment is shorter than what is true of it. */
    SARSEN_FINDING_TRUNCATED = 7,
    /* A footer. */
    SARSEN_FINDING_FOOTER = 8,
    /* An entry header. */
    SARSEN_FINDING_ENTRY = 9,
    /* A segment holds other entries than were committed. */
    SARSEN_FINDING_DIGEST = 10,
    /* A payload. */
    SARSEN_FINDING_PAYLOAD = 11,
    /* The filling behind a payload. */
    SARSEN_FINDING_PADDING = 12,
    /* Of a kind this header does not know. */
    SARSEN_FINDING_OTHER = 13,
    /* `len_bytes` of the segment could not be read. Where the medium says that of these bytes (`SARSEN_MEDIUM_UNREADABLE`), they are damaged; where
     * it failed (`SARSEN_MEDIUM_FAILED`), nothing is known of them. */
    SARSEN_FINDING_UNREADABLE = 14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_finding sarsen_finding;
#else
typedef int32_t sarsen_finding;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* What a directory is opened for. */
enum sarsen_access
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* Reading: takes no lock, writes nothing, and works beside a writer. */
    SARSEN_READ = 0,
    /* Reading and writing: `SARSEN_LOCKED` if another process, or another handle of this one, writes. */
    SARSEN_WRITE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_access sarsen_access;
#else
typedef int32_t sarsen_access;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* How a file is opened to restore to it. */
enum sarsen_target
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /* A new file; reads as zeros (`target_is_zero`). Refused if there is something of that name. */
    SARSEN_TARGET_NEW = 0,
    /* A file or block device that is there, to be overwritten or brought up to date; a file gets the size. */
    SARSEN_TARGET_EXISTING = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sarsen_target sarsen_target;
#else
typedef int32_t sarsen_target;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* A repository that is open. Distinct repositories are independent of each other, also two that are open on the same medium (of which one may write). */
struct sarsen_repository {
    /* The library's alone. */
    uint64_t opaque[SARSEN_HANDLE_WORDS];
};

/* Where a call failed. Set by every call that is given one, and that does not answer `SARSEN_OK`. */
struct sarsen_fault {
    /* `SARSEN_NO_SEGMENT` if in none. */
    uint32_t segment;
    /* Bytes from the segment's start. */
    uint32_t offset;
    /* The block of the disk; `SARSEN_NO_BLOCK` if in none. */
    uint64_t block;
    /* How much is needed, or an offset: each status says which. Otherwise 0. */
    uint64_t detail;
    /* The id of the version that was read; zeros if none was. */
    uint8_t version[32];
};

/* Is told of a tag, which ends with a zero byte and is valid only during the call. 0 goes on, anything else ends the list. */
typedef int32_t (*sarsen_each_tag)(void *context, const char *tag);

/* A verb under way. While one is open its repository cannot be closed. */
struct sarsen_task {
    /* The library's alone. */
    uint64_t opaque[SARSEN_HANDLE_WORDS];
};

/* Reads from a disk. */
typedef int32_t (*sarsen_read_disk)(void *context, uint64_t offset, uint8_t *to, size_t len_bytes);

/* Writes to a disk. */
typedef int32_t (*sarsen_write_disk)(void *context, uint64_t offset, const uint8_t *from, size_t len_bytes);

/* Zeroes a range of a disk. */
typedef int32_t (*sarsen_zero_disk)(void *context, uint64_t offset, uint64_t len_bytes);

/* Asks something of a disk, or makes it durable. */
typedef int32_t (*sarsen_ask_disk)(void *context);

/* A run of bytes of a disk. */
struct sarsen_extent {
    /* Bytes from the disk's start. */
    uint64_t offset;
    /* How many bytes. */
    uint64_t len_bytes;
    /* One of `enum sarsen_state`. */
    int32_t state;
    /* 0. */
    int32_t reserved;
};

/* Tells an extent of a disk. */
typedef int32_t (*sarsen_extent_of_disk)(void *context, uint64_t offset, struct sarsen_extent *extent);

/* What is backed up or restored to. Callbacks answer 0, or anything else for a failure; nothing beyond the end is ever asked of them.
 * Those that read are called by every thread that performs jobs; the others by one thread at a time. */
struct sarsen_disk {
    /* Handed to every callback. Must stay valid as long as the disk is used. */
    void *context;
    /* Bytes of the disk; must not change while it is used. */
    uint64_t size_bytes;
    /* Fills `to`, or fails. Needed of a disk that is backed up, or restored onto. */
    sarsen_read_disk read;
    /* Writes all of `from`, or fails. Needed of a disk that is restored to. */
    sarsen_write_disk write;
    /* Makes a range read as zeros. Needed of a disk that is restored to. */
    sarsen_zero_disk zero;
    /* Makes what was written durable. May be NULL. */
    sarsen_ask_disk flush;
    /* The extent that begins at `offset`, into `*extent`: data or zero. May be NULL: then all is read. */
    sarsen_extent_of_disk extent;
    /* 1 if the disk is known to have changed since it was opened, otherwise 0. May be NULL. */
    sarsen_ask_disk changed;
};

/* Is told of progress. */
typedef int32_t (*sarsen_progress)(void *context, uint64_t done, uint64_t total);

/* A step of a task. What a kind does not mention is 0. */
struct sarsen_step {
    /* One of `enum sarsen_step_kind`. */
    int32_t kind;
    /* One of `enum sarsen_finding`. */
    int32_t finding;
    /* `SARSEN_NO_SEGMENT` if none. */
    uint32_t segment;
    /* Bytes from the segment's start. */
    uint32_t offset;
    /* Bytes from the disk's start. */
    uint64_t at;
    /* Bytes. */
    uint64_t len_bytes;
    /* A version. */
    uint8_t id[32];
};

/* Is told what happens. */
typedef void (*sarsen_event)(void *context, const struct sarsen_step *event);

/* Who is told how a verb comes along. All zeros: nobody. */
struct sarsen_watch {
    /* Handed to both callbacks. */
    void *context;
    /* Told now and then how far the verb has come, in bytes of the disk or of the medium (`total` may be 0: not known). 0 goes on, anything else
     * ends the verb with `SARSEN_CANCELLED`. The repository is in use meanwhile: calls on it answer `SARSEN_BUSY`. */
    sarsen_progress progress;
    /* Told what happens: findings, ranges that were lost, checkpoints. `*event` is valid only during the call. */
    sarsen_event event;
};

/* How to back up. All zeros but the name is a right one: on the newest version of that name, if there is one, reading all of the disk. */
struct sarsen_backup_options {
    /* What the disk is called: 1 to 255 bytes. This and the texts below end with a zero byte, and stay valid and unchanged until the task is closed. */
    const char *name;
    /* What the snapshot is called: a promise that what has this name, and the same `source`, never changes. NULL or empty if it is none. */
    const char *snapshot;
    /* What the source is: something that differs whenever its contents may. NULL or empty if that is not known. */
    const char *source;
    /* The version to build on. NULL: the newest of that name. Empty: none. */
    const char *base;
    /* Versions of several disks taken at one moment are given the same group; zeros if it is none. See `hold`. */
    uint8_t group[16];
    /* What changed since `base`, which must then be named; what they do not mention did not change, and is not read. Any order, overlaps allowed.
     * Needed only until the task was begun. NULL: nothing is known. */
    const struct sarsen_extent *hints;
    /* How many hints. */
    size_t hint_count;
    /* How many frames of which hints say nothing are compared with the base before anything is written. */
    uint32_t spot_checks;
    /* 1: go on from the newest draft of that name, which an earlier backup left, if there is one (`base` and `hints` must be NULL).
     * What it read is not read again only if snapshot and source are the same. */
    uint32_t resume;
    /* A checkpoint is committed whenever so many bytes were newly stored: what an interruption can cost at most. 0: never. */
    uint64_t checkpoint_bytes;
    /* 1: it becomes no version by itself, but a draft that is done, and durable; `sarsen_group_finish` makes versions of all of `group` at once, which
     * then must not be zeros. The report tells the id of that version. */
    uint32_t hold;
    /* 0. */
    uint32_t reserved;
    /* Who is told how it comes along. */
    struct sarsen_watch watch;
};

/* The buffers of one worker. One call at a time uses it; a thread that is to work beside another needs its own. */
struct sarsen_work {
    /* The library's alone. */
    uint64_t opaque[SARSEN_HANDLE_WORDS];
};

/* What a verb did. Each fills in what it has to tell; the rest is 0. */
struct sarsen_report {
    /* The version that was made. */
    uint8_t version[32];
    /* Bytes of the disk. */
    uint64_t disk_bytes;
    /* Bytes read of the disk, or of a stream. */
    uint64_t read_bytes;
    /* Bytes that are not zero: of the disk, or of what differs. */
    uint64_t data_bytes;
    /* Bytes that differ and are zero. */
    uint64_t zero_bytes;
    /* Bytes that could not be read and were made zero. */
    uint64_t lost_bytes;
    /* Blocks newly stored. */
    uint64_t new_blocks;
    /* Bytes newly stored for them. */
    uint64_t new_bytes;
    /* Segments there were. */
    uint64_t segments;
    /* Segments removed. */
    uint64_t segments_removed;
    /* Entries looked at. */
    uint64_t entries;
    /* Bytes of the repository that are true. */
    uint64_t true_bytes;
    /* Of those, bytes in use. */
    uint64_t live_bytes;
    /* Bytes given back. */
    uint64_t freed_bytes;
    /* Blocks that were folded with bases nothing else needed. */
    uint64_t folded;
    /* Versions looked at. */
    uint64_t versions;
    /* Versions that damage hits. */
    uint64_t versions_hit;
    /* Damage found. */
    uint64_t findings;
    /* Of an import that ended too soon: bytes of the disk that are kept as a draft. */
    uint64_t position;
    /* `SARSEN_OK`, `SARSEN_DAMAGED`, of a check or scrub `SARSEN_UNREAD`, or of an import `SARSEN_STREAM_INTERRUPTED`. */
    int32_t status;
    /* 1 if the source is known to have changed while it was read. */
    uint32_t source_changed;
    /* Ranges that the medium failed to read. */
    uint64_t unread;
    /* Versions that need one, and are not hit as far as is known. */
    uint64_t versions_unread;
};

/* A draft that is open. Several may be open on one repository; a flush of one makes durable what was written to it. */
struct sarsen_draft {
    /* The library's alone. */
    uint64_t opaque[SARSEN_HANDLE_WORDS];
};

/* How to begin a draft. All zeros but the name and a size is a right one: a disk of zeros. */
struct sarsen_draft_options {
    /* What the disk is called: 1 to 255 bytes. This and the texts below end with a zero byte, and stay valid and unchanged until the draft is closed. */
    const char *name;
    /* What the snapshot is called. NULL or empty if it is none. */
    const char *snapshot;
    /* What the source is. NULL or empty if that is not known. */
    const char *source;
    /* The version it begins as, in the words of `sarsen_version_describe`. NULL or empty: zeros. */
    const char *base;
    /* Versions of several disks taken at one moment are given the same group; zeros if it is none. See `sarsen_draft_hold`. */
    uint8_t group[16];
    /* Bytes of the disk. 0: as many as the base has, or the draft that is gone on from. It may be more or less than that: what is more is zeros. */
    uint64_t disk_bytes;
    /* 1: go on from the newest draft of that name, as its last flush left it, if there is one; otherwise as without. It must not be open. */
    uint32_t resume;
    /* 0. */
    uint32_t reserved;
};

/* Writes to a stream. */
typedef int64_t (*sarsen_write_stream)(void *context, const uint8_t *from, size_t len_bytes);

/* Where a stream goes to. */
struct sarsen_drain {
    /* Handed to the callback. */
    void *context;
    /* Writes up to `len_bytes` (more than 0); answers how many those were, and 0 or a negative number for a failure. */
    sarsen_write_stream write;
};

/* Reads from a flash. */
typedef int32_t (*sarsen_read_flash)(void *context, uint32_t offset, uint8_t *to, size_t len_bytes);

/* Programs a flash. */
typedef int32_t (*sarsen_program_flash)(void *context, uint32_t offset, const uint8_t *from, size_t len_bytes);

/* Erases a block of a flash. */
typedef int32_t (*sarsen_erase_flash)(void *context, uint32_t offset);

/* A NOR flash, or the part of one that a repository may have: offsets count from its start. Callbacks answer 0, or anything else for a failure; they
 * are asked for whole units only, and nothing beyond the end. Bad blocks, and power that goes at any moment, are dealt with (docs/FORMAT.md,
 * section 17); what is programmed or erased is read back. An erased byte reads as 0xFF. */
struct sarsen_flash {
    /* Handed to every callback. Must stay valid as long as the medium is used. */
    void *context;
    /* Bytes of it. */
    uint32_t size_bytes;
    /* What is read at once: a power of two, at most 256; 1 if any byte can be. */
    uint32_t read_bytes;
    /* What is programmed at once, and only once until it is erased: a power of two, at most 256. */
    uint32_t program_bytes;
    /* What is erased at once. */
    uint32_t erase_bytes;
    /* What a segment takes at once: a multiple of `erase_bytes`, the same each time this flash is opened. Each needs 12 bytes of memory; at the end of
     * each segment half of one is left unused. */
    uint32_t run_bytes;
    /* Fills `to`, or fails. */
    sarsen_read_flash read;
    /* Programs `from`, a multiple of `program_bytes`: never what was programmed since it was erased, but for one mark of 16 bytes in each run, which
     * may be programmed once more, with zeros, where power went before any bit of it was. */
    sarsen_program_flash program;
    /* Erases the block of `erase_bytes` that begins at `offset`. */
    sarsen_erase_flash erase;
};

/* Finds a segment's neighbour. */
typedef int32_t (*sarsen_find_segment)(void *context, uint32_t beside, uint32_t *found);

/* Tells a segment's length. */
typedef int32_t (*sarsen_len_of_segment)(void *context, uint32_t segment, uint64_t *len_bytes);

/* Reads from a segment. */
typedef int32_t (*sarsen_read_segment)(void *context, uint32_t segment, uint64_t at, uint8_t *to, size_t len_bytes);

/* Makes, makes durable, or removes a segment. */
typedef int32_t (*sarsen_change_segment)(void *context, uint32_t segment);

/* Adds to a segment. */
typedef int32_t (*sarsen_append_segment)(void *context, uint32_t segment, const uint8_t *from, size_t len_bytes);

/* Holds space back. */
typedef int32_t (*sarsen_hold_space)(void *context, uint64_t len_bytes);

/* Where segments live. Callbacks answer with `enum sarsen_medium_answer`; docs/FORMAT.md, section 15, says what a medium must promise.
 * Those that read are called by every thread that works; the others by one thread at a time. */
struct sarsen_medium {
    /* Handed to every callback. Must stay valid until the repository is closed. */
    void *context;
    /* The smallest unit that can be written, in bytes: a power of two, at most 4096. */
    uint32_t write_bytes;
    /* The greatest length of a segment in bytes. */
    uint32_t segment_bytes;
    /* The lowest segment after `beside` (`SARSEN_NO_SEGMENT`: of all), or `SARSEN_NO_SEGMENT`, into `*found`. */
    sarsen_find_segment next;
    /* The highest segment before `beside` (`SARSEN_NO_SEGMENT`: of all), or `SARSEN_NO_SEGMENT`, into `*found`. */
    sarsen_find_segment previous;
    /* Its length into `*len_bytes`: at most `segment_bytes`. */
    sarsen_len_of_segment len;
    /* Fills `to` from offset `at`, or fails. */
    sarsen_read_segment read;
    /* Makes an empty segment. A medium without this, `append`, `sync` or `remove` is only read. */
    sarsen_change_segment create;
    /* Adds bytes, a multiple of `write_bytes`, at the segment's end. When it fails any part may have been added. */
    sarsen_append_segment append;
    /* Makes what was appended, and the segment's name, durable. */
    sarsen_change_segment sync;
    /* Removes a segment. */
    sarsen_change_segment remove;
    /* May be NULL. Keeps so much space away from `append`; 0 gives it back. */
    sarsen_hold_space hold;
};

/* How worn a flash is, counted in erases of its runs. Where a power cut has lost a count, the run is taken to be as worn as any. */
struct sarsen_wear {
    /* Erases of all runs together. */
    uint64_t total;
    /* How many runs there are. */
    uint32_t runs;
    /* How many of them may be taken. */
    uint32_t free;
    /* How many of them are bad. */
    uint32_t retired;
    /* Erases of the least worn. */
    uint32_t least;
    /* Erases of the most worn. */
    uint32_t greatest;
    /* 0. */
    uint32_t reserved;
};

/* What is chosen when a repository is made, and never changes; and how much it, and what is opened on it, may need. Fill it by
 * `sarsen_config_init` and change what you like. */
struct sarsen_config {
    /* `SARSEN_ABI_VERSION`. */
    uint32_t abi_version;
    /* Chosen once: the greatest length of a segment in bytes; a multiple of the alignment, at most 2^30. */
    uint32_t segment_bytes;
    /* Chosen once: 1 SHA-256, 2 BLAKE3 (hosted build). */
    uint8_t digest;
    /* Chosen once: 0 none; 1 LZ4, 2 Zstandard, 3 zlib (hosted build). */
    uint8_t codec;
    /* Chosen once: log2 of the bytes of a block: 12 to 24. */
    uint8_t block_log2;
    /* Chosen once: log2 of the bytes of a frame: 12 to that of the block, at most 4096 of them in it. */
    uint8_t frame_log2;
    /* Chosen once: log2 of the rows of a page: 4 to 8. */
    uint8_t fan_out_log2;
    /* Chosen once: log2 of the alignment in bytes: 4 to 12, at least that of the medium's `write_bytes`. */
    uint8_t align_log2;
    /* Chosen once: how many older commits a commit lists: 0 to 64. */
    uint16_t history;
    /* Memory: levels of the largest tree: rows^levels blocks of a disk, segments and versions can be dealt with. 1 to 9. */
    uint8_t levels;
    /* Memory: 1 to give workers room for blocks that lie on others (four frames more); with 0 such blocks are stored whole, and those that were
     * stored elsewhere through a codec cannot be read, and differences are told in whole frames instead of sectors. */
    uint8_t deltas;
    /* Memory: how many damaged places can be known. */
    uint16_t marks;
    /* Memory: slots of the index, 16 bytes each: one for each block and manifest page that is stored. */
    uint32_t objects;
    /* Memory: segments that gc and compact can count; 0 if you call neither. */
    uint32_t segments;
    /* Memory: hints that a backup can be given. */
    uint32_t hints;
    /* Memory: frames of the disk that a draft or an import keeps; 1 at least, with those of two blocks a block is seldom stored twice. */
    uint32_t frames;
};

/* Reads from a stream. */
typedef int64_t (*sarsen_read_stream)(void *context, uint8_t *to, size_t len_bytes);

/* Where a stream comes from. */
struct sarsen_source {
    /* Handed to the callback. */
    void *context;
    /* Reads up to `len_bytes` (more than 0); answers how many those were, 0 at the end of the stream, `SARSEN_NOT_YET` if there is nothing yet, another
     * negative number for a failure. */
    sarsen_read_stream read;
};

/* How to import. All zeros, or NULL, is a right one for a stream of `sarsen_export`, which names its base itself. */
struct sarsen_import_options {
    /* The version it is laid on, as in `sarsen_version_describe`. NULL: as the stream says; streams of rbd that tell differences must be told. */
    const char *base;
    /* What the disk is called. NULL: as the stream says, or as the base is called. */
    const char *name;
    /* What the snapshot is called. NULL: as the stream says. */
    const char *snapshot;
    /* Bytes of the stream; 0 if that is not known. */
    uint64_t len_bytes;
    /* Who is told how it comes along. */
    struct sarsen_watch watch;
};

/* A job. Lies where the caller put it; may be copied or moved only before it is performed. Its task must stay open until it was accepted. */
struct sarsen_job {
    /* The library's alone. */
    uint64_t opaque[SARSEN_JOB_WORDS];
};

/* Tells the time. */
typedef uint64_t (*sarsen_now)(void *context);

/* Gives random bytes. */
typedef int32_t (*sarsen_random)(void *context, uint8_t *to, size_t len_bytes);

/* Takes the lock. */
typedef int32_t (*sarsen_lock)(void *context);

/* Gives the lock back, or waits. */
typedef void (*sarsen_call)(void *context);

/* What the surroundings lend besides media and disks. Any callback but `random` may be NULL. */
struct sarsen_host {
    /* Handed to every callback. Must stay valid until the repository is closed. */
    void *context;
    /* Milliseconds since 1970-01-01 UTC; 0 where there is no clock. NULL means the same. */
    sarsen_now now;
    /* Fills `to` with bytes nobody can guess; answers 0, or anything else if it cannot. */
    sarsen_random random;
    /* Takes a lock that is this repository's alone, waiting until it is free, and answers 0; or anything else if this very thread has it (as
     * PTHREAD_MUTEX_ERRORCHECK does; a recursive lock is right too). NULL: a call on a repository that another thread is using answers
     * `SARSEN_BUSY`. */
    sarsen_lock lock;
    /* Gives the lock back. Must be NULL if `lock` is, and only then. */
    sarsen_call unlock;
    /* Called without the lock where a thread has nothing to do until another one has done something, or until the medium is ready. May sleep for a
     * moment. NULL: it is asked again at once. */
    sarsen_call pause;
};

/* What a repository is like. */
struct sarsen_description_of_repository {
    /* Its id, the same in every segment. */
    uint8_t id[16];
    /* The id of the newest commit: whoever keeps it can later show that nothing newer was taken away. */
    uint8_t commit[32];
    /* How many commits there were. */
    uint64_t sequence;
    /* When it was made, in milliseconds since 1970-01-01 UTC. */
    uint64_t made;
    /* Bytes of a block. */
    uint32_t block_bytes;
    /* Bytes of a frame: what is read and decoded at once. */
    uint32_t frame_bytes;
    /* The greatest length of a segment. */
    uint32_t segment_bytes;
    /* Rows of a page. */
    uint32_t fan_out;
    /* 1 SHA-256, 2 BLAKE3. */
    uint8_t digest;
    /* 0 none, 1 LZ4, 2 Zstandard, 3 zlib. */
    uint8_t codec;
    /* 1 if it can be written here. */
    uint8_t writable;
    /* 1 if something newer than what can be read once existed. */
    uint8_t behind;
    /* 0. */
    uint32_t reserved;
};

/* How to restore. All zeros, or NULL, is a right one: everything is written. */
struct sarsen_restore_options {
    /* 1 if the target reads as zeros: they need not be written. */
    uint32_t target_is_zero;
    /* 0. */
    uint32_t reserved;
    /* Who is told how it comes along. */
    struct sarsen_watch watch;
};

/* What a version, or a draft that has a checkpoint, says of itself. Texts are UTF-8 and end with a zero byte. */
struct sarsen_description {
    /* Its id; of a version that damage has made unreadable, its record's. */
    uint8_t id[32];
    /* Its root: the digest that proves every byte of the disk. Zeros of a draft. */
    uint8_t root[32];
    /* The version it was built on; zeros if none. */
    uint8_t base[32];
    /* Versions of several disks taken at one moment have the same group; zeros if none. */
    uint8_t group[16];
    /* When its backup began, in milliseconds since 1970-01-01 UTC. */
    uint64_t time;
    /* Bytes of the disk. */
    uint64_t disk_bytes;
    /* Of a draft: bytes done from the start. */
    uint64_t position;
    /* Bytes newly stored for it. */
    uint64_t new_bytes;
    /* From when on it is not needed, in milliseconds since 1970-01-01 UTC; 0 if it is for ever. Nothing is removed by itself. */
    uint64_t expiry;
    /* 1 of a draft. */
    uint8_t is_draft;
    /* 1 if it may not be removed: `sarsen_version_unprotect`. */
    uint8_t is_protected;
    /* 1 if the source is known to have changed while it was read. */
    uint8_t source_changed;
    /* 1 if its record cannot be read: then only `id` is known. */
    uint8_t is_unreadable;
    /* How many tags it has: `sarsen_version_tags`. */
    uint32_t tag_count;
    /* The disk's name. */
    char name[SARSEN_TEXT_BYTES];
    /* The snapshot's name; may be empty. */
    char snapshot[SARSEN_TEXT_BYTES];
    /* What the source was, as whoever backed it up named it; may be empty. */
    char source[SARSEN_TEXT_BYTES];
};

/* Is told of a version. 0 goes on, anything else ends the list. */
typedef int32_t (*sarsen_each_version)(void *context, const struct sarsen_description *description);

/* A version that is open for reading. */
struct sarsen_version {
    /* The library's alone. */
    uint64_t opaque[SARSEN_HANDLE_WORDS];
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* The library's version as one number: major * 1,000,000 + minor * 1,000 + patch. */
uint32_t sarsen_version_number(void);

/* The library's ABI version: `SARSEN_ABI_VERSION` of the header it was made with. */
uint32_t sarsen_abi_version(void);

/* 1 in the hosted build, 0 in the bare one. */
int32_t sarsen_is_hosted(void);

/* Gives a finished version a tag of 1 to 255 bytes, unless it has it. `version` is as in `sarsen_version_describe`.
 *
 * This and the four functions that follow change what the list says of a version, in one commit; what changes nothing writes nothing. Its id and its
 * contents stay. `SARSEN_IS_A_DRAFT` of a draft. `SARSEN_TOO_MANY_TAGS` beyond 255, or where the format has no room; `SARSEN_BUFFER_TOO_SMALL` where
 * lent memory has none, the fault's `detail` being how many bytes that takes. */
sarsen_status sarsen_version_tag(struct sarsen_repository *repository, const char *version, const char *tag, struct sarsen_fault *fault);

/* Takes a tag away, if the version has it. */
sarsen_status sarsen_version_untag(struct sarsen_repository *repository, const char *version, const char *tag, struct sarsen_fault *fault);

/* Protects a version: it cannot be removed until `sarsen_version_unprotect`. */
sarsen_status sarsen_version_protect(struct sarsen_repository *repository, const char *version, struct sarsen_fault *fault);

/* Gives a version up: it can be removed again. Like removing, this works on a medium that is full. */
sarsen_status sarsen_version_unprotect(struct sarsen_repository *repository, const char *version, struct sarsen_fault *fault);

/* Says from when on a version is not needed, in milliseconds since 1970-01-01 UTC; 0: it is for ever. Nothing is removed by itself: whoever removes
 * versions reads `expiry` of their descriptions. */
sarsen_status sarsen_version_expire(struct sarsen_repository *repository, const char *version, uint64_t expiry, struct sarsen_fault *fault);

/* Tells `each` of every tag of a version, in the order in which it got them. `version` is as in `sarsen_version_describe`.
 *
 * The repository is in use meanwhile. `SARSEN_CANCELLED` if `each` ended it. `SARSEN_PENDING`: call again. */
sarsen_status sarsen_version_tags(struct sarsen_repository *repository,
                                  const char *version,
                                  sarsen_each_tag each,
                                  void *context,
                                  struct sarsen_fault *fault);

/* Begins a backup as a task. Several may be under way on one repository, each of a disk of its own; each makes its version when it ends (but see
 * `hold`), and what has been stored for one is not stored again for another.
 *
 * `*disk` and `*options` are copied; what they point to must stay valid until `sarsen_task_close`. `memory`: `SARSEN_NEED_TASK` bytes, the library's until
 * then. NULL: the hosted build takes it from the heap; the bare one answers `SARSEN_MEMORY`. */
sarsen_status sarsen_backup_begin(struct sarsen_task *task,
                                  struct sarsen_repository *repository,
                                  const struct sarsen_disk *disk,
                                  const struct sarsen_backup_options *options,
                                  void *memory,
                                  size_t memory_bytes,
                                  struct sarsen_fault *fault);

/* Backs a disk up, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `report` may be NULL. */
sarsen_status sarsen_backup(struct sarsen_repository *repository,
                            const struct sarsen_disk *disk,
                            const struct sarsen_backup_options *options,
                            struct sarsen_work *work,
                            struct sarsen_report *report,
                            struct sarsen_fault *fault);

/* Begins a check as a task: reads structure, that is headers, footers, tables, and whether all that versions need is there. Changes nothing.
 *
 * `SARSEN_DAMAGED` at the end if anything is wrong; each finding is told as a step. What the medium fails to read is passed over, and told: if that is all,
 * `SARSEN_UNREAD`. Where reading fails more than 64 times in a row, it ends with `SARSEN_FAILED`. It needs the repository for itself: `SARSEN_BUSY` while tasks or drafts
 * are open on it, and until it is closed, calls on the repository and its versions answer that too (open it once more to read meanwhile).
 * `watch` may be NULL. `memory`: as in `sarsen_backup_begin`. */
sarsen_status sarsen_check_begin(struct sarsen_task *task,
                                 struct sarsen_repository *repository,
                                 const struct sarsen_watch *watch,
                                 void *memory,
                                 size_t memory_bytes,
                                 struct sarsen_fault *fault);

/* Begins a scrub as a task: as a check, and reads every byte; with a `version`, every byte that it needs. Where the repository can be written, damage
 * is marked there, so that the next backup stores anew what is lost, and marks of what reads well again are taken away.
 *
 * Otherwise as `sarsen_check_begin`. `version` may be NULL. */
sarsen_status sarsen_scrub_begin(struct sarsen_task *task,
                                 struct sarsen_repository *repository,
                                 const char *version,
                                 const struct sarsen_watch *watch,
                                 void *memory,
                                 size_t memory_bytes,
                                 struct sarsen_fault *fault);

/* Checks, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL. */
sarsen_status sarsen_check(struct sarsen_repository *repository,
                           const struct sarsen_watch *watch,
                           struct sarsen_work *work,
                           struct sarsen_report *report,
                           struct sarsen_fault *fault);

/* Scrubs, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `version`, `watch` and `report` may be NULL. */
sarsen_status sarsen_scrub(struct sarsen_repository *repository,
                           const char *version,
                           const struct sarsen_watch *watch,
                           struct sarsen_work *work,
                           struct sarsen_report *report,
                           struct sarsen_fault *fault);

/* Begins a comparison as a task: what of version `new` differs from version `old` is written to `sink`, in the order of the disk, in sectors of 512 bytes;
 * `old` NULL: from zeros. So a target that holds `old` becomes `new`, or callbacks of your own are told what changed. Only `write`, `zero` and `flush`
 * of the sink are used, and its size must be `new`'s or more. Both versions are named as in `sarsen_version_describe`.
 *
 * What cannot be read is an error here, since it could not be told from what did not change. `*sink` is copied; `watch` may be NULL.
 * `memory`: as in `sarsen_backup_begin`. */
sarsen_status sarsen_diff_begin(struct sarsen_task *task,
                                struct sarsen_repository *repository,
                                const char *old,
                                const char *new_,
                                const struct sarsen_disk *sink,
                                const struct sarsen_watch *watch,
                                void *memory,
                                size_t memory_bytes,
                                struct sarsen_fault *fault);

/* Compares two versions, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL. */
sarsen_status sarsen_diff(struct sarsen_repository *repository,
                          const char *old,
                          const char *new_,
                          const struct sarsen_disk *sink,
                          const struct sarsen_watch *watch,
                          struct sarsen_work *work,
                          struct sarsen_report *report,
                          struct sarsen_fault *fault);

/* Begins bringing a disk up to date as a task: reads `target`, and writes only where it differs from `version`. Where it is known what the target
 * holds, `sarsen_diff` spares the reading too. Otherwise as `sarsen_restore_begin`. */
sarsen_status sarsen_restore_onto_begin(struct sarsen_task *task,
                                        struct sarsen_repository *repository,
                                        const char *version,
                                        const struct sarsen_disk *target,
                                        const struct sarsen_watch *watch,
                                        void *memory,
                                        size_t memory_bytes,
                                        struct sarsen_fault *fault);

/* Brings a disk up to date, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL. */
sarsen_status sarsen_restore_onto(struct sarsen_repository *repository,
                                  const char *version,
                                  const struct sarsen_disk *target,
                                  const struct sarsen_watch *watch,
                                  struct sarsen_work *work,
                                  struct sarsen_report *report,
                                  struct sarsen_fault *fault);

/* Begins a draft: a disk that is a version, or zeros, to be written at any offset and in any order.
 *
 * `*options` is copied; its texts must stay valid until the draft is closed. `memory`: `SARSEN_NEED_DRAFT` bytes, the library's until then. NULL: the
 * hosted build takes it from the heap; the bare one answers `SARSEN_MEMORY`. The repository cannot be closed before, nor gc, compact, check or scrub
 * begin. */
sarsen_status sarsen_draft_begin(struct sarsen_draft *draft,
                                 struct sarsen_repository *repository,
                                 const struct sarsen_draft_options *options,
                                 void *memory,
                                 size_t memory_bytes,
                                 struct sarsen_fault *fault);

/* Bytes of the disk; 0 if the handle is not open. */
uint64_t sarsen_draft_size(struct sarsen_draft *draft);

/* Writes all of `from` at `offset`. What is written lies in the draft's memory, and is stored when that is full or with the next flush.
 *
 * `SARSEN_BEYOND_END` if the range is not within the disk; nothing was written then. */
sarsen_status sarsen_draft_write_at(struct sarsen_draft *draft,
                                    uint64_t offset,
                                    const void *from,
                                    size_t len_bytes,
                                    struct sarsen_work *work,
                                    struct sarsen_fault *fault);

/* Makes a range zero. Whole blocks of it cost next to nothing. */
sarsen_status sarsen_draft_zero(struct sarsen_draft *draft,
                                uint64_t offset,
                                uint64_t len_bytes,
                                struct sarsen_work *work,
                                struct sarsen_fault *fault);

/* Fills `to` from `offset`, with what was written, stored or not. */
sarsen_status sarsen_draft_read_at(struct sarsen_draft *draft,
                                   uint64_t offset,
                                   void *to,
                                   size_t len_bytes,
                                   struct sarsen_work *work,
                                   struct sarsen_fault *fault);

/* Makes all that was written durable: a checkpoint, which `resume` goes on from. `position`: how much of the disk is done, for a writer that goes from
 * its start to its end; otherwise 0. */
sarsen_status sarsen_draft_flush(struct sarsen_draft *draft, uint64_t position, struct sarsen_work *work, struct sarsen_fault *fault);

/* Makes a version of it, whose id is written to `version` (32 bytes, or NULL), and closes the handle.
 *
 * If it fails the handle stays open: with `SARSEN_PENDING` call again; otherwise close it, and open the repository anew: the list of versions says
 * whether it has become one. */
sarsen_status sarsen_draft_finish(struct sarsen_draft *draft, uint8_t *version, struct sarsen_work *work, struct sarsen_fault *fault);

/* Makes it a draft that is done, durably, and closes the handle: `sarsen_group_finish` makes versions of all drafts of a group at once. It must have one:
 * `SARSEN_BAD_ARGUMENT` otherwise. The id that the version is going to have is written to `version` (32 bytes, or NULL).
 *
 * If it fails the handle stays open: with `SARSEN_PENDING` call again; otherwise close it, and open the repository anew. */
sarsen_status sarsen_draft_hold(struct sarsen_draft *draft,
                                uint8_t *version,
                                struct sarsen_work *work,
                                struct sarsen_fault *fault);

/* Forgets it, its checkpoint too, and closes the handle. */
sarsen_status sarsen_draft_abandon(struct sarsen_draft *draft, struct sarsen_fault *fault);

/* Closes the handle. What was written since the last flush is lost; what was flushed stays, as a draft that `resume` goes on from and that
 * `sarsen_version_remove` removes. */
sarsen_status sarsen_draft_close(struct sarsen_draft *draft);

/* Begins an export as a task: writes to `drain` what of version `new` differs from version `old` (NULL: all of it), as a delta stream that
 * `sarsen_import` reads, bound to the roots of both.
 *
 * `start`: leaves out what lies before this byte of the disk, which the receiver has kept of an interrupted import; otherwise 0.
 * The stream's head is written by this call. `*drain` is copied; its context must stay valid until `sarsen_task_close`. Once the drain has failed
 * (`SARSEN_LINE_FAILED`, or `SARSEN_DISK_FAILED` while differences are written, `detail` being the offset on the disk), the stream is to be thrown away
 * or continued. `watch` may be NULL. `memory`: as in `sarsen_backup_begin`. */
sarsen_status sarsen_export_begin(struct sarsen_task *task,
                                  struct sarsen_repository *repository,
                                  const char *old,
                                  const char *new_,
                                  uint64_t start,
                                  const struct sarsen_drain *drain,
                                  const struct sarsen_watch *watch,
                                  void *memory,
                                  size_t memory_bytes,
                                  struct sarsen_fault *fault);

/* Exports, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL. */
sarsen_status sarsen_export(struct sarsen_repository *repository,
                            const char *old,
                            const char *new_,
                            uint64_t start,
                            const struct sarsen_drain *drain,
                            const struct sarsen_watch *watch,
                            struct sarsen_work *work,
                            struct sarsen_report *report,
                            struct sarsen_fault *fault);

/* How many bytes `sarsen_flash_open` needs, aligned to 8: about 12 for each run. 0 for NULL, and for units that no flash can have. */
size_t sarsen_flash_memory_needed(const struct sarsen_flash *flash);

/* Makes a medium of a flash, blank or as it was left by power that went at any moment: reads what each run holds, and writes nothing.
 *
 * `*flash` is copied. `memory`: `sarsen_flash_memory_needed` bytes, in the hosted build too; it is the library's as long as `*medium` or a copy of it is
 * used. There is nothing to close. The medium is for one thread at a time, and for one repository.
 * `SARSEN_BAD_PARAMETER` for units that no flash can have; `SARSEN_BAD_ARGUMENT` if a callback is missing; `SARSEN_OTHER_RUNS` if the flash is in use with
 * runs of another length, which is the fault's `detail`; `SARSEN_FAILED` if it cannot be read. */
sarsen_status sarsen_flash_open(struct sarsen_medium *medium,
                                const struct sarsen_flash *flash,
                                void *memory,
                                size_t memory_bytes,
                                struct sarsen_fault *fault);

/* Tells how worn a flash is. `SARSEN_BAD_ARGUMENT` if `*medium` is not one that `sarsen_flash_open` has filled; `SARSEN_BUSY` while a call uses it. */
sarsen_status sarsen_flash_wear(const struct sarsen_medium *medium, struct sarsen_wear *wear);

/* Makes versions of all drafts of a group (16 bytes, not all zeros), by one commit: all of them are there from then on, or none is. How many they are is
 * written to `count`, which may be NULL.
 *
 * Each must be done: a backup with `hold`, `sarsen_draft_hold`, or a draft flushed with all of its disk as the position; otherwise `SARSEN_UNFINISHED`.
 * They may have been made long before, and by other processes, and must not be open. `SARSEN_UNKNOWN_GROUP` if there is none, as after this has
 * succeeded. Backups and drafts of other groups may be under way. */
sarsen_status sarsen_group_finish(struct sarsen_repository *repository,
                                  const uint8_t *group,
                                  uint64_t *count,
                                  struct sarsen_fault *fault);

/* Hosted build only. Makes the directory of a new repository: `path` is new, or empty. Of `*config` only what is chosen once is used; NULL: what
 * `SARSEN_LARGE` is. With `SARSEN_CANNOT_OPEN` the fault's `detail` is the system's errno. */
sarsen_status sarsen_directory_format(const char *directory, const struct sarsen_config *config, struct sarsen_fault *fault);

/* Hosted build only. Opens the repository in a directory, of any parameters and any size: all memory comes from the heap, as does that of whatever is
 * opened on it with a `memory` of NULL. Threads may share it: calls wait for each other where they must.
 *
 * `abi_version`: `SARSEN_ABI_VERSION`. `access`: one of `enum sarsen_access`. With `SARSEN_CANNOT_OPEN` the fault's `detail` is the system's errno. */
sarsen_status sarsen_directory_open(struct sarsen_repository *repository,
                                    uint32_t abi_version,
                                    const char *directory,
                                    int32_t access,
                                    struct sarsen_fault *fault);

/* Hosted build only. Opens a regular file or a block device to back it up, holes and all. `identity` (at least 256 bytes, or NULL) gets one line that
 * differs, as far as the system tells, between any two contents: a `source` for a backup. */
sarsen_status sarsen_file_open(struct sarsen_disk *disk, const char *path_of_file, char *identity, struct sarsen_fault *fault);

/* Hosted build only. Opens a file or a block device to restore to; zeros become holes where there can be any. `how`: one of `enum sarsen_target`. */
sarsen_status sarsen_file_target(struct sarsen_disk *disk, const char *path_of_file, uint64_t size_bytes, int32_t how, struct sarsen_fault *fault);

/* Hosted build only. Closes a file that `sarsen_file_open` or `sarsen_file_target` has opened, when no task uses it any more, and no copy of `*disk` is
 * used either. NULL, a disk that was closed, and one with callbacks of your own are `SARSEN_BAD_ARGUMENT`. */
sarsen_status sarsen_file_close(struct sarsen_disk *disk);

/* Begins an import as a task: reads a stream to its end and makes a version of it, one of `sarsen_export`, or of Ceph's `rbd export-diff`.
 *
 * The source is asked by `sarsen_task_next`, which answers `SARSEN_PENDING` when that has nothing yet: for an event loop, call it again once there is
 * more. Its jobs are nothing by themselves; what was read is laid by `sarsen_task_accept`, a record at a time. Where the medium is not ready, that waits.
 *
 * A stream of ours gives the very disk it tells of, or `SARSEN_STREAM_OUTCOME` and nothing. One that ends too soon, or cannot be read any further, leaves
 * what its whole records told as a draft: the task is done, its report's status is `SARSEN_STREAM_INTERRUPTED`, and a stream that starts at its
 * `position`, or before, goes on from there.
 * `*source` and `*options` are copied; what they point to must stay valid until `sarsen_task_close`. `memory`: `SARSEN_NEED_IMPORT` bytes, the library's
 * until then; more makes it faster. NULL: as in `sarsen_backup_begin`. `options` may be NULL. */
sarsen_status sarsen_import_begin(struct sarsen_task *task,
                                  struct sarsen_repository *repository,
                                  const struct sarsen_source *source,
                                  const struct sarsen_import_options *options,
                                  void *memory,
                                  size_t memory_bytes,
                                  struct sarsen_fault *fault);

/* Imports, on the calling thread, and waits for the source where that has nothing yet (`pause` of the host).
 *
 * `SARSEN_STREAM_INTERRUPTED`: a stream that starts at the fault's `detail`, or before, goes on from there. `memory`: `SARSEN_NEED_IMPORT` bytes, used
 * only during the call; more makes it faster. NULL: as in `sarsen_backup_begin`. `options` and `report` may be NULL. */
sarsen_status sarsen_import(struct sarsen_repository *repository,
                            const struct sarsen_source *source,
                            const struct sarsen_import_options *options,
                            void *memory,
                            size_t memory_bytes,
                            struct sarsen_work *work,
                            struct sarsen_report *report,
                            struct sarsen_fault *fault);

/* Does a job, on any thread, beside any number of others: it reads medium and disk through their callbacks, and uses only `work`, in which the outcome
 * lies until `sarsen_task_accept`.
 *
 * Answers `SARSEN_OK` also if the disk or medium failed: that is the job's outcome, and for the task to judge. `SARSEN_PENDING`: do it again later.
 * `SARSEN_BUSY` if another call uses the work. */
sarsen_status sarsen_job_perform(struct sarsen_job *job, struct sarsen_work *work, struct sarsen_fault *fault);

/* Fills a config with what suits a kind of machine.
 *
 * `abi_version` is `SARSEN_ABI_VERSION`, `preset` one of `enum sarsen_preset`.
 * Answers `SARSEN_OTHER_ABI`, or `SARSEN_BAD_ARGUMENT` for NULL and presets that do not exist; then nothing was filled. */
sarsen_status sarsen_config_init(struct sarsen_config *config, uint32_t abi_version, int32_t preset);

/* How many bytes a handle needs, aligned to 8: exactly so many suffice, one less is refused with `SARSEN_MEMORY`.
 *
 * `need` is one of `enum sarsen_need`. 0 if the config is NULL, of another ABI version or outside its limits, or if there is no such need. */
size_t sarsen_memory_needed(const struct sarsen_config *config, int32_t need);

/* The digest of a frame, as ids take it (docs/FORMAT.md, section 4): 32 bytes to `digest`; zeros if the frame is all zeros.
 *
 * `algorithm`: 1 SHA-256, 2 BLAKE3 (hosted build). `SARSEN_BAD_ARGUMENT` for others and for NULL. */
sarsen_status sarsen_frame_digest(uint8_t algorithm, const void *frame, size_t len_bytes, uint8_t *digest);

/* The id of a block (docs/FORMAT.md, section 4): 32 bytes to `id`; zeros if the block is all zeros.
 *
 * `frame_bytes`: a power of two from 4096 to 2^24. `len_bytes`: up to 2^24. Otherwise as `sarsen_frame_digest`. */
sarsen_status sarsen_block_id(uint8_t algorithm, uint32_t frame_bytes, const void *block, size_t len_bytes, uint8_t *id);

/* Writes to `delta` the sectors of 512 bytes in which `target` differs from `base` (docs/FORMAT.md, section 5), and how long that is to `*made_bytes`.
 * A base that is shorter counts as zeros from its end on.
 *
 * `SARSEN_BUFFER_TOO_SMALL` if it is longer than `delta_bytes`: then `target` itself is most likely the smaller. */
sarsen_status sarsen_sectors_diff(const void *base,
                                  size_t base_bytes,
                                  const void *target,
                                  size_t target_bytes,
                                  void *delta,
                                  size_t delta_bytes,
                                  size_t *made_bytes);

/* Makes of `piece`, which holds the base (cut, or filled up with zeros, to the length of the target), the target. `SARSEN_CORRUPT` if `delta` is not
 * one for a piece of this length; nothing was changed then. */
sarsen_status sarsen_sectors_apply(const void *delta, size_t delta_bytes, void *piece, size_t piece_bytes);

/* Begins a collection as a task: removes segments in which nothing is needed any more.
 *
 * `SARSEN_DAMAGED` at the end if nothing was removed because a page of a manifest cannot be read. It needs the repository for itself, as
 * `sarsen_check_begin`. `watch` may be NULL. `memory`: as in `sarsen_backup_begin`. */
sarsen_status sarsen_gc_begin(struct sarsen_task *task,
                              struct sarsen_repository *repository,
                              const struct sarsen_watch *watch,
                              void *memory,
                              size_t memory_bytes,
                              struct sarsen_fault *fault);

/* Begins a compaction as a task: moves what is needed out of segments that hold little of it, and removes those. Otherwise as `sarsen_gc_begin`. */
sarsen_status sarsen_compact_begin(struct sarsen_task *task,
                                   struct sarsen_repository *repository,
                                   const struct sarsen_watch *watch,
                                   void *memory,
                                   size_t memory_bytes,
                                   struct sarsen_fault *fault);

/* Collects, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL. */
sarsen_status sarsen_gc(struct sarsen_repository *repository,
                        const struct sarsen_watch *watch,
                        struct sarsen_work *work,
                        struct sarsen_report *report,
                        struct sarsen_fault *fault);

/* Compacts, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `watch` and `report` may be NULL. */
sarsen_status sarsen_compact(struct sarsen_repository *repository,
                             const struct sarsen_watch *watch,
                             struct sarsen_work *work,
                             struct sarsen_report *report,
                             struct sarsen_fault *fault);

/* Makes an empty repository of an empty medium, or of one on which an earlier format was cut off.
 *
 * `memory`: `SARSEN_NEED_REPOSITORY` bytes, used only during the call. NULL: as in `sarsen_repository_open`.
 * `SARSEN_ALREADY_A_REPOSITORY` if there is one; `SARSEN_BAD_PARAMETER` if the config is outside of what the format or the medium allows. */
sarsen_status sarsen_repository_format(const struct sarsen_medium *medium,
                                       const struct sarsen_host *host,
                                       const struct sarsen_config *config,
                                       void *memory,
                                       size_t memory_bytes,
                                       struct sarsen_fault *fault);

/* Opens a repository as of its newest commit, for reading, and for writing if the medium can be written.
 *
 * `*medium` and `*host` are copied; what their contexts point to must stay valid until the repository is closed. `*config` says how much memory there
 * is to be; what it says of choices made with the repository must be that, or larger. `memory`: `SARSEN_NEED_REPOSITORY` bytes, aligned to 8; more
 * makes the index larger. It is the library's until `sarsen_repository_close`. NULL: the hosted build takes it from the heap; the bare one
 * answers `SARSEN_MEMORY`, the fault's `detail` being what is needed.
 *
 * Nothing is written before something is changed. When memory is lost after that (a reset), nothing is lost but what was not committed. */
sarsen_status sarsen_repository_open(struct sarsen_repository *repository,
                                     const struct sarsen_medium *medium,
                                     const struct sarsen_host *host,
                                     const struct sarsen_config *config,
                                     void *memory,
                                     size_t memory_bytes,
                                     struct sarsen_fault *fault);

/* Ends the session, if one is under way, in good order: the medium could be taken away at any time without this, but what was committed last is
 * then found with more work.
 *
 * `SARSEN_BUSY`, and it stays open, while a version, draft or task is open on it, or a call uses it. Whatever else is answered, it is closed, and its
 * memory is the caller's again. */
sarsen_status sarsen_repository_close(struct sarsen_repository *repository, struct sarsen_fault *fault);

/* Says what a repository is like, as of the newest commit it knows. */
sarsen_status sarsen_repository_describe(struct sarsen_repository *repository,
                                         struct sarsen_description_of_repository *description,
                                         struct sarsen_fault *fault);

/* Looks whether another process has committed since, and goes on as of that: new versions are found, and old ones that were removed are not.
 * Versions that are open stay what they are. Answers `SARSEN_OK` either way. */
sarsen_status sarsen_repository_refresh(struct sarsen_repository *repository, struct sarsen_fault *fault);

/* Begins a restore as a task: `version`, as in `sarsen_version_describe`, onto a disk that is at least as large (`SARSEN_TARGET_TOO_SMALL`).
 *
 * Ranges that cannot be read become zeros and are told (`SARSEN_STEP_LOST`, and `SARSEN_DAMAGED` at the end); the rest is restored. `*target` is copied;
 * its context must stay valid until `sarsen_task_close`. `options` may be NULL. `memory`: as in `sarsen_backup_begin`. */
sarsen_status sarsen_restore_begin(struct sarsen_task *task,
                                   struct sarsen_repository *repository,
                                   const char *version,
                                   const struct sarsen_disk *target,
                                   const struct sarsen_restore_options *options,
                                   void *memory,
                                   size_t memory_bytes,
                                   struct sarsen_fault *fault);

/* Restores a version, on the calling thread. The task takes its memory from `work` (`SARSEN_NEED_WORK_AND_TASK`). `options` and `report` may be NULL. */
sarsen_status sarsen_restore(struct sarsen_repository *repository,
                             const char *version,
                             const struct sarsen_disk *target,
                             const struct sarsen_restore_options *options,
                             struct sarsen_work *work,
                             struct sarsen_report *report,
                             struct sarsen_fault *fault);

/* A few words on a status, in English, ended by a zero byte, for ever valid. Never NULL, whatever the number. */
const char *sarsen_status_text(int32_t status);

/* What a task wants next. For callers with an event loop or threads of their own: call this, perform jobs wherever you like, and hand their outcomes
 * to `sarsen_task_accept` in the order in which the jobs were handed out, until `step->kind` is `SARSEN_STEP_DONE`.
 *
 * `*job` is filled with a job if that is what `*step` says; until it was accepted it must be kept. Any number of jobs may be out.
 * An error but `SARSEN_PENDING` and `SARSEN_BUSY` ends the task, which is then only to be closed. */
sarsen_status sarsen_task_next(struct sarsen_task *task, struct sarsen_job *job, struct sarsen_step *step, struct sarsen_fault *fault);

/* Takes the outcome of a job, which lies in the work it was performed with. `*step` says what happened, if anything did; it may be NULL.
 *
 * `SARSEN_OUT_OF_ORDER` if an older job was not accepted yet (accept this one later), if this one was not performed, or if its outcome lies in another
 * work: nothing has changed then. `SARSEN_PENDING`, `SARSEN_BUSY`: accept it again later. Any other error ends the task. */
sarsen_status sarsen_task_accept(struct sarsen_task *task,
                                 struct sarsen_job *job,
                                 struct sarsen_work *work,
                                 struct sarsen_step *step,
                                 struct sarsen_fault *fault);

/* Runs a task to its end on the calling thread. Any number of threads may call this for the same task at the same time, each with a work of its own: they
 * share the jobs, and each returns when the task has ended, all with the same answer. Those are all the threads there are.
 *
 * Where the medium is not ready this waits (`pause` of the host). `SARSEN_DAMAGED`: done, but the report tells of damage. `report` may be NULL. */
sarsen_status sarsen_task_run(struct sarsen_task *task,
                              struct sarsen_work *work,
                              struct sarsen_report *report,
                              struct sarsen_fault *fault);

/* How far a task has come, in bytes of the disk or of the medium; a total of 0 is not known. Either pointer may be NULL. */
sarsen_status sarsen_task_progress(struct sarsen_task *task, uint64_t *done, uint64_t *total, struct sarsen_fault *fault);

/* What a task that is done has done. `SARSEN_OUT_OF_ORDER` before that. */
sarsen_status sarsen_task_report(struct sarsen_task *task, struct sarsen_report *report, struct sarsen_fault *fault);

/* Ends a task, done or not, and gives its memory back. A verb that is not done is cancelled by this: what it committed (a backup's checkpoints) stays.
 * `SARSEN_BUSY`, and it stays open, while a thread performs a job of it; jobs that are out must not be used any more. */
sarsen_status sarsen_task_close(struct sarsen_task *task);

/* Tells `each` of every version, and of every draft that has a checkpoint, oldest first. Needs no index.
 *
 * `*description` is valid only during the call of `each`, and the repository is in use meanwhile. `SARSEN_CANCELLED` if `each` ended it.
 * `SARSEN_PENDING`: call again, and those that were told are told again. */
sarsen_status sarsen_version_list(struct sarsen_repository *repository, sarsen_each_version each, void *context, struct sarsen_fault *fault);

/* Finds a version or draft and says what it says of itself. `version`: an id in hex or at least four digits of its beginning, `NAME` (its newest),
 * `NAME@SNAPSHOT`, or `latest`. `description` may be NULL. */
sarsen_status sarsen_version_describe(struct sarsen_repository *repository,
                                      const char *version,
                                      struct sarsen_description *description,
                                      struct sarsen_fault *fault);

/* Removes a version or draft from the list, for good; gc and compact give back what it alone needed. `SARSEN_PROTECTED` if it is: see
 * `sarsen_version_unprotect`.
 *
 * `SARSEN_BUSY` while tasks or drafts are open on the repository. One that is open for reading can be read until gc or compact has run. */
sarsen_status sarsen_version_remove(struct sarsen_repository *repository, const char *version, struct sarsen_fault *fault);

/* Opens a version for reading. `version` is as in `sarsen_version_describe`; `description` may be NULL.
 *
 * `memory`: `SARSEN_NEED_VERSION` bytes, the library's until `sarsen_version_close`. NULL: the hosted build takes it from the heap; the bare one
 * answers `SARSEN_MEMORY`. The repository cannot be closed before. */
sarsen_status sarsen_version_open(struct sarsen_version *handle,
                                  struct sarsen_repository *repository,
                                  const char *version,
                                  struct sarsen_description *description,
                                  void *memory,
                                  size_t memory_bytes,
                                  struct sarsen_fault *fault);

/* Bytes of the disk; 0 if the handle is not open. */
uint64_t sarsen_version_size(struct sarsen_version *version);

/* Fills `to` with `len_bytes` of the disk from `offset` on; only frames that are touched are read and decoded.
 *
 * Any number of threads may read one version at the same time, each with a work of its own. `SARSEN_BEYOND_END` if the range is not within the disk;
 * `SARSEN_CORRUPT` and the like if it cannot be read: what `to` holds then is not known, and the fault says which block, and where on the medium.
 * Without a `lock` in the host, `SARSEN_BUSY` if another thread looks something up at this moment: call again. */
sarsen_status sarsen_version_read_at(struct sarsen_version *version,
                                     uint64_t offset,
                                     void *to,
                                     size_t len_bytes,
                                     struct sarsen_work *work,
                                     struct sarsen_fault *fault);

/* The extent that begins at `offset`, into `*extent`: `SARSEN_ZERO` or `SARSEN_DATA`. It has at least one byte unless `offset` is the disk's end or
 * behind it, and the next one may be of the same state. Zeros are told frame by frame; no data is read for it. */
sarsen_status sarsen_version_extent(struct sarsen_version *version,
                                    uint64_t offset,
                                    struct sarsen_extent *extent,
                                    struct sarsen_work *work,
                                    struct sarsen_fault *fault);

/* Gives the memory back; the handle is closed. `SARSEN_BUSY`, and it stays open, while a call reads. */
sarsen_status sarsen_version_close(struct sarsen_version *version);

/* Makes a work for repositories like this one. It does not depend on the repository any further: any other with the same parameters may use it.
 *
 * `memory`: `SARSEN_NEED_WORK` bytes, or more: what is more is room for the task of a blocking verb (`SARSEN_NEED_WORK_AND_TASK`). It is the library's
 * until `sarsen_work_close`. NULL: the hosted build takes it from the heap; the bare one answers `SARSEN_MEMORY`. */
sarsen_status sarsen_work_open(struct sarsen_work *work,
                               struct sarsen_repository *repository,
                               void *memory,
                               size_t memory_bytes,
                               struct sarsen_fault *fault);

/* Gives the memory back; the handle is closed. `SARSEN_BUSY` while a call uses it. The outcome of a job that lies in it is lost. */
sarsen_status sarsen_work_close(struct sarsen_work *work);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SARSEN_H */
