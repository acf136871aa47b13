/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "align/align.h"

#include <stdio.h>

align_exit_t align_keys(align_t *align)
{
    const char *path = align_argument(align, 0);
    key_pair_t pair;
    err_t err = ERR_INIT;
    if (path == NULL || align_argument(align, 1) != NULL) {
        return align_misused("keys NAME: one name for the pair of files");
    }
    if (keys_make(path, &pair, &err) != 0) {
        return align_error(&err, true);
    }
    if (align->json) {
        json_t *object = json_pack("{s:s, s:s}", "public", pair.open, "file", path);
        align_print_json(object);
        json_decref(object);
    } else {
        printf("%s: keep it secret\n%s.pub: %s (a line for the other end's control.allow)\n", path,
               path, pair.open);
    }
    keys_wipe(&pair);
    return ALIGN_OK;
}
