/* What newer compilers, Rust's among them, call where memory is copied and filled, for a ThreadSanitizer that does not have it yet: GCC's before 14.
 * Its memcpy, memmove and memset look at the bytes. */
#include <string.h>

void *__tsan_memcpy(void *to, const void *from, size_t len_bytes) __attribute__((weak));
void *__tsan_memmove(void *to, const void *from, size_t len_bytes) __attribute__((weak));
void *__tsan_memset(void *to, int byte, size_t len_bytes) __attribute__((weak));

void *__tsan_memcpy(void *to, const void *from, size_t len_bytes) { return memcpy(to, from, len_bytes); }
void *__tsan_memmove(void *to, const void *from, size_t len_bytes) { return memmove(to, from, len_bytes); }
void *__tsan_memset(void *to, int byte, size_t len_bytes) { return memset(to, byte, len_bytes); }
