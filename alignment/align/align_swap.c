/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words about swaps: stage, arm, revert. */
#include "align/align.h"
#include "align/align_store.h"

static align_exit_t send_hash(align_t *align, const char *command)
{
    const char *word = align_argument(align, 0);
    char hash[DIGEST_TEXT];
    control_result_t got;
    if (word == NULL) {
        return align_misused("%s HASH|NAME: which adapter?", command);
    }
    align_exit_t code = align_resolve(align, word, hash);
    if (code == ALIGN_OK) {
        code = align_ask(align, command, json_pack("{s:s}", "hash", hash), &got);
    }
    if (code == ALIGN_OK) {
        if (align->json) {
            align_print_json(got.result);
        } else {
            align_print_fields(got.result, "");
        }
        control_result_free(&got);
    }
    return code;
}

align_exit_t align_stage(align_t *align)
{
    return send_hash(align, "stage");
}

align_exit_t align_arm(align_t *align)
{
    return send_hash(align, "arm");
}

align_exit_t align_revert(align_t *align)
{
    control_result_t got;
    const align_exit_t code = align_ask(align, "revert", NULL, &got);
    if (code == ALIGN_OK) {
        if (align->json) {
            align_print_json(got.result);
        } else {
            align_print_fields(got.result, "");
        }
        control_result_free(&got);
    }
    return code;
}
