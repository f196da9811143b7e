/* Two Rust libraries in one program: ours, which brings no standard library, and another (other.rs), which does. */
#include "sarsen.h"
#include <string.h>

uint64_t other_sum(uint32_t end);
void sarsen_panicked(void);
void sarsen_panicked(void)
{
    for (;;)
        ;
}

int main(void)
{
    uint8_t frame[100] = {1}, digest[32] = {0}, zeros[32] = {0};
    if (sarsen_frame_digest(1, frame, sizeof frame, digest) != SARSEN_OK || !memcmp(digest, zeros, sizeof digest))
        return 1;
    return other_sum(10) == 45 ? 0 : 2;
}
