/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds arbitrary bytes to the readers of abbreviated streams.  The first byte chooses the
 * format, the second the picture's size; the rest is what the channel delivered.
 */
#include "stills/still.h"

#include <stdlib.h>
#include <string.h>

enum { BUDGET = 2048, SIDE = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static still_t *stills[STILL_KINDS][2]; /* made once: creating costs more than reading */
    if (size < 3 || size > BUDGET + 2) {
        return 0;
    }
    int kind = data[0] % STILL_KINDS, large = data[1] & 1;
    int side = large ? SIDE : 9;
    if (stills[kind][large] == NULL) {
        stills[kind][large] = still_create((still_kind_t)kind, side, side, BUDGET, NULL);
    }
    uint8_t bytes[BUDGET] = {0}, rgb[3 * SIDE * SIDE];
    memcpy(bytes, data + 2, size - 2);
    if (still_decode(stills[kind][large], bytes, rgb)) {
        static volatile unsigned seen; /* or nothing would need to be read */
        unsigned sum = 0;
        for (int i = 0; i < 3 * side * side; i++) {
            sum += rgb[i];
        }
        seen = sum;
        (void)seen;
    }
    return 0;
}
