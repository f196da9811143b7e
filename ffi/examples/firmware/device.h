/* The device: a chip with a repository, the memory that is lent to the engine, and its verbs. A verb opens what it needs and closes it again, so nothing
 * of the engine's is in RAM between two of them. */
#ifndef DEVICE_H
#define DEVICE_H

#include "chip.h"
#include "sarsen.h"

/* The memory of everything: after it, a verb may begin. Power has come, for the first time or again. */
void device_power_on(void);

extern struct chip chip;          /* hardware */
extern struct sarsen_fault fault; /* of the verb that was called last */

sarsen_status device_format(void);
sarsen_status device_backup(const char *snapshot);
sarsen_status device_check(void);
sarsen_status device_scrub(const struct sarsen_watch *watch, struct sarsen_report *report);
sarsen_status device_restore(const char *snapshot);
sarsen_status device_remove(const char *snapshot);
sarsen_status device_gc(void);
sarsen_status device_compact(void);
sarsen_status device_export(const char *older, const char *newer, const struct sarsen_drain *drain);
sarsen_status device_list(int32_t (*see)(void *context, const struct sarsen_description *description), void *context);
sarsen_status device_wear(struct sarsen_wear *wear);

/* Ends the program if a verb has failed, saying where. */
void must(sarsen_status status, const char *what);
void fail(const char *what, uint64_t number) __attribute__((noreturn));
void line(const char *what, uint64_t number);

/* What was lent, and what the deepest stack was. */
void device_print_memory(void);

#endif
