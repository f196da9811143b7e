/* What a board gives, whatever its processor: a console, a serial line, an end, a reset, and the sizes of things. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Marks an array that plays a piece of hardware, outside the program's RAM. It keeps its contents when the board is reset, and begins with zeros. */
#define HARDWARE __attribute__((section(".bss.hardware"), aligned(8)))

/* A console, by semihosting: QEMU plays the debugger. */
void print(const char *text);
void print_number(uint64_t value);
void save(const char *file, const uint8_t *bytes, size_t len_bytes); /* on the machine of the debugger */
void leave(int code) __attribute__((noreturn));

/* The serial line. */
void serial_begin(void);
void serial_send(const uint8_t *bytes, size_t len_bytes);

/* Resets processor and peripherals. What RAM held is lost: it is filled with noise before anything runs. */
void power_cycle(void) __attribute__((noreturn));

void paint_stack(void);
size_t stack_used(void); /* the deepest it ever was since it was painted */
size_t static_size(void); /* .data and .bss */
size_t ram_size(void);    /* all there is */
size_t code_size(void);   /* .text and .rodata */

/* Given by the file of each processor, to board.c and to the program. */
uintptr_t semihost(uint32_t operation, const void *argument);
int main(void);

#endif
