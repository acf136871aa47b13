/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds arbitrary bytes to the reader of channel state.  What it accepts must be
 * readable to the last value.
 */
#include "air/csi_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err_t err = ERR_INIT;
    csi_file_t *file = csi_file_parse(data, size, "input", &err);
    if (file == NULL) {
        if (err.code == ERR_NONE) {
            abort(); /* refused without saying why */
        }
        return 0;
    }
    static volatile double seen; /* or nothing would need to be read */
    double sum = 0.0;
    for (size_t i = 0; i < csi_file_count(file); i++) {
        const csi_packet_t *packet = csi_file_at(file, i);
        sum += csi_packet_power(packet);
        for (int rx = -1; rx <= 3; rx++) {
            for (int tx = -1; tx <= 3; tx++) {
                float complex h[CSI_FILE_CARRIERS];
                if (csi_packet_read(packet, rx, tx, h)) {
                    sum += (double)crealf(h[CSI_FILE_CARRIERS - 1]);
                }
            }
        }
    }
    seen = sum;
    (void)seen;
    csi_file_close(file);
    return 0;
}
