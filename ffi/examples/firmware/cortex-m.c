/* A Cortex-M4: QEMU's mps2-an386. */
#include "board.h"

extern uint32_t stack_end[];
void start(void);
void stopped(void);

static volatile uint32_t *const uart = (volatile uint32_t *)0x40004000;
static volatile uint32_t *const aircr = (volatile uint32_t *)0xE000ED0C;

enum { DATA = 0, STATE = 1, CTRL = 2, BAUDDIV = 4 };

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_end, (void *)start,                               /* initial stack pointer; reset */
    (void *)stopped, (void *)stopped, (void *)stopped,      /* NMI, hard fault, memory fault */
    (void *)stopped, (void *)stopped,                       /* bus fault, usage fault */
};

void serial_begin(void)
{
    uart[BAUDDIV] = 16;
    uart[CTRL] = 1; /* transmit */
}

void serial_send(const uint8_t *bytes, size_t len_bytes)
{
    while (len_bytes--) {
        while (uart[STATE] & 1)
            ; /* full */
        uart[DATA] = *bytes++;
    }
}

void power_cycle(void)
{
    *aircr = 0x05FA0004; /* system reset request */
    for (;;)
        ;
}

uintptr_t semihost(uint32_t operation, const void *argument)
{
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
