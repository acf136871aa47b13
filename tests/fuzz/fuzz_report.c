/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a report's line: an error, or a report that writes and reads back the same. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    memcpy(line, data, size);
    line[size] = 0;
    frame_report_t report, again;
    if (report_from_json(line, &report, NULL) == 0) {
        char first[REPORT_JSON_SIZE], second[REPORT_JSON_SIZE];
        if (report_to_json(&report, first, sizeof first) < 0 ||
            report_from_json(first, &again, NULL) != 0 ||
            report_to_json(&again, second, sizeof second) < 0 || strcmp(first, second) != 0) {
            abort();
        }
    }
    free(line);
    return 0;
}
