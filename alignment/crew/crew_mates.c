/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_mates: the agents of a network as processes and connections. */
#include "crew/crew_private.h"

#include "clock.h"
#include "control/field.h"
#include "file.h"
#include "log.h"
#include "program.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_S     0.1  /* between two looks at an agent */
#define ANSWER_S   2.0  /* for a look or an order */
#define SILENCE_S  2.5  /* after that an agent counts as gone */
#define PATIENT_S  20.0 /* for one encoding or measurement */
#define AGAIN_S    0.2  /* before a process that died is started anew */

/* ---- processes ---- */

static void become_agent(const mate_t *mate, const char *folder)
{
    const options_t *o = mate->crew->options;
    char name[80], place[CREW_PATH + 32], log[CREW_PATH + 32], words[4096], knowledge[64][CREW_PATH];
    char *argv[128] = {(char *)(uintptr_t)"semradio-align", (char *)(uintptr_t)"agent", name, place};
    int argc = 4, files = 0;
    snprintf(name, sizeof name, "--agent.name=%s", mate->name);
    snprintf(place, sizeof place, "--agent.folder=%s", folder);
    snprintf(log, sizeof log, "%s.log", folder);
    snprintf(words, sizeof words, "%s", options_string(o, "run.words"));
    const size_t length = strlen(mate->name);
    for (size_t i = 0; i < options_count(o, "run.knowledge") && files < 64; i++) {
        const char *text = options_text_at(o, "run.knowledge", i);
        if (strncmp(text, mate->name, length) == 0 && text[length] == ':') {
            snprintf(knowledge[files], CREW_PATH, "--agent.knowledge=%s%s", "", text + length + 1);
            argv[argc++] = knowledge[files++];
        }
    }
    char *save = NULL;
    for (char *word = strtok_r(words, " ", &save); word != NULL && argc < 126;
         word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        dup2(fd, STDERR_FILENO);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static void folder_of(const mate_t *mate, char folder[CREW_PATH])
{
    snprintf(folder, CREW_PATH, "%s/%s", options_string(mate->crew->options, "run.folder"),
             mate->name);
}

static void start_process(mate_t *mate, uint64_t now)
{
    char folder[CREW_PATH];
    const pid_t parent = getpid();
    folder_of(mate, folder);
    mate->pid = fork();
    if (mate->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) {
            _exit(0);
        }
        become_agent(mate, folder);
    }
    mate->start_ns = now;
    mate->starts++;
}

static void watch_processes(crew_t *crew, uint64_t now)
{
    if (*options_string(crew->options, "run.folder") == 0) {
        return;
    }
    for (int i = 0; i < crew->mates; i++) {
        mate_t *mate = &crew->mate[i];
        int status = 0;
        if (mate->pid > 0 && waitpid(mate->pid, &status, WNOHANG) == mate->pid) {
            mate->pid = 0;
            mate->heard_ns = 0;
            log_warn("%s died (%s %d)", mate->name, WIFSIGNALED(status) ? "signal" : "exit code",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
                err_set(&crew->error, ERR_STATE, "%s doesn't take its options, see %s/%s.log",
                        mate->name, options_string(crew->options, "run.folder"), mate->name);
            }
        }
        if (mate->pid <= 0 && now >= mate->start_ns + (uint64_t)(AGAIN_S * 1e9)) {
            start_process(mate, now);
        }
    }
}

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
        return err_set(err, ERR_ARGUMENT, "run.folder starts agents there, run.agents tells where "
                                          "they are: one of them is needed");
    }
    crew->mate = calloc(CREW_MATES, sizeof *crew->mate);
    crew->zmq = zmq_ctx_new();
    if (crew->mate == NULL || crew->zmq == NULL ||
        zmq_ctx_set(crew->zmq, ZMQ_MAX_SOCKETS, 8 * CREW_MATES) != 0) {
        return err_set(err, ERR_MEMORY, "no memory for a network of agents");
    }
    if (name_all(crew, err) != 0 ||
        (*addresses != 0 ? read_addresses(crew, addresses, err) : file_make_folder(folder, err)) !=
            0) {
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
        if (crew->mate[i].pid > 0) {
            kill(crew->mate[i].pid, SIGTERM);
        }
        json_decref(crew->mate[i].first);
        json_decref(crew->mate[i].last);
    }
    for (int i = 0; i < crew->mates; i++) {
        if (crew->mate[i].pid > 0) {
            waitpid(crew->mate[i].pid, NULL, 0);
        }
    }
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

/* ---- what they say ---- */

static int find_task(crew_t *crew, const knowledge_t *knowledge)
{
    for (int t = 0; t < crew->tasks; t++) {
        if (strcmp(crew->task[t].task, knowledge->task) == 0) {
            if (!knowledge_equal(&crew->task[t], knowledge)) {
                err_set(&crew->error, ERR_STATE, "agents know different \"%s\"", knowledge->task);
            }
            return t;
        }
    }
    if (crew->tasks == CREW_TASKS) {
        err_set(&crew->error, ERR_STATE, "there are more than %d tasks", CREW_TASKS);
        return -1;
    }
    if (knowledge->levels != crew_levels(crew)) {
        err_set(&crew->error, ERR_STATE, "task \"%s\" has %d levels, the network %d",
                knowledge->task, knowledge->levels, crew_levels(crew));
        return -1;
    }
    crew->task[crew->tasks] = *knowledge;
    return crew->tasks++;
}

static void take_task(mate_t *mate, const json_t *object)
{
    knowledge_t knowledge;
    const json_t *held = json_object_get(object, "held");
    const json_t *seconds = json_object_get(object, "seconds");
    err_t err = ERR_INIT;
    if (knowledge_read(json_object_get(object, "knowledge"), &knowledge, &err) != 0) {
        err_set(&mate->crew->error, ERR_FORMAT, "%s: %s", mate->name, err.text);
        return;
    }
    const int t = find_task(mate->crew, &knowledge);
    if (t < 0) {
        return;
    }
    mate->knows[t] = true;
    mate->expert[t] = json_is_true(json_object_get(object, "expert"));
    for (int l = 0; l < knowledge.levels; l++) {
        const int now = (int)json_integer_value(json_array_get(held, (size_t)l));
        if (now != mate->held[t][l]) {
            mate->crew->progress_ns = clock_now_ns();
        }
        mate->held[t][l] = now;
        mate->seconds[t][l] = json_number_value(json_array_get(seconds, (size_t)l));
    }
}

static void take_fetch(mate_t *mate, const json_t *object)
{
    crew_t *crew = mate->crew;
    const char *task = json_string_value(json_object_get(object, "task"));
    const char *from = json_string_value(json_object_get(object, "from"));
    const char *failed = json_string_value(json_object_get(object, "failed"));
    const int level = (int)json_integer_value(json_object_get(object, "level"));
    int t = 0, h = 0;
    while (t < crew->tasks && (task == NULL || strcmp(crew->task[t].task, task) != 0)) {
        t++;
    }
    while (h < crew->mates && (from == NULL || strcmp(crew->mate[h].name, from) != 0)) {
        h++;
    }
    if (t == crew->tasks || level < 1 || level > crew_levels(crew)) {
        return;
    }
    if (failed == NULL) {
        mate->from[t][level - 1] = h < crew->mates ? h : -1;
        return;
    }
    snprintf(mate->failure, sizeof mate->failure, "%s, level %d: %.180s", task, level, failed);
    mate->failures += json_is_true(json_object_get(object, "here"));
}

static void take_state(mate_t *mate, const json_t *state)
{
    const char *session = json_string_value(json_object_get(state, "session"));
    size_t i;
    json_t *object;
    if (session != NULL && strcmp(session, mate->session) != 0) {
        mate->lives++;
        mate->verified = false;
        mate->failures = 0;
        snprintf(mate->session, sizeof mate->session, "%s", session);
    }
    for (int t = 0; t < CREW_TASKS; t++) {
        mate->knows[t] = false;
        for (int l = 0; l < KNOWLEDGE_LEVELS; l++) {
            mate->from[t][l] = -1;
        }
    }
    json_array_foreach(json_object_get(state, "tasks"), i, object)
    {
        take_task(mate, object);
    }
    json_array_foreach(json_object_get(state, "fetches"), i, object)
    {
        take_fetch(mate, object);
    }
    mate->skilled = json_is_object(json_object_get(state, "skill"));
    mate->heard_ns = clock_now_ns();
    if (mate->first == NULL) {
        mate->first = json_deep_copy(state);
    }
}

static void on_state(void *context, const control_answer_t *given)
{
    mate_t *mate = context;
    mate->asking = false;
    mate->poll_ns = clock_now_ns() + (uint64_t)(POLL_S * 1e9);
    if (given->answer->ok) {
        take_state(mate, given->answer->result);
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
    watch_processes(crew, now);
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
    take_state(mate, result);
    json_decref(*keep);
    *keep = result;
    return 0;
}
