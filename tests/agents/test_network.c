/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks of agents as processes: plans executed, mended after changes, damage healed. */
#include "agents.h"

#include <sys/stat.h>

static const char words[] = "--run.folder=%s --run.knowledge=a:task=%s --run.deadline_s=60";

static char line[512];

static const char *with(const char *folder)
{
    snprintf(line, sizeof line, words, in_work("%s", folder), in_work("knowledge"));
    return line;
}

static void test_plan(void)
{
    static const char *const plan[] = {"110", "101", "011"};
    make_knowledge(in_work("knowledge"), 8, 96);
    make_plan(in_work("plan.json"), 3, plan);
    CHECK_INT(run_network("%s %s", in_work("plan.json"), with("net")), 0);
    CU_ASSERT(store_is("net", "a", "110"));
    CU_ASSERT(store_is("net", "b", "101"));
    CU_ASSERT(store_is("net", "c", "011"));
    CHECK_INT(in_run("", "transfers"), 4);
    CHECK_AT_MOST(in_run("bytes", "sent_over_differences"), 1.05);
    CHECK_INT(in_run("bytes", "received"), in_run("bytes", "sent"));
    CHECK_AT_LEAST(in_run("loss", "images"), 0);
}

static void test_again(void)
{
    CHECK_INT(run_network("%s %s", in_work("plan.json"), with("net")), 0);
    CHECK_INT(in_run("", "transfers"), 0);
    CHECK_INT(in_run("bytes", "sent"), 0);
    CU_ASSERT(store_is("net", "b", "101"));
}

/* The file of an agent's increment, by name and hash. */
static void flip_a_byte(const char *agent, int level)
{
    knowledge_t *list = NULL;
    int count = 0;
    char hash[DIGEST_TEXT], path[512];
    store_t *store = store_open(in_work("net/%s", agent), NULL);
    CHECK_INT(knowledge_list(store, &list, &count, NULL), 0);
    digest_text(&list->level[level - 1].increment, hash);
    snprintf(path, sizeof path, "%s/objects/%.2s/%s", in_work("net/%s", agent), hash, hash + 2);
    chmod(path, 0644);
    FILE *file = fopen(path, "r+b");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 300, SEEK_SET);
    const int byte = fgetc(file);
    fseek(file, 300, SEEK_SET);
    fputc(byte ^ 4, file);
    fclose(file);
    free(list);
    store_close(store);
}

static void test_damage(void)
{
    flip_a_byte("b", 1);
    CHECK_INT(run_network("%s %s", in_work("plan.json"), with("net")), 0);
    CHECK_INT(in_run("", "transfers"), 1);
    CU_ASSERT(store_is("net", "b", "101"));
    flip_a_byte("b", 3); /* c has it too, a doesn't */
    flip_a_byte("c", 3); /* now nobody has but the expert's file */
    CHECK_INT(run_network("%s %s", in_work("plan.json"), with("net")), 0);
    CU_ASSERT(store_is("net", "a", "110"));
    CU_ASSERT(store_is("net", "b", "101"));
    CU_ASSERT(store_is("net", "c", "011"));
}

/* Changes: the mended plan, and only what it needs moves. */
static void test_changes(void)
{
    static const char *const three[] = {"111", "111", "111"};
    CHECK_INT(
        run_network("--network.agents=3 --network.loss=.6,.4,.2 --eta_s=0.02 --allocate.out=%s "
                    "--run.folder=%s --run.knowledge=agent1:task=%s --run.deadline_s=60",
                    in_work("drawn.json"), in_work("drawn"), in_work("knowledge")),
        0);
    make_plan(in_work("three.json"), 3, three);
    CHECK_INT(run_network("%s %s", in_work("three.json"), with("net")), 0);
    CHECK_INT(in_run("", "transfers"), 3);
    /* One joins: what the others hold stays, nothing of theirs moves. */
    make_plan(in_work("four.json"), 4, NULL);
    CHECK_INT(run_network("%s --previous=%s --out=%s %s", in_work("four.json"),
                          in_work("three.json"), in_work("four.plan"), with("net")),
              0);
    json_t *plan = json_load_file(in_work("four.plan"), 0, NULL);
    json_t *rows = json_object_get(plan, "s");
    int moved = 0;
    for (size_t l = 0; l < AGENTS_LEVELS; l++) {
        moved += (int)json_integer_value(json_array_get(json_array_get(rows, 3), l));
    }
    CHECK_INT(json_array_size(rows), 4);
    CHECK_INT(in_run("", "transfers"), moved);
    json_decref(plan);
    /* One leaves, and is the only one that has level 3: it gives it away first. */
    static const char *const alone[] = {"110", "100", "100", "001"};
    make_plan(in_work("alone.json"), 4, alone);
    CHECK_INT(run_network("%s %s", in_work("alone.json"), with("net")), 0);
    CU_ASSERT(store_is("net", "d", "001"));
    static const char *const left[] = {"110", "101", "100"};
    make_plan(in_work("left.json"), 3, left);
    CHECK_INT(run_network("%s --run.leaving=d %s", in_work("left.json"), with("net")), 0);
    CHECK_INT(in_run("", "transfers"), 1);
    CHECK_AT_MOST(in_run("bytes", "sent_over_differences"), 1.05);
    CU_ASSERT(store_is("net", "b", "101"));
}

/* Emulated links: bytes take the time that the rates say. */
static void test_rates(void)
{
    static const char *const plan[] = {"111", "100"};
    make_plan(in_work("slow.json"), 2, plan);
    struct stat status;
    CHECK_INT(stat(in_work("knowledge"), &status), 0);
    /* R from a to b is 4, so level 1 (about a third of the file) takes about a second. */
    CHECK_INT(run_network("%s %s --run.rate_bytes_s=%.0f", in_work("slow.json"), with("slow"),
                          (double)status.st_size / 3 / 4),
              0);
    CU_ASSERT(store_is("slow", "b", "100"));
    CHECK_AT_LEAST(in_run("", "seconds"), 0.6);
}

/* Agents at addresses, over TCP with keys: those on the lists come in. */
static void test_keys(void)
{
    static const char *const plan[] = {"111", "101"};
    char command[1024], endpoint[2][64] = {"", ""};
    program_t agent[2];
    static const char *const names[] = {"a", "b", "boss"};
    for (int i = 0; i < 3; i++) {
        program_t keys = start("align", "keys %s", in_work("key-%s", names[i]));
        CHECK_INT(finish(&keys, 20), 0);
    }
    snprintf(command, sizeof command, "cat %s %s %s > %s", in_work("key-a.pub"),
             in_work("key-b.pub"), in_work("key-boss.pub"), in_work("allowed"));
    CHECK_INT(system(command), 0);
    json_t *list = json_array();
    for (int i = 0; i < 2; i++) {
        agent[i] =
            start("align",
                  "agent --agent.name=%s --agent.folder=%s --agent.bind=tcp://127.0.0.1:* "
                  "--agent.key=%s --agent.allow=%s %s%s",
                  names[i], in_work("keyed-%s", names[i]), in_work("key-%s", names[i]),
                  in_work("allowed"), i == 0 ? "--agent.knowledge=task=" : "--log.level=info",
                  i == 0 ? in_work("knowledge") : "");
        CU_ASSERT(wait_for(&agent[i], ", by key"));
        char *text = text_of(agent[i].log);
        const char *at = strstr(text, "tcp://127");
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        sscanf(at, "%60[^,]", endpoint[i]);
        free(text);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", names[i], "endpoint",
                                              endpoint[i], "key", in_work("key-%s.pub", names[i])));
    }
    CHECK_INT(json_dump_file(list, in_work("list.json"), 0), 0);
    json_decref(list);
    make_plan(in_work("keyed.json"), 2, plan);
    CHECK_INT(run_network("%s --run.agents=%s --run.key=%s", in_work("keyed.json"),
                          in_work("list.json"), in_work("key-boss")),
              0);
    CU_ASSERT(store_is("keyed-b", "", "101"));
    CHECK_INT(interrupt(&agent[0]), 0);
    CHECK_INT(interrupt(&agent[1]), 0);
}

static const check_test_t tests[] = {
    {"a plan is executed: each store holds what it shall, bytes are the differences", test_plan},
    {"a second run moves nothing", test_again},
    {"damaged increments are found, fetched anew, and come from the expert's file at last",
     test_damage},
    {"who joins, leaves, or is planned anew: only what is needed moves", test_changes},
    {"emulated rates take their time", test_rates},
    {"agents at addresses, by key", test_keys},
};

int main(void)
{
    if (mkdtemp(work_folder) == NULL) {
        return 1;
    }
    const int failed = check_run("network", tests, CHECK_COUNT(tests));
    json_decref(last_run);
    daemons_end(failed);
    return failed;
}
