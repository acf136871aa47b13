/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Increments of knowledge, the ledger, and what a plan makes of links. */
#include "adapter/adapter_level.h"
#include "adapters.h"
#include "allocation/network.h"
#include "crew/crew_private.h"
#include "crew/knowledge.h"
#include "crew/ledger.h"

#include <signal.h>
#include <sys/wait.h>

static char folder[] = "/tmp/semradio-knowledge-XXXXXX";

static const char *at(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

static void test_split(void)
{
    rng_t rng;
    err_t err = ERR_INIT;
    knowledge_t knowledge, again;
    rng_seed(&rng, 3, 1);
    adapter_t *high = adapters_random(&rng, 12, 80);
    store_t *store = store_open(at("expert"), &err);
    CHECK_INT(knowledge_split(store, high, "task", &knowledge, &err), 0);
    CHECK_INT(knowledge.levels, ADAPTERS_LEVELS);
    for (int l = 1; l <= knowledge.levels; l++) {
        adapter_t *made = knowledge_adapter(store, &knowledge, l, &err);
        adapter_t *cut = adapter_level(high, l, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(made);
        const digest_t a = adapter_id(made), b = adapter_id(cut);
        CU_ASSERT(digest_equal(&a, &b));
        CHECK_INT(knowledge_state(store, &knowledge, l), 2);
        CHECK_AT_MOST(knowledge.level[l - 1].matrices, knowledge.level[l - 1].size);
        adapter_destroy(made);
        adapter_destroy(cut);
    }
    json_t *object = knowledge_json(&knowledge);
    CHECK_INT(knowledge_read(object, &again, &err), 0);
    CU_ASSERT(knowledge_equal(&knowledge, &again));
    json_decref(object);
    /* Without level 2 nothing above level 1 can be made. */
    CHECK_INT(knowledge_drop(store, &knowledge, 2, &err), 0);
    CHECK_INT(knowledge_state(store, &knowledge, 2), 0);
    adapter_t *made = knowledge_adapter(store, &knowledge, 1, &err);
    CU_ASSERT_PTR_NOT_NULL(made);
    adapter_destroy(made);
    CU_ASSERT_PTR_NULL(knowledge_adapter(store, &knowledge, 3, &err));
    CHECK_ERROR_NAMES(&err, "level 2");
    /* A lower level is not the whole knowledge. */
    adapter_t *low = adapter_level(high, 2, &err);
    CHECK_INT(knowledge_split(store, low, "task", &again, &err), -1);
    CHECK_ERROR_NAMES(&err, "level 2 of 5");
    CHECK_INT(knowledge_split(store, high, "a.b", &again, &err), -1);
    CHECK_ERROR_NAMES(&err, "a.b");
    adapter_destroy(low);
    adapter_destroy(high);
    store_close(store);
}

static void test_hostile(void)
{
    static const char hash[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"task\":\"../x\",\"base\":\"0000000000000000\",\"levels\":[]}",
        "{\"task\":\"x\",\"base\":\"0\",\"levels\":[1]}",
        "{\"task\":\"x\",\"base\":\"0000000000000000\",\"levels\":[]}",
        "{\"task\":\"x\",\"base\":\"0000000000000000\",\"levels\":[1]}",
        "{\"task\":\"x\",\"base\":\"0000000000000000\",\"levels\":[{\"increment\":\"%s\","
        "\"adapter\":"
        "\"%s\",\"size\":0,\"matrices\":0}]}",
        "{\"task\":\"x\",\"base\":\"0000000000000000\",\"levels\":[{\"increment\":\"%s\","
        "\"adapter\":"
        "\"%s\",\"size\":9,\"matrices\":10}]}",
        "{\"task\":\"x\",\"base\":\"0000000000000000\",\"levels\":[{\"increment\":\"%.5s\","
        "\"adapter\":"
        "\"%s\",\"size\":9,\"matrices\":9}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[1024];
        err_t err = ERR_INIT;
        knowledge_t knowledge;
        snprintf(text, sizeof text, bad[i], hash, hash);
        json_t *object = json_loads(text, 0, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(object);
        CHECK_INT(knowledge_read(object, &knowledge, &err), -1);
        CHECK_INT(err.code, ERR_ARGUMENT);
        json_decref(object);
    }
}

static void test_ledger(void)
{
    err_t err = ERR_INIT;
    const pid_t child = fork();
    if (child == 0) { /* counts, and is killed without a goodbye */
        ledger_t *ledger = ledger_open(at("ledger"), NULL);
        ledger_started(ledger);
        ledger_received(ledger, "b", 1, 100);
        ledger_received(ledger, "c", 0, 7);
        ledger_sent(ledger, 11);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    ledger_t *ledger = ledger_open(at("ledger"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ledger);
    ledger_received(ledger, "b", 1, 1);
    CHECK_INT(ledger_at(ledger, 0)->planned, 101);
    CHECK_INT(ledger_at(ledger, 1)->used, 7);
    CHECK_INT(ledger_sent_bytes(ledger), 11);
    CHECK_INT(ledger_starts(ledger), 1);
    CU_ASSERT_PTR_NULL(ledger_at(ledger, 2));
    CU_ASSERT_PTR_NULL(ledger_open(at("ledger"), &err));
    CHECK_INT(err.code, ERR_STATE);
    for (int i = 0; i < LEDGER_ENTRIES + 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "agent%d", i);
        ledger_received(ledger, name, 1, 1);
    }
    CHECK_INT(ledger_at(ledger, LEDGER_ENTRIES)->planned, 7); /* 519 names in 512 places */
    ledger_close(ledger);
    FILE *file = fopen(at("ledger"), "w");
    fputs("something else", file);
    fclose(file);
    CU_ASSERT_PTR_NULL(ledger_open(at("ledger"), &err));
    CHECK_INT(err.code, ERR_FORMAT);
}

/* The parts that are told beside the measurement add up to J of the allocation. */
static void test_links(void)
{
    static const double loss[] = {0.6, 0.42, 0.3, 0.22, 0.17};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        err_t err = ERR_INIT;
        uint8_t held[20 * 5];
        crew_links_t links;
        rng_t rng;
        const int agents = 2 + (int)(seed % 19);
        const network_draw_t draw = {NETWORK_LOGNORMAL, agents, 5, seed, 1, 0.5, 0.1, loss};
        network_t *network = network_draw(&draw, &err);
        allocation_t *problem = allocation_create(network_input(network), ALLOCATION_PER_LINK,
                                                  ALLOCATION_ROWS_ONE, &err);
        rng_seed(&rng, seed, 9);
        for (int k = 0; k < agents * 5; k++) {
            held[k] = rng_below(&rng, 3) == 0 || k < 1;
        }
        CHECK_INT(crew_links(network, held, &links, &err), 0);
        CHECK_NEAR(links.alignment + links.transmission + links.storage,
                   allocation_evaluate(problem, held), 1e-9);
        crew_links_free(&links);
        allocation_destroy(problem);
        network_destroy(network);
    }
}

static const check_test_t tests[] = {
    {"increments make every level again, bit for bit, and say what lacks", test_split},
    {"hostile knowledge is refused", test_hostile},
    {"what was counted before a SIGKILL stays counted", test_ledger},
    {"predicted parts add up to the objective, 40 random networks and plans", test_links},
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = check_run("knowledge", tests, CHECK_COUNT(tests));
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || failed;
}
