/* What the board gives: a console, an end, and the sizes of things. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Marks an array that plays a piece of hardware, outside the program's RAM. */
#define HARDWARE __attribute__((section(".hardware")))

void print(const char *text);
void print_number(uint64_t value);
void leave(int code) __attribute__((noreturn));

void paint_stack(void);
size_t stack_used(void); /* the deepest it ever was since it was painted */
size_t stack_size(void);
size_t static_size(void); /* .data and .bss */
size_t code_size(void);   /* .text and .rodata */

/* The compiler may ask for these at any time; they come with the library. */
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif
