/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON of networks and plans, and the command. */
#include "allocation/allocate_command.h"
#include "allocation/network.h"
#include "check.h"
#include "file.h"

#include <stdlib.h>
#include <unistd.h>

static const char good[] =
    "{\"N\":2,\"L\":2,\"eta_A\":1,\"eta_T\":0.5,\"eta_S\":0.1,\"J_A\":[0.5,0.2],\"S\":[1,1],"
    "\"F\":[[null,1],[1,0]],\"R\":[[0,2],[null,0]],\"names\":[\"a\",\"b\"],\"note\":\"kept\"}";

static network_t *parse(const char *text, err_t *err)
{
    return network_parse(text, strlen(text), "net.json", err);
}

static void test_read(void)
{
    err_t err = ERR_INIT;
    network_t *network = parse(good, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(network);
    const allocation_input_t *in = network_input(network);
    CHECK_INT(in->agents, 2);
    CHECK_INT(in->levels, 2);
    CHECK_NEAR(in->eta_t, 0.5, 0.0);
    CHECK_NEAR(in->loss[1], 0.2, 0.0);
    CHECK_NEAR(in->frequency[1], 1.0, 0.0);
    CHECK_NEAR(in->rate[1], 2.0, 0.0);
    CHECK_NEAR(in->rate[2], 0.0, 0.0);
    CU_ASSERT_PTR_NULL(network_held(network));
    network_destroy(network);
}

/* `good` with its first `from` replaced by `to` must fail and name `names`. */
static void refuse(const char *from, const char *to, const char *names)
{
    char text[1024];
    const char *at = strstr(good, from);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    err_t err = ERR_INIT;
    network_t *network = parse(text, &err);
    CU_ASSERT_PTR_NULL(network);
    CU_ASSERT_NOT_EQUAL(err.code, ERR_NONE);
    CHECK_ERROR_NAMES(&err, "net.json");
    CHECK_ERROR_NAMES(&err, names);
    network_destroy(network);
}

static void test_refuse(void)
{
    refuse("{\"N\":2,", "{", "\"N\" must be an integer");
    refuse("\"N\":2", "\"N\":2.5", "\"N\" must be an integer");
    refuse("\"N\":2", "\"N\":0", "\"N\" is 0");
    refuse("\"N\":2", "\"N\":5000", "\"N\" is 5000: allowed are 1 to 2048");
    refuse("\"N\":2", "\"N\":3", "\"F\" must be an array of 3 rows");
    refuse("\"L\":2", "\"L\":3", "\"J_A\" has 2 elements instead of 3");
    refuse("\"eta_T\":0.5", "\"eta_T\":\"x\"", "\"eta_T\" must be a number");
    refuse("[0.5,0.2]", "[0.5,null]", "\"J_A[1]\" must be a number");
    refuse("[null,1],[1,0]", "[null,1],[1]", "\"F[1]\" has 1 elements");
    refuse("[null,1],[1,0]", "[null,null],[1,0]", "\"F[0][1]\" must be a number");
    refuse("[0,2]", "[0,\"x\"]", "\"R[0][1]\" must be a number or null");
    refuse("[0,2]", "[0,NaN]", "net.json:1");
    refuse("[\"a\",\"b\"]", "[\"a\"]", "\"names\" must be an array of 2 strings");
    refuse("\"note\"", "\"s\":[[1,1],[2,0]],\"note\"", "\"s[1][0]\" must be 0 or 1");
    refuse("\"note\"", "\"N\":2,\"note\"", "net.json:1");
    refuse("}", "", "net.json:1");
}

static void test_plan(void)
{
    err_t err = ERR_INIT;
    network_t *network = parse(good, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(network);
    uint8_t held[4] = {1, 1, 1, 0};
    const allocation_plan_t plan = {held, 1.25, 1.0, 0.2, 0.001};
    CHECK_INT(network_set_plan(network, "ours", "link", &plan, &err), 0);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK_INT(network_write(network, out, &err), 0);
    fclose(out);
    network_destroy(network);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"note\":\"kept\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"s\":[[1,1],[1,0]],\"objective\":1.25"));
    network_t *again = parse(text, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CHECK_INT(memcmp(network_held(again), held, sizeof(held)), 0);
    network_destroy(again);
    free(text);
}

static network_t *named(const char *names, int agents, const char *plan)
{
    char text[1024], rows[256] = "";
    for (int i = 0; i < agents; i++) {
        strcat(rows, i ? ",[" : "[");
        for (int j = 0; j < agents; j++) {
            strcat(rows, j ? ",1" : "1");
        }
        strcat(rows, "]");
    }
    snprintf(text, sizeof(text),
             "{\"N\":%d,\"L\":2,\"eta_A\":1,\"eta_T\":1,\"eta_S\":1,\"J_A\":[2,1],\"S\":[1,1],"
             "\"F\":[%s],\"R\":[%s]%s%s}",
             agents, rows, rows, names, plan);
    err_t err = ERR_INIT;
    network_t *network = parse(text, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(network);
    return network;
}

static void test_carry_over(void)
{
    err_t err = ERR_INIT;
    uint8_t held[6];
    network_t *old = named(",\"names\":[\"x\",\"y\"]", 2, ",\"s\":[[1,1],[1,0]]");
    network_t *by_name = named(",\"names\":[\"y\",\"z\",\"x\"]", 3, "");
    const uint8_t expected[6] = {1, 0, 0, 0, 1, 1}, in_order[6] = {1, 1, 1, 0, 0, 0};
    CHECK_INT(network_carry_over(by_name, old, held, &err), 0);
    CHECK_INT(memcmp(held, expected, sizeof(held)), 0);
    network_t *plain = named("", 3, ""), *one = named("", 1, "");
    CHECK_INT(network_carry_over(plain, old, held, &err), 0);
    CHECK_INT(memcmp(held, in_order, sizeof(held)), 0);
    CHECK_INT(network_carry_over(one, old, held, &err), -1);
    CHECK_ERROR_NAMES(&err, "1 agents left");
    CHECK_INT(network_carry_over(old, plain, held, &err), -1);
    CHECK_ERROR_NAMES(&err, "no \"s\"");
    network_destroy(old);
    network_destroy(by_name);
    network_destroy(plain);
    network_destroy(one);
}

static int run(const char *const words[])
{
    char *argv[16];
    int argc = 0;
    while (words[argc] != NULL) {
        argv[argc] = (char *)(uintptr_t)words[argc];
        argc++;
    }
    return align_allocate_command(argc, argv);
}

static network_t *read_back(const char *path)
{
    err_t err = ERR_INIT;
    network_t *network = network_read(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(network);
    return network;
}

static void test_command(void)
{
    char folder[] = "/tmp/test_allocation_XXXXXX", net[64], plan[64], mended[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(net, sizeof(net), "%s/net.json", folder);
    snprintf(plan, sizeof(plan), "%s/plan.json", folder);
    snprintf(mended, sizeof(mended), "%s/mended.json", folder);
    CHECK_INT(run((const char *[]){"allocate", "--network.agents=12", "--rates=square",
                                   "--draw_only", "--out", net, NULL}),
              0);
    CHECK_INT(run((const char *[]){"allocate", net, "--out", plan, NULL}), 0);
    CHECK_INT(run((const char *[]){"allocate", net, "--previous", plan, "--out", mended, NULL}), 0);
    network_t *drawn = read_back(net), *first = read_back(plan), *second = read_back(mended);
    CU_ASSERT_PTR_NULL(network_held(drawn));
    CU_ASSERT_PTR_NOT_NULL_FATAL(network_held(first));
    CU_ASSERT_PTR_NOT_NULL_FATAL(network_held(second));
    CHECK_INT(memcmp(network_held(first), network_held(second), 12 * 5), 0);
    network_destroy(drawn);
    network_destroy(first);
    network_destroy(second);
    CHECK_INT(run((const char *[]){"allocate", net, "--method", "exact", "--reading", "agent",
                                   "--loss", "0.5", "--out", plan, NULL}),
              0);
    CHECK_INT(run((const char *[]){"allocate", NULL}), 1);
    CHECK_INT(run((const char *[]){"allocate", "/nowhere/net.json", NULL}), 1);
    CHECK_INT(run((const char *[]){"allocate", net, "--network.agents=3", NULL}), 1);
    CHECK_INT(run((const char *[]){"allocate", net, "--previous", net, NULL}), 1);
    CHECK_INT(run((const char *[]){"allocate", net, "--method", "best", NULL}), 2);
    unlink(net);
    unlink(plan);
    unlink(mended);
    rmdir(folder);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"a network is read", test_read},
        {"what is malformed is refused by key and place", test_refuse},
        {"a plan goes out with all the network's keys and comes back", test_plan},
        {"rows of a plan follow names, else places", test_carry_over},
        {"the command draws, plans, mends and refuses", test_command},
    };
    return check_run("allocation_network", tests, CHECK_COUNT(tests));
}
