/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/upgrade_client.h"

#include "control/transfer_client.h"
#include "control/upgrade.h"

#include <stdlib.h>

/* What the other end holds, or UPGRADE_WHOLE where it can't say. */
static int look(control_client_t *client, const char *target, const upgrade_plan_t *plan,
                double deadline_s)
{
    control_result_t got;
    json_t *question = upgrade_question(plan);
    const int code =
        control_client_ask(client, "holds", target, question, NULL, 0, deadline_s, &got, NULL);
    const int which = code == 0 ? upgrade_answer(plan, got.result) : UPGRADE_WHOLE;
    json_decref(question);
    control_result_free(&got);
    return which;
}

static int send_difference(control_client_t *client, const char *target, const adapter_t *adapter,
                           const upgrade_plan_t *plan, int which, const char *name,
                           double deadline_s, upgrade_sent_t *sent, err_t *err)
{
    uint8_t *bytes;
    size_t size;
    control_result_t got;
    if (upgrade_difference(plan, which, adapter, NULL, &bytes, &size, err) != 0) {
        return -1;
    }
    const digest_t id = digest_of(bytes, size);
    int code = transfer_send(client, target, bytes, size, "", deadline_s, &sent->resumed, err);
    free(bytes);
    if (code != 0) {
        return -1;
    }
    json_t *order = upgrade_order(plan, which, &id, name);
    code = control_client_ask(client, "upgrade", target, order, NULL, 0, deadline_s, &got, err);
    json_decref(order);
    control_result_free(&got);
    sent->as = "difference";
    sent->difference = size;
    sent->sent = size - sent->resumed;
    return code;
}

int upgrade_send(control_client_t *client, const char *target, const adapter_t *adapter,
                 const char *name, double deadline_s, upgrade_sent_t *sent, err_t *err)
{
    upgrade_plan_t plan;
    const uint8_t *bytes = adapter_bytes(adapter, &sent->size);
    upgrade_plan(&plan, adapter, NULL);
    const int which = plan.count > 0 ? look(client, target, &plan, deadline_s) : UPGRADE_WHOLE;
    if (which >= 0 &&
        send_difference(client, target, adapter, &plan, which, name, deadline_s, sent, NULL) == 0) {
        return 0;
    }
    /* Also when it is there: put gives it the name, and says what is held. */
    const int code =
        transfer_send(client, target, bytes, sent->size, name, deadline_s, &sent->resumed, err);
    sent->difference = 0;
    sent->sent = sent->size - sent->resumed;
    sent->as = sent->sent == 0 ? "held" : "whole";
    return code;
}
