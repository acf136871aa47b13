/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a message with GNU Radio's tag header: refused, or a length within the message. */
#include "radio/radio_zmq_tags.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t offset;
    uint8_t *with_head = malloc(size + 3);
    with_head[0] = 0xF0;
    with_head[1] = 0x5F;
    with_head[2] = 1;
    if (size > 0) {
        memcpy(with_head + 3, data, size);
    }
    const size_t length = radio_zmq_tags_read(with_head, size + 3, &offset);
    if (length > size + 3 || (length > 0 && length < RADIO_ZMQ_TAGS_BYTES)) {
        abort();
    }
    free(with_head);
    return 0;
}
