/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a recording's metadata: an error with a reason, or segments and annotations in
 * order. */
#include "radio/sigmf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err_t err = ERR_INIT;
    sigmf_t *sigmf = sigmf_parse((const char *)data, size, "input", &err);
    if (sigmf == NULL) {
        if (err.code == ERR_NONE) {
            abort();
        }
        return 0;
    }
    if (sigmf->segment_count < 1 || sigmf->segments[0].start != 0 || !(sigmf->rate_hz > 0)) {
        abort();
    }
    for (size_t i = 1; i < sigmf->segment_count; i++) {
        const sigmf_segment_t *s = &sigmf->segments[i];
        if (s->start <= s[-1].start || s->timestamp - s[-1].timestamp < s->start - s[-1].start) {
            abort();
        }
    }
    if (sigmf_check_data(sigmf, 1000, "input", NULL) == 0) {
        for (size_t i = 0; i < sigmf->annotation_count; i++) {
            if (sigmf->annotations[i].start + sigmf->annotations[i].count > 1000) {
                abort();
            }
        }
    }
    sigmf_free(sigmf);
    return 0;
}
