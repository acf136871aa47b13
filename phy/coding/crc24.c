/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Long division over GF(2), eight bits at a time would need a table; this is fast enough. */
#include "coding/crc24.h"

uint32_t crc24(const uint8_t *bytes, size_t count)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < count; i++) {
        crc ^= (uint32_t)bytes[i] << 16;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ ((crc & 0x800000) != 0 ? 0x1864cfbu : 0u);
        }
    }
    return crc;
}
