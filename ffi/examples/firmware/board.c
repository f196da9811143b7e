/* What all boards have in common: from reset to main, a painted stack, and what semihosting does. */
#include "board.h"
#include <string.h>

extern uint32_t ram_begin[], ram_end[], stack_begin[], stack_end[], data_begin[], data_end[], data_image[], bss_begin[], bss_end[], code_begin[], code_end[];

enum { PAINT = 0x5AFE57AC };

void start(void);
void stopped(void);

/* The processor stops where it should not: most likely because the stack has left the RAM. */
void stopped(void)
{
    print("FAULT: the processor stopped (stack overflow?)\n");
    leave(1);
}

/* Where the processor's own reset code goes on, on an empty stack. Nothing in RAM outlives a reset, whatever the chip that plays RAM here does. */
void start(void)
{
    uint32_t *here = __builtin_frame_address(0), noise = 0x2545F491;
    for (volatile uint32_t *at = ram_begin; at < ram_end; at++) {
        noise = noise * 1664525u + 1013904223u;
        if (at < here - 64 || at >= stack_end)
            *at = noise;
    }
    for (uint32_t *from = data_image, *to = data_begin; to < data_end;)
        *to++ = *from++;
    for (volatile uint32_t *to = bss_begin; to < bss_end;)
        *to++ = 0;
    paint_stack();
    leave(main());
}

/* Only what lies well below this very frame may be painted. */
__attribute__((noinline)) void paint_stack(void)
{
    uint32_t *here = __builtin_frame_address(0);
    for (volatile uint32_t *at = stack_begin; at < here - 32; at++)
        *at = PAINT;
}

size_t stack_used(void)
{
    const volatile uint32_t *at = stack_begin;
    while (at < stack_end && *at == PAINT)
        at++;
    return (size_t)((uintptr_t)stack_end - (uintptr_t)at);
}

size_t static_size(void) { return (size_t)((uintptr_t)bss_end - (uintptr_t)data_begin); }
size_t ram_size(void) { return (size_t)((uintptr_t)ram_end - (uintptr_t)ram_begin); }
size_t code_size(void) { return (size_t)((uintptr_t)code_end - (uintptr_t)code_begin); }

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_EXIT_EXTENDED = 0x20 };

void print(const char *text) { semihost(SYS_WRITE0, text); }

void print_number(uint64_t value)
{
    char digits[21];
    char *at = digits + sizeof digits - 1;
    *at = 0;
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    print(at);
}

void save(const char *file, const uint8_t *bytes, size_t len_bytes)
{
    const uintptr_t opened[3] = {(uintptr_t)file, 5 /* "wb" */, strlen(file)};
    uintptr_t handle = semihost(SYS_OPEN, opened);
    const uintptr_t written[3] = {handle, (uintptr_t)bytes, len_bytes};
    if (handle == UINTPTR_MAX || semihost(SYS_WRITE, written) != 0) {
        print("FAILED: a file of the host could not be written\n");
        leave(1);
    }
    semihost(SYS_CLOSE, &handle);
}

void leave(int code)
{
    const uintptr_t reason[2] = {0x20026 /* ADP_Stopped_ApplicationExit */, (uintptr_t)code};
    semihost(SYS_EXIT_EXTENDED, reason);
    for (;;)
        ;
}
