/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a message of the control plane: refused, or read whole and written back the same. */
#include "control/envelope.h"
#include "control/ladder.h"
#include "control/swap_wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(const uint8_t *data, size_t size)
{
    request_t request, again;
    if (request_read(data, size, &request, NULL) == 0) {
        char *text = request_text(&request, NULL);
        if (text != NULL) {
            if (request_read(text, strlen(text), &again, NULL) != 0 || again.id != request.id ||
                strcmp(again.command, request.command) != 0 ||
                strcmp(again.session, request.session) != 0 ||
                strcmp(again.target, request.target) != 0 || !json_equal(again.args, request.args)) {
                abort();
            }
            request_free(&again);
        }
        for (int kind = SWAP_ASK; kind <= SWAP_BASE; kind++) {
            swap_action_t action;
            if (swap_wire_read_args((swap_kind_t)kind, request.args, &action, NULL) == 0) {
                json_decref(swap_wire_args(&action));
            }
        }
        free(text);
    }
    request_free(&request);
}

static void try_answer(const uint8_t *data, size_t size)
{
    answer_t answer;
    if (answer_read(data, size, &answer, NULL) == 0) {
        for (int kind = SWAP_ASK; kind <= SWAP_BASE; kind++) {
            swap_answer_t swap;
            if (answer.ok &&
                swap_wire_read_result((swap_kind_t)kind, answer.result, &swap, NULL) == 0) {
                json_decref(swap_wire_result((swap_kind_t)kind, &swap));
            }
        }
        free(answer_text(&answer, NULL));
    }
    answer_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    report_t report;
    ladder_t ladder = {0};
    try_request(data, size);
    try_answer(data, size);
    if (report_read(data, size, &report, NULL) == 0) {
        report_free(&report);
    }
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    (void)ladder_parse(&ladder, text, NULL);
    free(text);
    return 0;
}
