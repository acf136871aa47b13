/* SPDX-License-Identifier: GPL-3.0-or-later */
/* member: an agent's options, what it knows, its life and its loop (one thread, as the hub's). */
#include "crew/member_private.h"

#include "adapter/adapter_level.h"
#include "log.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const option_t member_options[] = {
    {.section = "agent",
     .name = "name",
     .type = OPTION_STRING,
     .help = "as the network's \"names\" has it: 1 to 47 of A-Z a-z 0-9 . _ -"},
    {.section = "agent",
     .name = "folder",
     .type = OPTION_STRING,
     .help = "the agent's own: its store of increments and what it counts; made where missing"},
    {.section = "agent",
     .name = "bind",
     .type = OPTION_STRING,
     .help = "takes commands here: tcp://HOST:PORT or ipc://PATH (empty: ipc://FOLDER/control)"},
    {.section = "agent",
     .name = "reports",
     .type = OPTION_STRING,
     .help = "sends reports here (empty: the next port, or PATH.reports)"},
    {.section = "agent",
     .name = "key",
     .type = OPTION_STRING,
     .help = "its own key pair, towards other agents and whoever asks (empty: messages are plain)"},
    {.section = "agent",
     .name = "allow",
     .type = OPTION_STRING,
     .help = "list of the public keys that may connect, one a line: other agents' too"},
    {.section = "agent",
     .name = "knowledge",
     .type = OPTION_STRING,
     .flags = OPTION_LIST,
     .help = "TASK=FILE: tasks that this agent is the expert of, and their levelled adapters"},
    {0}};

member_task_t *member_find(member_t *member, const char *task)
{
    for (int t = 0; t < member->tasks; t++) {
        if (strcmp(member->task[t].knowledge.task, task) == 0) {
            return &member->task[t];
        }
    }
    return NULL;
}

static void look(member_t *member, member_task_t *task)
{
    int damaged = 0;
    for (int l = 1; l <= task->knowledge.levels; l++) {
        task->held[l - 1] = knowledge_check(member->store, &task->knowledge, l, &damaged)
                                ? knowledge_state(member->store, &task->knowledge, l)
                                : 0;
    }
    if (damaged > 0) {
        log_warn("%s: %d damaged increments are gone", task->knowledge.task, damaged);
    }
}

int member_verify(member_t *member)
{
    int damaged = 0;
    for (int t = 0; t < member->tasks; t++) {
        member_task_t *task = &member->task[t];
        for (int l = 1; l <= task->knowledge.levels; l++) {
            if (task->held[l - 1] != 0 &&
                !knowledge_check(member->store, &task->knowledge, l, &damaged)) {
                task->held[l - 1] = 0;
            }
        }
    }
    return damaged;
}

int member_learn(member_t *member, const knowledge_t *knowledge, err_t *err)
{
    member_task_t *task = member_find(member, knowledge->task);
    if (task != NULL) {
        return knowledge_equal(&task->knowledge, knowledge)
                   ? 0
                   : err_set(err, ERR_STATE, "%s knows another \"%s\"", member->name,
                             knowledge->task);
    }
    if (member->tasks == MEMBER_TASKS) {
        return err_set(err, ERR_STATE, "%s knows %d tasks already", member->name, MEMBER_TASKS);
    }
    if (knowledge_keep(member->store, knowledge, err) != 0) {
        return -1;
    }
    task = &member->task[member->tasks++];
    *task = (member_task_t){.knowledge = *knowledge};
    look(member, task);
    return 0;
}

adapter_t *member_adapter(member_t *member, const char *name, int level, digest_t *id, err_t *err)
{
    const member_task_t *task = member_find(member, name);
    if (task == NULL || level < 1 || level > task->knowledge.levels) {
        err_set(err, ERR_ARGUMENT, "%s knows no level %d of a task \"%.40s\"", member->name, level,
                name);
        return NULL;
    }
    for (int l = 1; l <= level; l++) {
        if (task->held[l - 1] == 0) {
            err_set(err, ERR_STATE, "%s lacks level %d of \"%s\"", member->name, l, name);
            return NULL;
        }
    }
    *id = task->knowledge.level[level - 1].adapter;
    return knowledge_adapter(member->store, &task->knowledge, level, err);
}

/* ---- life ---- */

/* Its file in agent.knowledge, or NULL. */
static const char *file_of(const member_t *member, const char *task)
{
    const size_t length = strlen(task);
    for (size_t i = 0; i < options_count(member->options, "agent.knowledge"); i++) {
        const char *text = options_text_at(member->options, "agent.knowledge", i);
        if (strncmp(text, task, length) == 0 && text[length] == '=') {
            return text + length + 1;
        }
    }
    return NULL;
}

bool member_is_expert(const member_t *member, const char *task)
{
    return file_of(member, task) != NULL;
}

static int split(member_t *member, const char *task, knowledge_t *knowledge, err_t *err)
{
    adapter_t *adapter = adapter_load(file_of(member, task), err);
    if (adapter == NULL) {
        return -1;
    }
    const int code = knowledge_split(member->store, adapter, task, knowledge, err);
    adapter_destroy(adapter);
    return code;
}

/* An expert brings its knowledge once; what the plan takes from it later does not come back by
   itself. */
static int bring(member_t *member, const char *text, err_t *err)
{
    char task[KNOWLEDGE_TASK];
    knowledge_t knowledge;
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof task) {
        return err_set(err, ERR_ARGUMENT, "agent.knowledge: \"%.80s\" is not TASK=FILE", text);
    }
    snprintf(task, sizeof task, "%.*s", (int)(equals - text), text);
    if (member_find(member, task) != NULL) {
        return 0;
    }
    return split(member, task, &knowledge, err) == 0 ? member_learn(member, &knowledge, err)
                                                     : err_prefix(err, "agent.knowledge");
}

int member_restore(member_t *member, member_task_t *task, int level, err_t *err)
{
    const char *name = task->knowledge.task;
    knowledge_t knowledge;
    if (file_of(member, name) == NULL) {
        return err_set(err, ERR_ARGUMENT, "%s is no expert of \"%s\"", member->name, name);
    }
    if (split(member, name, &knowledge, err) != 0) {
        return -1;
    }
    if (!knowledge_equal(&knowledge, &task->knowledge)) {
        (void)knowledge_keep(member->store, &task->knowledge, NULL);
        return err_set(err, ERR_STATE, "the adapter of \"%s\" is another one than the network's",
                       name);
    }
    for (int l = 1; l <= knowledge.levels; l++) {
        if (l == level) {
            task->held[l - 1] = 2;
        } else if (task->held[l - 1] != 2) {
            (void)knowledge_drop(member->store, &knowledge, l, NULL);
            task->held[l - 1] = 0;
        }
    }
    return 0;
}

static int open_store(member_t *member, const char *folder, err_t *err)
{
    char path[4096];
    knowledge_t *list = NULL;
    int count = 0;
    snprintf(path, sizeof path, "%s/ledger", folder);
    member->store = store_open(folder, err);
    if (member->store == NULL || (member->ledger = ledger_open(path, err)) == NULL ||
        (member->transfer = transfer_create(member->store, err)) == NULL ||
        knowledge_list(member->store, &list, &count, err) != 0) {
        return err_prefix(err, "agent.folder");
    }
    ledger_started(member->ledger);
    int code = 0;
    for (int i = 0; i < count && code == 0; i++) {
        code = member_learn(member, &list[i], err);
    }
    free(list);
    for (size_t i = 0; i < options_count(member->options, "agent.knowledge") && code == 0; i++) {
        code = bring(member, options_text_at(member->options, "agent.knowledge", i), err);
    }
    return code;
}

static int open_server(member_t *member, const char *folder, err_t *err)
{
    const options_t *o = member->options;
    const char *given = options_string(o, "agent.bind");
    const int length =
        *given != 0 ? snprintf(member->bind, sizeof member->bind, "%s", given)
                    : snprintf(member->bind, sizeof member->bind, "ipc://%s/control", folder);
    if (length >= (int)sizeof member->bind) {
        return err_set(err, ERR_ARGUMENT, "agent.folder: too long for a socket, give agent.bind");
    }
    member_commands(member);
    const control_server_config_t config = {.program = "semradio-align agent",
                                            .bind = member->bind,
                                            .reports = options_string(o, "agent.reports"),
                                            .key = options_string(o, "agent.key"),
                                            .allow = options_string(o, "agent.allow"),
                                            .commands = member->commands,
                                            .context = member,
                                            .zmq = member->zmq};
    member->server = control_server_create(&config, err);
    member->settings = (control_settings_t){.options = member->options, .server = member->server};
    return member->server != NULL ? 0 : -1;
}

static int open_member(member_t *member, err_t *err)
{
    const char *name = options_string(member->options, "agent.name");
    const char *folder = options_string(member->options, "agent.folder");
    if (store_name_check(name, err) != 0 || strlen(name) >= sizeof member->name) {
        return err_set(err, ERR_ARGUMENT,
                       "agent.name: \"%.60s\" is not 1 to %d of A-Z a-z 0-9 . _ -", name,
                       MEMBER_NAME - 1);
    }
    strcpy(member->name, name);
    if (*folder == 0) {
        return err_set(err, ERR_ARGUMENT, "agent.folder: an agent needs a folder of its own");
    }
    member->zmq = zmq_ctx_new();
    if (member->zmq == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for an agent");
    }
    if (open_store(member, folder, err) != 0 || open_server(member, folder, err) != 0) {
        return -1;
    }
    return member->skills != NULL && member->skills->open != NULL
               ? member->skills->open(member, member->options, &member->skill, err)
               : 0;
}

static void close_member(member_t *member)
{
    member_fetch_close(member);
    if (member->skill != NULL) {
        member->skills->close(member->skill);
    }
    control_server_destroy(member->server);
    transfer_destroy(member->transfer);
    ledger_close(member->ledger);
    store_close(member->store);
    if (member->zmq != NULL) {
        zmq_ctx_term(member->zmq);
    }
    free(member);
}

static void loop(member_t *member)
{
    enum { ITEMS = CONTROL_ITEMS + PEER_ITEMS * MEMBER_SOURCES };
    zmq_pollitem_t *items = calloc(ITEMS, sizeof *items);
    while (items != NULL && !program_stopped(0)) {
        int count = control_server_items(member->server, items);
        const double wait_s = fmin(0.1, member_fetch_step(member));
        for (int i = 0; i < MEMBER_SOURCES; i++) {
            if (member->source[i].peer != NULL) {
                control_peer_items(member->source[i].peer, &items[count]);
                count += PEER_ITEMS;
            }
        }
        zmq_poll(items, count, (long)ceil(wait_s * 1e3));
        control_server_serve(member->server);
    }
    free(items);
}

static const member_skill_t *equipment;

void member_equip(const member_skill_t *skill)
{
    equipment = skill;
}

int member_main(int argc, char *const argv[])
{
    const member_skill_t *const skills = equipment;
    const option_t *const tables[] = {member_options, program_options,
                                      skills != NULL ? skills->options : NULL, NULL};
    options_t *options;
    int code = program_begin("semradio-align agent", NULL,
                             "one agent of a network: holds levels of tasks' knowledge, shares and "
                             "uses them",
                             tables, argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    member_t *member = calloc(1, sizeof *member);
    err_t err = ERR_INIT;
    if (member == NULL) {
        options_destroy(options);
        return PROGRAM_FAILED;
    }
    member->options = options;
    member->skills = skills;
    program_catch_signals();
    if (open_member(member, &err) == 0) {
        log_info("%s at %s%s", member->name, control_server_endpoint(member->server),
                 *options_string(options, "agent.key") != 0 ? ", by key" : "");
        loop(member);
        code = PROGRAM_OK;
    } else {
        log_error("%s", err.text);
        code = err.code == ERR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED;
    }
    close_member(member);
    options_destroy(options);
    return code;
}
