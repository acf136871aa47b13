/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/swap.h"

#include <string.h>

static const char *const names[] = {"ok",  "stale", "session", "not_staged",
                                    "tag", "full",  "settling"};

const char *swap_code_name(swap_code_t code)
{
    return (unsigned)code < sizeof names / sizeof names[0] ? names[code] : "stale";
}

swap_code_t swap_code_find(const char *name)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return (swap_code_t)i;
        }
    }
    return SWAP_STALE;
}

const digest_t *swap_list_find(const swap_list_t *list, uint16_t tag)
{
    for (int i = 0; i < list->count; i++) {
        if (list->pair[i].tag == tag) {
            return &list->pair[i].id;
        }
    }
    return NULL;
}

uint16_t swap_list_tag(const swap_list_t *list, const digest_t *id)
{
    for (int i = 0; i < list->count; i++) {
        if (digest_equal(&list->pair[i].id, id)) {
            return list->pair[i].tag;
        }
    }
    return 0;
}
