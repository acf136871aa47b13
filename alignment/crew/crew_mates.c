/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_mates: the agents of a network as processes and connections. */
#include "crew/crew_private.h"

#include "clock.h"
#include "control/field.h"
#include "file.h"
#include "log.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POLL_S    0.1  /* between two looks at an agent */
#define ANSWER_S  2.0  /* for a look or an order */
#define SILENCE_S 2.5  /* after that an agent counts as gone */
#define PATIENT_S 20.0 /* for one encoding or measurement */

/* ---- who there is ---- */

static int add(crew_t *crew, const char *name, bool leaving, err_t *err)
{
    if (store_name_check(name, err) != 0 || strlen(name) >= MEMBER_NAME) {
        return err_set(err, ERR_ARGUMENT, "agent \"%.60s\": 1 to %d of A-Z a-z 0-9 . _ -", name,
                       MEMBER_NAME - 1);
    }
    for (int i = 0; i < crew->mates; i++) {
        if (strcmp(crew->mate[i].name, name) == 0) {
            return err_set(err, ERR_ARGUMENT, "there are two agents \"%s\"", name);
        }
    }
    if (crew->mates == CREW_MATES) {
        return err_set(err, ERR_ARGUMENT, "real networks have at most %d agents", CREW_MATES);
    }
    mate_t *mate = &crew->mate[crew->mates];
    mate->crew = crew;
    mate->index = crew->mates++;
    mate->leaving = leaving;
    strcpy(mate->name, name);
    for (int t = 0; t < CREW_TASKS; t++) {
        for (int l = 0; l < KNOWLEDGE_LEVELS; l++) {
            mate->from[t][l] = -1;
        }
    }
    return 0;
}

static int name_all(crew_t *crew, err_t *err)
{
    const options_t *o = crew->options;
    for (int i = 0; i < crew->agents; i++) {
        char own[16];
        const char *name = network_name(crew->network, i);
        snprintf(own, sizeof own, "agent%d", i + 1);
        if (add(crew, name != NULL ? name : own, false, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < options_count(o, "run.leaving"); i++) {
        if (add(crew, options_text_at(o, "run.leaving", i), true, err) != 0) {
            return err_prefix(err, "run.leaving");
        }
    }
    return 0;
}

/* run.agents: [{"name", "endpoint", "key"?}, ...] */
static int read_addresses(crew_t *crew, const char *path, err_t *err)
{
    json_error_t where;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_array(root)) {
        json_decref(root);
        return err_set(err, ERR_FORMAT, "%s: not a list of agents: %s", path, where.text);
    }
    int code = 0;
    for (int i = 0; i < crew->mates && code == 0; i++) {
        mate_t *mate = &crew->mate[i];
        size_t k;
        json_t *entry, *found = NULL;
        json_array_foreach(root, k, entry)
        {
            const char *name = json_string_value(json_object_get(entry, "name"));
            found = name != NULL && strcmp(name, mate->name) == 0 ? entry : found;
        }
        code = found == NULL ? err_set(err, ERR_ARGUMENT, "no agent \"%s\"", mate->name)
               : field_only(found, "name endpoint key", err) != 0 ||
                       field_text(found, "endpoint", mate->endpoint, sizeof mate->endpoint, err) !=
                           0 ||
                       field_text_or(found, "key", mate->key, sizeof mate->key, err) != 0
                   ? -1
                   : 0;
    }
    json_decref(root);
    return code == 0 ? 0 : err_prefix(err, "%s", path);
}

int crew_mates_open(crew_t *crew, err_t *err)
{
    const char *folder = options_string(crew->options, "run.folder");
    const char *addresses = options_string(crew->options, "run.agents");
    if ((*folder == 0) == (*addresses == 0)) {
        return err_set(err, ERR_ARGUMENT,
                       "run.folder starts agents there, run.agents tells where "
                       "they are: one of them is needed");
    }
    crew->mate = calloc(CREW_MATES, sizeof *crew->mate);
    crew->zmq = zmq_ctx_new();
    if (crew->mate == NULL || crew->zmq == NULL ||
        zmq_ctx_set(crew->zmq, ZMQ_MAX_SOCKETS, 8 * CREW_MATES) != 0) {
        return err_set(err, ERR_MEMORY, "no memory for a network of agents");
    }
    if (name_all(crew, err) != 0 || (*addresses != 0 ? read_addresses(crew, addresses, err)
                                                     : file_make_folder(folder, err)) != 0) {
        return -1;
    }
    for (int i = 0; i < crew->mates; i++) {
        mate_t *mate = &crew->mate[i];
        if (*folder != 0 && snprintf(mate->endpoint, sizeof mate->endpoint, "ipc://%s/%s/control",
                                     folder, mate->name) >= 100) {
            return err_set(err, ERR_ARGUMENT, "run.folder: too long for the agents' sockets");
        }
        const control_peer_config_t config = {
            mate->endpoint, mate->key,
            *mate->key != 0 ? options_string(crew->options, "run.key") : ""};
        mate->peer = control_peer_create(crew->zmq, &config, err);
        if (mate->peer == NULL) {
            return err_prefix(err, "%s", mate->name);
        }
    }
    return 0;
}

void crew_mates_close(crew_t *crew)
{
    for (int i = 0; i < crew->mates; i++) {
        control_peer_destroy(crew->mate[i].peer);
        json_decref(crew->mate[i].first);
        json_decref(crew->mate[i].last);
    }
    crew_processes_end(crew);
    free(crew->mate);
    crew->mate = NULL;
    crew->mates = 0;
    if (crew->zmq != NULL) {
        zmq_ctx_term(crew->zmq);
        crew->zmq = NULL;
    }
}

bool mate_alive(const mate_t *mate)
{
    return mate->heard_ns != 0 && clock_now_ns() - mate->heard_ns < (uint64_t)(SILENCE_S * 1e9);
}

/* ---- asking ---- */

static void on_state(void *context, const control_answer_t *given)
{
    mate_t *mate = context;
    mate->asking = false;
    mate->poll_ns = clock_now_ns() + (uint64_t)(POLL_S * 1e9);
    if (given->answer->ok) {
        mate_take_state(mate, given->answer->result);
    }
}

static void look(mate_t *mate)
{
    json_t *args = json_pack("{s:i}", "traffic", mate->first == NULL);
    mate->asking = control_peer_ask(mate->peer, "agent.state", "", args, NULL, 0, ANSWER_S,
                                    on_state, mate, NULL) != 0;
    json_decref(args);
}

/* ---- orders ---- */

static void on_done(void *context, const control_answer_t *given)
{
    mate_t *mate = context;
    mate->asking = false;
    mate->poll_ns = 0; /* look at once */
    if (!given->answer->ok && given->from_peer) {
        snprintf(mate->failure, sizeof mate->failure, "%.250s", given->answer->error.text);
        mate->failures++;
    }
    if (given->answer->ok && json_is_integer(json_object_get(given->answer->result, "damaged"))) {
        const int damaged =
            (int)json_integer_value(json_object_get(given->answer->result, "damaged"));
        mate->damaged += damaged;
        mate->verified = damaged == 0;
    }
}

void mate_order(mate_t *mate, const char *command, json_t *args)
{
    if (!mate->asking) {
        mate->asking = control_peer_ask(mate->peer, command, "", args, NULL, 0, ANSWER_S, on_done,
                                        mate, NULL) != 0;
    }
    json_decref(args);
}

void crew_mates_step(crew_t *crew, double timeout_s)
{
    uint64_t now = clock_now_ns();
    crew_processes_step(crew, now);
    zmq_pollitem_t *items = calloc((size_t)(PEER_ITEMS * crew->mates + 1), sizeof *items);
    for (int i = 0; i < crew->mates; i++) {
        mate_t *mate = &crew->mate[i];
        timeout_s = fmin(timeout_s, control_peer_step(mate->peer));
        if (!mate->asking && now >= mate->poll_ns) {
            look(mate);
        }
        if (!mate->asking) {
            timeout_s = fmin(timeout_s, fmax(0, 1e-9 * (double)(mate->poll_ns - now)));
        }
        if (items != NULL) {
            control_peer_items(mate->peer, &items[PEER_ITEMS * i]);
        }
    }
    zmq_poll(items, items != NULL ? PEER_ITEMS * crew->mates : 0, (long)ceil(timeout_s * 1e3));
    for (int i = 0; i < crew->mates; i++) {
        (void)control_peer_step(crew->mate[i].peer);
    }
    free(items);
}

/* ---- questions that are waited for ---- */

typedef struct {
    bool done;
    json_t *result;
    uint8_t *blob;
    size_t blob_size;
    err_t error;
} asked_t;

static void on_answer(void *context, const control_answer_t *given)
{
    asked_t *asked = context;
    asked->done = true;
    asked->error = given->answer->error;
    if (given->answer->ok) {
        asked->error.code = ERR_NONE;
        asked->result = json_incref(given->answer->result);
        asked->blob_size = given->blob_size;
        asked->blob = malloc(given->blob_size + 1);
        if (asked->blob != NULL && given->blob_size > 0) {
            memcpy(asked->blob, given->blob, given->blob_size);
        }
    }
}

int mate_ask(mate_t *mate, const char *command, json_t *args, const void *blob, size_t blob_size,
             json_t **result, uint8_t **answer, size_t *answer_size, err_t *err)
{
    asked_t asked = {.error = ERR_INIT};
    const uint64_t id = control_peer_ask(mate->peer, command, "", args, blob, blob_size, PATIENT_S,
                                         on_answer, &asked, err);
    json_decref(args);
    if (id == 0) {
        return -1;
    }
    while (!asked.done) {
        if (program_stopped(0) || clock_now_ns() > mate->crew->deadline_ns) {
            control_peer_forget(mate->peer, id);
            return program_stopped(0)
                       ? err_set(err, ERR_CLOSED, "stopped; start it again to go on")
                       : err_set(err, ERR_TIMEOUT, "not in time: run.deadline_s has passed");
        }
        crew_mates_step(mate->crew, 0.1);
    }
    if (asked.error.code != ERR_NONE || asked.blob == NULL) {
        free(asked.blob);
        json_decref(asked.result);
        return err_set(err, asked.error.code != ERR_NONE ? asked.error.code : ERR_MEMORY, "%s: %s",
                       mate->name, asked.error.text);
    }
    if (result != NULL) {
        *result = asked.result;
    } else {
        json_decref(asked.result);
    }
    if (answer != NULL) {
        *answer = asked.blob;
        *answer_size = asked.blob_size;
    } else {
        free(asked.blob);
    }
    return 0;
}

int mate_look(mate_t *mate, json_t **keep, err_t *err)
{
    json_t *result = NULL;
    if (mate_ask(mate, "agent.state", json_pack("{s:i}", "traffic", 1), NULL, 0, &result, NULL,
                 NULL, err) != 0) {
        return -1;
    }
    mate_take_state(mate, result);
    json_decref(*keep);
    *keep = result;
    return 0;
}
