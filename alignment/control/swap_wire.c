/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/swap_wire.h"

#include "control/field.h"

#include <string.h>

const char *swap_wire_command(swap_kind_t kind)
{
    static const char *const names[] = {"swap.state", "swap.stage", "swap.prepare",
                                        "swap.arm",   "swap.go",    "swap.base"};
    return names[kind];
}

/* ---- writing ---- */

static json_t *hash_json(const digest_t *id)
{
    char text[DIGEST_TEXT];
    return json_string(digest_text(id, text));
}

static json_t *list_json(const swap_list_t *list)
{
    json_t *array = json_array();
    for (int i = 0; i < list->count; i++) {
        json_array_append_new(array, json_pack("{s:i, s:o}", "tag", (int)list->pair[i].tag, "hash",
                                               hash_json(&list->pair[i].id)));
    }
    return array;
}

json_t *swap_wire_args(const swap_action_t *a)
{
    switch (a->kind) {
    case SWAP_ASK:
        return a->beat_session == 0
                   ? json_object()
                   : json_pack("{s:{s:I, s:f}}", "beat", "session", (json_int_t)a->beat_session,
                               "age_ms", (double)a->beat_age_ns * 1e-6);
    case SWAP_STAGE:
        return json_pack("{s:o}", "hash", hash_json(&a->id));
    case SWAP_PREPARE:
        return json_pack("{s:I, s:I, s:o, s:o}", "session", (json_int_t)a->prepare.session, "order",
                         (json_int_t)a->prepare.order, "hash", hash_json(&a->prepare.id), "held",
                         list_json(&a->prepare.rx_held));
    case SWAP_ARM:
        return json_pack("{s:I, s:I, s:o, s:i, s:o}", "session", (json_int_t)a->arm.session,
                         "order", (json_int_t)a->arm.order, "hash", hash_json(&a->arm.id), "tag",
                         (int)a->arm.tag, "live", list_json(&a->arm.live));
    case SWAP_GO:
        return json_pack("{s:I, s:I, s:o, s:i, s:I, s:f}", "session", (json_int_t)a->go.session,
                         "order", (json_int_t)a->go.order, "hash", hash_json(&a->go.id), "tag",
                         (int)a->go.tag, "rx_session", (json_int_t)a->go.rx_session, "age_ms",
                         (double)a->go.age_ns * 1e-6);
    case SWAP_BASE:
        break;
    }
    return json_pack("{s:I, s:I}", "session", (json_int_t)a->session, "order",
                     (json_int_t)a->order);
}

json_t *swap_wire_state(const swap_state_t *s)
{
    json_t *object = json_pack("{s:I, s:I, s:o, s:i, s:I}", "session", (json_int_t)s->session,
                               "order", (json_int_t)s->order, "held", list_json(&s->held), "tag",
                               (int)s->tag, "rx_session", (json_int_t)s->rx_session);
    if (s->tag != 0) {
        json_object_set_new(object, "hash", hash_json(&s->id));
    }
    return object;
}

json_t *swap_wire_result(swap_kind_t kind, const swap_answer_t *answer)
{
    json_t *object = json_pack("{s:s}", "code", swap_code_name(answer->code));
    if (kind == SWAP_ASK) {
        json_object_set_new(object, "state", swap_wire_state(&answer->state));
    } else if (kind == SWAP_PREPARE && answer->code == SWAP_OK) {
        json_object_set_new(object, "tag", json_integer(answer->prepared.tag));
        json_object_set_new(object, "live", list_json(&answer->prepared.live));
    }
    return object;
}

/* ---- reading ---- */

static int read_u64(const json_t *object, const char *key, uint64_t *value, err_t *err)
{
    int64_t number = 0;
    const int code = field_int(object, key, 0, INT64_MAX, &number, err);
    *value = (uint64_t)number;
    return code;
}

static int read_tag(const json_t *object, uint16_t *tag, err_t *err)
{
    int64_t number = 0;
    const int code = field_int(object, "tag", 0, 65535, &number, err);
    *tag = (uint16_t)number;
    return code;
}

static int read_hash(const json_t *object, digest_t *id, err_t *err)
{
    char text[DIGEST_TEXT];
    return field_text(object, "hash", text, sizeof text, err) == 0 ? digest_parse(text, id, err)
                                                                   : -1;
}

static int read_ns(const json_t *object, const char *key, uint64_t *ns, err_t *err)
{
    double ms = 0;
    const int code = field_real(object, key, 0, 1e9, &ms, err);
    *ns = (uint64_t)(ms * 1e6);
    return code;
}

static int read_list(const json_t *object, const char *key, swap_list_t *list, err_t *err)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array) || json_array_size(array) > SWAP_HELD) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" is a list of at most %d tags", key, SWAP_HELD);
    }
    list->count = 0;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *pair = json_array_get(array, i);
        if (read_tag(pair, &list->pair[i].tag, err) != 0 ||
            read_hash(pair, &list->pair[i].id, err) != 0) {
            return -1;
        }
        list->count++;
    }
    return 0;
}

static int read_ask(const json_t *args, swap_action_t *a, err_t *err)
{
    const json_t *beat = json_object_get(args, "beat");
    if (field_only(args, "beat", err) != 0) {
        return -1;
    }
    return beat == NULL || (read_u64(beat, "session", &a->beat_session, err) == 0 &&
                            read_ns(beat, "age_ms", &a->beat_age_ns, err) == 0)
               ? 0
               : -1;
}

static int read_go(const json_t *args, swap_go_t *go, err_t *err)
{
    return field_only(args, "session order hash tag rx_session age_ms", err) == 0 &&
                   read_u64(args, "session", &go->session, err) == 0 &&
                   read_u64(args, "order", &go->order, err) == 0 &&
                   read_hash(args, &go->id, err) == 0 && read_tag(args, &go->tag, err) == 0 &&
                   read_u64(args, "rx_session", &go->rx_session, err) == 0 &&
                   read_ns(args, "age_ms", &go->age_ns, err) == 0
               ? 0
               : -1;
}

int swap_wire_read_args(swap_kind_t kind, const json_t *args, swap_action_t *a, err_t *err)
{
    bool good = false;
    memset(a, 0, sizeof *a);
    a->kind = kind;
    switch (kind) {
    case SWAP_ASK:
        return read_ask(args, a, err);
    case SWAP_STAGE:
        good = field_only(args, "hash", err) == 0 && read_hash(args, &a->id, err) == 0;
        break;
    case SWAP_PREPARE:
        good = field_only(args, "session order hash held", err) == 0 &&
               read_u64(args, "session", &a->prepare.session, err) == 0 &&
               read_u64(args, "order", &a->prepare.order, err) == 0 &&
               read_hash(args, &a->prepare.id, err) == 0 &&
               read_list(args, "held", &a->prepare.rx_held, err) == 0;
        break;
    case SWAP_ARM:
        good = field_only(args, "session order hash tag live", err) == 0 &&
               read_u64(args, "session", &a->arm.session, err) == 0 &&
               read_u64(args, "order", &a->arm.order, err) == 0 &&
               read_hash(args, &a->arm.id, err) == 0 && read_tag(args, &a->arm.tag, err) == 0 &&
               read_list(args, "live", &a->arm.live, err) == 0;
        break;
    case SWAP_GO:
        return read_go(args, &a->go, err);
    case SWAP_BASE:
        good = field_only(args, "session order", err) == 0 &&
               read_u64(args, "session", &a->session, err) == 0 &&
               read_u64(args, "order", &a->order, err) == 0;
        break;
    }
    return good ? 0 : -1;
}

static int read_state(const json_t *object, swap_state_t *s, err_t *err)
{
    if (read_u64(object, "session", &s->session, err) != 0 ||
        read_u64(object, "order", &s->order, err) != 0 ||
        read_list(object, "held", &s->held, err) != 0 || read_tag(object, &s->tag, err) != 0 ||
        read_u64(object, "rx_session", &s->rx_session, err) != 0) {
        return -1;
    }
    return s->tag == 0 ? 0 : read_hash(object, &s->id, err);
}

int swap_wire_read_result(swap_kind_t kind, const json_t *result, swap_answer_t *answer, err_t *err)
{
    char name[32] = "";
    memset(answer, 0, sizeof *answer);
    if (field_text(result, "code", name, sizeof name, err) != 0) {
        return -1;
    }
    answer->code = swap_code_find(name);
    if (kind == SWAP_ASK) {
        return read_state(json_object_get(result, "state"), &answer->state, err);
    }
    if (kind == SWAP_PREPARE && answer->code == SWAP_OK) {
        return read_tag(result, &answer->prepared.tag, err) == 0 &&
                       read_list(result, "live", &answer->prepared.live, err) == 0
                   ? 0
                   : -1;
    }
    return 0;
}
