/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent answers: agent.*, the store's transfers, settings, and its skill. */
#include "crew/member_private.h"

#include "clock.h"
#include "control/field.h"
#include "log.h"

#include <string.h>
#include <unistd.h>

/* ---- agent.state ---- */

static json_t *task_state(const member_t *member, const member_task_t *task)
{
    json_t *held = json_array(), *seconds = json_array();
    for (int l = 0; l < task->knowledge.levels; l++) {
        json_array_append_new(held, json_integer(task->held[l]));
        json_array_append_new(seconds, json_real(task->seconds[l]));
    }
    return json_pack("{s:o, s:b, s:o, s:o}", "knowledge", knowledge_json(&task->knowledge),
                     "expert", member_is_expert(member, task->knowledge.task), "held", held,
                     "seconds", seconds);
}

static json_t *fetch_state(const member_fetch_t *fetch)
{
    const uint64_t have = fetch->partial != NULL ? store_partial_offset(fetch->partial) : 0;
    json_t *object = json_pack("{s:s, s:i, s:s, s:b, s:I}", "task", fetch->task->knowledge.task,
                               "level", fetch->level, "from", fetch->source->name, "keep",
                               fetch->keep, "have", (json_int_t)have);
    if (fetch->error.code != ERR_NONE) {
        json_object_set_new(object, "failed", json_string(fetch->error.text));
        json_object_set_new(object, "here", json_boolean(fetch->here));
    }
    return object;
}

static json_t *traffic(const ledger_t *ledger)
{
    json_t *list = json_array();
    const ledger_entry_t *entry;
    for (int i = 0; (entry = ledger_at(ledger, i)) != NULL; i++) {
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "from", entry->name, "planned",
                                              (json_int_t)entry->planned, "used",
                                              (json_int_t)entry->used));
    }
    return list;
}

static int on_state(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    member_t *member = context;
    int64_t with_traffic = 0;
    if (field_only(call->request->args, "traffic", err) != 0 ||
        field_int_or(call->request->args, "traffic", 0, 1, &with_traffic, err) != 0) {
        return -1;
    }
    json_t *tasks = json_array(), *fetches = json_array();
    for (int t = 0; t < member->tasks; t++) {
        json_array_append_new(tasks, task_state(member, &member->task[t]));
    }
    for (int f = 0; f < MEMBER_FETCHES; f++) {
        if (member->fetch[f].task != NULL) {
            json_array_append_new(fetches, fetch_state(&member->fetch[f]));
        }
    }
    reply->result =
        json_pack("{s:s, s:s, s:i, s:o, s:o, s:I, s:I}", "name", member->name, "session",
                  control_server_session(member->server), "pid", (int)getpid(), "tasks", tasks,
                  "fetches", fetches, "sent", (json_int_t)ledger_sent_bytes(member->ledger),
                  "starts", (json_int_t)ledger_starts(member->ledger));
    if (with_traffic) {
        json_object_set_new(reply->result, "received", traffic(member->ledger));
    }
    if (member->skill != NULL && member->skills->describe != NULL) {
        json_object_set_new(reply->result, "skill", member->skills->describe(member->skill));
    }
    return reply->result != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for the state");
}

/* ---- orders ---- */

static int on_task(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    knowledge_t knowledge;
    (void)reply;
    return knowledge_read(call->request->args, &knowledge, err) == 0
               ? member_learn(context, &knowledge, err)
               : -1;
}

/* "task" and "level" of an order. */
static member_task_t *which(member_t *member, const json_t *args, int *level, err_t *err)
{
    char name[KNOWLEDGE_TASK];
    int64_t wanted = 0;
    if (field_text(args, "task", name, sizeof name, err) != 0) {
        return NULL;
    }
    member_task_t *task = member_find(member, name);
    if (task == NULL) {
        err_set(err, ERR_ARGUMENT, "%s knows no task \"%s\"", member->name, name);
        return NULL;
    }
    if (field_int(args, "level", 1, task->knowledge.levels, &wanted, err) != 0) {
        return NULL;
    }
    *level = (int)wanted;
    return task;
}

static int on_get_increment(void *context, const control_call_t *call, control_reply_t *reply,
                            err_t *err)
{
    member_t *member = context;
    const json_t *args = call->request->args;
    member_source_t source = {.name = ""};
    double rate = 0;
    int64_t keep = 0;
    int level = 0;
    member_task_t *task = which(member, args, &level, err);
    if (task == NULL || field_only(args, "task level keep name endpoint key rate", err) != 0 ||
        field_int(args, "keep", 0, 1, &keep, err) != 0 ||
        field_text(args, "name", source.name, sizeof source.name, err) != 0 ||
        field_text(args, "endpoint", source.endpoint, sizeof source.endpoint, err) != 0 ||
        field_text_or(args, "key", source.key, sizeof source.key, err) != 0 ||
        field_real(args, "rate", 0, 1e15, &rate, err) != 0) {
        return -1;
    }
    int *held = &task->held[level - 1], code = 0;
    if (*held == 1 && keep) {
        code = knowledge_pin(member->store, &task->knowledge, level, err);
        *held = code == 0 ? 2 : 1;
    } else if (*held == 0 && strcmp(source.name, member->name) == 0) {
        code = member_restore(member, task, level, err);
    } else if (*held == 0) {
        code = member_fetch(member, task, level, keep != 0, &source, rate, err);
    }
    reply->result = json_pack("{s:i}", "held", *held);
    return code;
}

static int on_drop(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    member_t *member = context;
    int level = 0;
    (void)reply;
    member_task_t *task = which(member, call->request->args, &level, err);
    if (task == NULL || field_only(call->request->args, "task level", err) != 0) {
        return -1;
    }
    member_fetch_t *fetch = member_fetching(member, task, level);
    if (fetch != NULL) {
        member_fetch_forget(fetch);
    }
    task->held[level - 1] = 0;
    return knowledge_drop(member->store, &task->knowledge, level, err);
}

static int on_verify(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    if (field_only(call->request->args, "", err) != 0) {
        return -1;
    }
    reply->result = json_pack("{s:i}", "damaged", member_verify(context));
    return 0;
}

/* ---- the store ---- */

static int on_put(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return transfer_put(((member_t *)context)->transfer, call, reply, err);
}

static int on_chunk(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return transfer_chunk(((member_t *)context)->transfer, call, reply, err);
}

static int on_fetch(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    member_t *member = context;
    err_t reason = ERR_INIT;
    if (transfer_fetch(member->transfer, call, reply, &reason) == 0) {
        ledger_sent(member->ledger, reply->blob_size);
        return 0;
    }
    if (reason.code == ERR_FORMAT ||
        reason.code == ERR_IO) { /* damaged: nobody shall be sent here */
        log_warn("%s", reason.text);
        (void)member_verify(member);
    }
    return err_set(err, reason.code, "%s", reason.text);
}

static int on_adapters(void *context, const control_call_t *call, control_reply_t *reply,
                       err_t *err)
{
    return transfer_adapters(((member_t *)context)->transfer, call, reply, err);
}

/* ---- settings and skill ---- */

static int on_get(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_get(&((member_t *)context)->settings, call, reply, err);
}

static int on_set(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_set(&((member_t *)context)->settings, call, reply, err);
}

static int on_list(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_list(&((member_t *)context)->settings, call, reply, err);
}

static int on_skill(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    member_t *member = context;
    const control_command_t *c = member->skills->commands;
    if (member->skill == NULL) {
        return err_set(err, ERR_UNSUPPORTED, "%s was started without a codec (skill.codec)",
                       member->name);
    }
    while (strcmp(c->name, call->request->command) != 0) {
        c++;
    }
    return c->handle(member->skill, call, reply, err);
}

void member_commands(member_t *member)
{
    /* Pure are those that may come twice. */
    static const control_command_t own[] = {
        {"status", on_state, CONTROL_PURE},    {"agent.state", on_state, CONTROL_PURE},
        {"agent.task", on_task, CONTROL_PURE}, {"agent.get", on_get_increment, CONTROL_PURE},
        {"agent.drop", on_drop, CONTROL_PURE}, {"agent.verify", on_verify, CONTROL_PURE},
        {"put", on_put, CONTROL_PURE},         {"chunk", on_chunk, CONTROL_PURE},
        {"fetch", on_fetch, CONTROL_PURE},     {"adapters", on_adapters, CONTROL_PURE},
        {"get", on_get, CONTROL_PURE},         {"set", on_set, 0},
        {"list", on_list, CONTROL_PURE},       {0}};
    const size_t room = sizeof member->commands / sizeof member->commands[0] - 1;
    size_t count = 0;
    for (const control_command_t *c = own; c->name != NULL; c++) {
        member->commands[count++] = *c;
    }
    const control_command_t *more = member->skills != NULL ? member->skills->commands : NULL;
    for (; more != NULL && more->name != NULL && count < room; more++) {
        member->commands[count++] = (control_command_t){more->name, on_skill, more->flags};
    }
}
