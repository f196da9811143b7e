/* Lends a byte less than it says. Whoever has instrumented Rust sees Rust read it; others do not, as nothing of it is done here. */
#include "ram.h"

int main(void)
{
    enum { LENT = 100 };
    uint8_t *frame = calloc(1, LENT), digest[32];
    MUST(sarsen_frame_digest(1, frame, LENT + 1, digest));
    free(frame);
    return 0;
}
