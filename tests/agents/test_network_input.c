/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks and agents that can't work: what is said, and how it ends. */
#include "agents.h"

#include <sys/stat.h>

static bool logged(const program_t *program, const char *part)
{
    const bool found = says(program, part);
    if (!found) {
        char *text = text_of(program->log);
        fprintf(stderr, "not said: \"%s\" but: %s\n", part, text);
        free(text);
    }
    return found;
}

/* Writes a network with one value changed (takes it), runs it, and looks at exit code and words. */
static void expect(int agents, const char *key, json_t *value, int code, const char *part)
{
    make_plan(in_work("bad.json"), agents, NULL);
    json_t *root = json_load_file(in_work("bad.json"), 0, NULL);
    if (key != NULL) {
        json_object_set_new(root, key, value);
    }
    CHECK_INT(json_dump_file(root, in_work("bad.json"), 0), 0);
    json_decref(root);
    program_t program = start("align",
                              "network %s --run.folder=%s --run.knowledge=a:task=%s "
                              "--run.deadline_s=60 --run.patience_s=4",
                              in_work("bad.json"), in_work("bad"), in_work("knowledge"));
    CHECK_INT(finish(&program, 100), code);
    CU_ASSERT(logged(&program, part));
}

static json_t *rates(int agents, const char *value)
{
    json_t *rows = json_array();
    for (int i = 0; i < agents; i++) {
        json_t *row = json_array();
        for (int j = 0; j < agents; j++) {
            json_array_append_new(row, *value == '0' ? json_integer(0) : json_null());
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static void test_networks(void)
{
    make_knowledge(in_work("knowledge"), 4, 64);
    expect(2, "F", json_pack("[[f,f],[f,f]]", 0.0, 0.7, 1.0, 0.0), 1, "row 0 of F");
    expect(2, "N", json_integer(5000), 1, "\"N\" is 5000");
    expect(2, "F", json_pack("[[f,f],[f,f]]", 0.0, -1.0, 1.0, 0.0), 1, "F[0][1]");
    expect(2, "names", json_pack("[s,s]", "a", "../b"), 2, "../b");
    expect(2, "names", json_pack("[s,s]", "a", "a"), 2, "two agents");
    expect(2, "L", json_integer(2), 1, "elements");
}

/* No way between the two: each needs its own level 1, and only a has any. */
static void test_disconnected(void)
{
    expect(2, "R", rates(2, "0"), 1, "has a way there");
    expect(2, "R", rates(2, "null"), 1, "has a way there");
}

static void test_defined(void)
{
    expect(1, NULL, NULL, 0, ""); /* one agent keeps level 1 */
    CU_ASSERT(store_is("bad", "a", "100"));
    /* Level 2 is no better than level 1: never a link's last one. */
    expect(2, "J_A", json_pack("[f,f,f]", 0.3, 0.5, 0.4), 0, "");
    CU_ASSERT(store_is("bad", "a", "100"));
    CU_ASSERT(store_is("bad", "b", "100"));
}

static void test_words(void)
{
    program_t program = start("align", "network %s", in_work("bad.json"));
    CHECK_INT(finish(&program, 20), 2);
    CU_ASSERT(logged(&program, "run.folder"));
    program = start("align", "agent --agent.name=a");
    CHECK_INT(finish(&program, 20), 2);
    CU_ASSERT(logged(&program, "agent.folder"));
    program = start("align", "agent --agent.name=a/b --agent.folder=%s", in_work("x"));
    CHECK_INT(finish(&program, 20), 2);
    CU_ASSERT(logged(&program, "agent.name"));
    program = start("align", "agent --agent.name=a --agent.folder=%s --agent.bind=tcp://0.0.0.0:*",
                    in_work("x"));
    CHECK_INT(finish(&program, 20), 2); /* the world needs keys */
    CU_ASSERT(logged(&program, "control.key"));
    /* An expert's adapter without levels. */
    const char *flat = in_work("flat");
    adapter_t *high = adapter_load(in_work("knowledge"), NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(high);
    adapter_info_t info = *adapter_info(high);
    info.level = info.levels = 0;
    adapter_array_t arrays[8];
    for (int i = 0; i < 8; i++) {
        arrays[i] = *adapter_array(high, i);
    }
    adapter_t *adapter = adapter_build(&info, arrays, 8, NULL, 0, NULL);
    CHECK_INT(adapter_save(adapter, flat, NULL), 0);
    adapter_destroy(adapter);
    adapter_destroy(high);
    program = start("align", "agent --agent.name=a --agent.folder=%s --agent.knowledge=task=%s",
                    in_work("x"), in_work("flat"));
    CHECK_INT(finish(&program, 20), 2);
    CU_ASSERT(logged(&program, "at level 0 of 0"));
}

/* One folder, two agents. */
static void test_folder_taken(void)
{
    program_t first = start("align", "agent --agent.name=a --agent.folder=%s", in_work("own"));
    CU_ASSERT(wait_for(&first, " at ipc"));
    program_t second = start("align", "agent --agent.name=a --agent.folder=%s", in_work("own"));
    CHECK_INT(finish(&second, 20), 1);
    CU_ASSERT(logged(&second, "another agent has this folder"));
    CHECK_INT(interrupt(&first), 0);
}

static program_t start_agent(const char *name, bool expert)
{
    program_t agent = start("align", "agent --agent.name=%s --agent.folder=%s%s%s", name,
                            in_work("full/%s", name), expert ? " --agent.knowledge=task=" : "",
                            expert ? in_work("large") : "");
    CU_ASSERT(wait_for(&agent, " at ipc"));
    return agent;
}

/* b's disk is full (a file can't grow beyond 60 kB): the others get what is theirs, b keeps what
   came, and goes on when there is room. */
static void test_full_disk(void)
{
    static const char *const plan[] = {"111", "111", "111"};
    static const char *const names[] = {"a", "b", "c"};
    program_t agent[3];
    json_t *list = json_array();
    make_knowledge(in_work("large"), 16, 512);
    make_plan(in_work("full.json"), 3, plan);
    CHECK_INT(mkdir(in_work("full"), 0777), 0);
    for (int i = 0; i < 3; i++) {
        child_file_limit = i == 1 ? 60000 : RLIM_INFINITY;
        agent[i] = start_agent(names[i], i == 0);
        char endpoint[300];
        snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("full/%s/control", names[i]));
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "name", names[i], "endpoint", endpoint));
    }
    child_file_limit = RLIM_INFINITY;
    CHECK_INT(json_dump_file(list, in_work("list.json"), 0), 0);
    json_decref(list);
    CHECK_INT(run_network("%s --run.agents=%s --run.deadline_s=60", in_work("full.json"),
                          in_work("list.json")),
              1);
    CU_ASSERT(run_said("b can't take what the plan gives it"));
    CU_ASSERT(run_said("File too large"));
    CU_ASSERT(store_is("full", "c", "111"));
    CU_ASSERT(store_is("full", "b", "000"));
    CHECK_INT(interrupt(&agent[1]), 0);
    agent[1] = start_agent("b", false);
    CHECK_INT(run_network("%s --run.agents=%s --run.deadline_s=60", in_work("full.json"),
                          in_work("list.json")),
              0);
    CU_ASSERT(store_is("full", "b", "111"));
    /* What had come before the disk was full was not sent again. */
    CHECK_AT_MOST(in_run("bytes", "received"), 0.5 * in_run("bytes", "differences"));
    for (int i = 0; i < 3; i++) {
        CHECK_INT(interrupt(&agent[i]), 0);
    }
}

/* Nobody at the address. */
static void test_nobody(void)
{
    make_plan(in_work("lost.json"), 1, NULL);
    json_t *list = json_pack("[{s:s, s:s}]", "name", "a", "endpoint", "ipc:///nowhere/at/all");
    CHECK_INT(json_dump_file(list, in_work("list.json"), 0), 0);
    json_decref(list);
    CHECK_INT(run_network("%s --run.agents=%s --run.patience_s=0.5", in_work("lost.json"),
                          in_work("list.json")),
              5);
    CU_ASSERT(run_said("a at ipc:///nowhere/at/all: nobody listens"));
}

static const check_test_t tests[] = {
    {"wrong networks are refused by name and number", test_networks},
    {"without a way nothing arrives, and that is said", test_disconnected},
    {"N = 1, and levels that are no better, have defined results", test_defined},
    {"wrong words, names, addresses and adapters are refused", test_words},
    {"a folder belongs to one agent", test_folder_taken},
    {"a full disk at one agent doesn't hold up the others, and is said", test_full_disk},
    {"an agent that isn't there is named", test_nobody},
};

int main(void)
{
    if (mkdtemp(work_folder) == NULL) {
        return 1;
    }
    const int failed = check_run("network_input", tests, CHECK_COUNT(tests));
    json_decref(last_run);
    daemons_end(failed);
    return failed;
}
