/* From reset to main: memory as C expects it, and a painted stack, so that its deepest point can be read off afterwards. */
#include "board.h"

extern uint32_t stack_begin[], stack_end[], data_begin[], data_end[], data_image[], bss_begin[], bss_end[], code_end[];

enum { PAINT = 0x5AFE57AC };

int main(void);
void reset(void);

static void fault(void)
{
    print("FAULT: the processor stopped (stack overflow?)\n");
    leave(1);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_end, (void *)reset,                         /* initial stack pointer; reset */
    (void *)fault, (void *)fault, (void *)fault,      /* NMI, hard fault, memory fault */
    (void *)fault, (void *)fault,                     /* bus fault, usage fault */
};

void reset(void)
{
    for (uint32_t *from = data_image, *to = data_begin; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;)
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

size_t stack_size(void) { return (size_t)((uintptr_t)stack_end - (uintptr_t)stack_begin); }
size_t static_size(void) { return (size_t)((uintptr_t)bss_end - (uintptr_t)data_begin); }
size_t code_size(void) { return (size_t)(uintptr_t)code_end; }

/* Semihosting: QEMU plays the debugger. */
static int semihost(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void print(const char *text) { semihost(0x04 /* SYS_WRITE0 */, text); }

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

void leave(int code)
{
    const uint32_t reason[2] = {0x20026 /* ADP_Stopped_ApplicationExit */, (uint32_t)code};
    semihost(0x20 /* SYS_EXIT_EXTENDED */, reason);
    for (;;)
        ;
}
