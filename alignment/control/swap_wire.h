/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * swap_wire: the messages of swap.h as JSON.  Commands of the ends:
 *
 *     swap.state   {"beat":{"session":S,"age_ms":A}} or {}   tx, rx
 *     swap.stage   {"hash":H}                                tx, rx
 *     swap.prepare {"session","order","hash","held":[…]}     tx
 *     swap.arm     {"session","order","hash","tag","live":[…]}              rx
 *     swap.go      {"session","order","hash","tag","rx_session","age_ms"}   tx
 *     swap.base    {"session","order"}                       tx
 *
 * Answers are {"code":"ok"|"stale"|…} with "state" or "tag" and "live".  A list is
 * [{"tag":7,"hash":"…"},…].
 */
#ifndef CONTROL_SWAP_WIRE_H
#define CONTROL_SWAP_WIRE_H

#include "control/swap_hub.h"

#include <jansson.h>

/* An action's command and arguments (a new object). */
const char *swap_wire_command(swap_kind_t kind);
json_t *swap_wire_args(const swap_action_t *action);

/* And back, at the end that carries it out.  ERR_ARGUMENT names the field. */
int swap_wire_read_args(swap_kind_t kind, const json_t *args, swap_action_t *action, err_t *err);

/* An answer's result, and back.  `kind` says which fields it has. */
json_t *swap_wire_result(swap_kind_t kind, const swap_answer_t *answer);
int swap_wire_read_result(swap_kind_t kind, const json_t *result, swap_answer_t *answer,
                          err_t *err);

json_t *swap_wire_state(const swap_state_t *state);

#endif
