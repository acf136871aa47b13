/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header bytes and header soft bits from anywhere: refused, or within header_check's ranges. */
#include "waveform/header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const frame_header_t *h)
{
    if (ok && header_check(h, NULL) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    frame_header_t h;
    uint8_t bytes[HEADER_BYTES] = {0};
    static float soft[HEADER_SOFT_BITS], points[2 * HEADER_SYMBOLS];
    memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
    check(header_unpack(bytes, &h), &h);

    /* The same bytes as floats of any pattern, repeated to fill the header. */
    if (size >= sizeof(float)) {
        size_t count = size / sizeof(float);
        for (size_t i = 0; i < HEADER_SOFT_BITS; i++) {
            memcpy(&soft[i], data + i % count * sizeof(float), sizeof(float));
        }
        check(header_decode(soft, &h), &h);
    }

    /* A right CRC over fields of any value must come through or be refused by range. */
    frame_header_t any = {0};
    memcpy(&any, data, size < sizeof(any) ? size : sizeof(any));
    if (header_check(&any, NULL) == 0) {
        header_encode(&any, (float complex *)points);
        if (!header_decode(points, &h) || h.image_id != any.image_id || h.symbols != any.symbols) {
            abort();
        }
    }
    return 0;
}
