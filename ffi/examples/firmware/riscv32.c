/* A 32-bit RISC-V: QEMU's virt, without firmware of its own. */
#include "board.h"

void start(void);
void stopped(void);

static volatile uint8_t *const uart = (volatile uint8_t *)0x10000000;
static volatile uint32_t *const test_device = (volatile uint32_t *)0x100000;

enum { DATA = 0, LINE_STATE = 5, READY = 0x20 };

/* What lies below the RAM is closed, for this mode too, so that a stack that overflows faults instead of running over something else: 64 KiB, read by
 * nobody, locked. All else stays open to machine mode. */
__attribute__((naked, used, section(".vectors"))) void reset(void)
{
    __asm__ volatile("la sp, stack_end\n"
                     "la t0, trapped\n"
                     "csrw mtvec, t0\n"
                     "la t0, ram_begin - 0x10000\n"
                     "srli t0, t0, 2\n"
                     "li t1, 0x1FFF\n"
                     "or t0, t0, t1\n"
                     "csrw pmpaddr0, t0\n"
                     "li t0, 0x98\n"
                     "csrw pmpcfg0, t0\n"
                     "j start\n"
                     ".balign 4\n"
                     "trapped:\n"
                     "la sp, stack_end\n"
                     "j stopped\n");
}

void serial_begin(void) {}

void serial_send(const uint8_t *bytes, size_t len_bytes)
{
    while (len_bytes--) {
        while (!(uart[LINE_STATE] & READY))
            ;
        uart[DATA] = *bytes++;
    }
}

void power_cycle(void)
{
    *test_device = 0x7777;
    for (;;)
        ;
}

/* The three instructions are one sign, and must not be compressed. */
uintptr_t semihost(uint32_t operation, const void *argument)
{
    register uintptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".balign 16\n"
                     ".option push\n"
                     ".option norvc\n"
                     "slli x0, x0, 0x1f\n"
                     "ebreak\n"
                     "srai x0, x0, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}
