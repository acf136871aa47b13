/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Twelve agents on one machine, killed and started again at random while the plan is executed, and
 * the coordinator too.  Seeds are fixed; when a kill comes is up to the machine.
 */
#include "agents.h"

#include <sys/stat.h>

enum { AGENTS = 12, LEAST_KILLS = 30 };

static const char *const plan[AGENTS] = {"111", "100", "010", "001", "110", "011",
                                         "101", "111", "100", "110", "011", "111"};

/* By its socket, as anybody could ask it; 0: not there now. */
static pid_t pid_of(int agent)
{
    char endpoint[ENDPOINT_SIZE];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("net/%c/control", 'a' + agent));
    const control_peer_config_t config = {endpoint, "", ""};
    control_client_t *client = control_client_create(&config, NULL);
    control_result_t got;
    pid_t pid = 0;
    if (client != NULL &&
        control_client_ask(client, "agent.state", "", NULL, NULL, 0, 0.5, &got, NULL) == 0) {
        pid = (pid_t)json_integer_value(json_object_get(got.result, "pid"));
        control_result_free(&got);
    }
    control_client_destroy(client);
    return pid;
}

static program_t start_coordinator(void)
{
    /* Links of R = 1 ... 5, so 6 to 30 kB/s: an increment of 66 kB takes seconds. */
    return start("align",
                 "network %s --run.folder=%s --run.knowledge=a:task=%s --run.deadline_s=110 "
                 "--run.rate_bytes_s=6000 --run.report=%s",
                 in_work("plan.json"), in_work("net"), in_work("knowledge"),
                 in_work("report.json"));
}

static uint64_t ledger_number(int agent, const char *key)
{
    char endpoint[ENDPOINT_SIZE];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("net/%c/control", 'a' + agent));
    const control_peer_config_t config = {endpoint, "", ""};
    control_client_t *client = control_client_create(&config, NULL);
    control_result_t got;
    uint64_t number = 0;
    if (control_client_ask(client, "agent.state", "", NULL, NULL, 0, 5, &got, NULL) == 0) {
        number = (uint64_t)json_integer_value(json_object_get(got.result, key));
        control_result_free(&got);
    }
    control_client_destroy(client);
    return number;
}

static void test_kills(void)
{
    rng_t rng;
    int kills = 0, code = -1, status = 0;
    make_knowledge(in_work("knowledge"), 16, 512);
    make_plan(in_work("plan.json"), AGENTS, plan);
    rng_seed(&rng, 20261124, 1);
    program_t boss = start_coordinator();
    bool running = true;
    for (int round = 0; running; round++) {
        clock_sleep_s(0.1 + 0.2 * (double)rng_uniform(&rng));
        const pid_t pid = kills < LEAST_KILLS ? pid_of((int)rng_below(&rng, AGENTS)) : 0;
        if (pid > 0 && kill(pid, SIGKILL) == 0) {
            kills++;
        }
        if (kills == LEAST_KILLS / 2 && round > 0) { /* once: the coordinator, and its agents end */
            kills++;
            kill(boss.pid, SIGKILL);
            waitpid(boss.pid, &status, 0);
            boss = start_coordinator();
        }
        if (waitpid(boss.pid, &status, WNOHANG) == boss.pid) {
            running = false;
            code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
    }
    CHECK_INT(code, 0);
    CHECK_AT_LEAST(kills, LEAST_KILLS);
    for (int i = 0; i < AGENTS; i++) {
        char name[2] = {(char)('a' + i), 0};
        CU_ASSERT(store_is("net", name, plan[i]));
    }
}

/* All that was ever sent, by all lives of all agents, against what the plan had to move. */
static void test_bytes(void)
{
    uint64_t sent = 0, lives = 0, needed = 0;
    knowledge_t *list = NULL;
    int count = 0;
    store_t *store = store_open(in_work("net/a"), NULL);
    CHECK_INT(knowledge_list(store, &list, &count, NULL), 0);
    for (int i = 1; i < AGENTS && count == 1; i++) {
        for (int l = 0; l < AGENTS_LEVELS; l++) {
            needed += plan[i][l] == '1' ? list->level[l].size : 0;
        }
    }
    free(list);
    store_close(store);
    program_t again = start_coordinator(); /* nothing to move: only to ask */
    for (int i = 0; i < AGENTS; i++) {
        sent += ledger_number(i, "sent");
        lives += ledger_number(i, "starts");
    }
    CHECK_INT(finish(&again, 60), 0);
    fprintf(stderr, "sent %llu bytes for differences of %llu (%.2f %%), %llu lives\n",
            (unsigned long long)sent, (unsigned long long)needed,
            100.0 * (double)sent / (double)needed, (unsigned long long)lives);
    CHECK_AT_MOST((double)sent, 1.05 * (double)needed);
    CHECK_AT_LEAST(lives, AGENTS + LEAST_KILLS);
}

static const check_test_t tests[] = {
    {"twelve agents, killed at random, end in the planned state, every increment whole",
     test_kills},
    {"all lives together sent at most 105 % of the differences", test_bytes},
};

int main(void)
{
    if (mkdtemp(work_folder) == NULL) {
        return 1;
    }
    const int failed = check_run("network_kill", tests, CHECK_COUNT(tests));
    json_decref(last_run);
    daemons_end(failed);
    return failed;
}
