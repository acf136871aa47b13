/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Semantic links between real agents: what the network loses, measured beside what was planned. */
#include "agents.h"

#include "quality/quality.h"

/* Levels of ranks 1, 2, 3 on the small codec's encoder, each part half as large as the one before.
 */
static void make_levels(void)
{
    enum { IN = 8 * 9, OUT = 32 };
    static float a[AGENTS_LEVELS * IN], b[OUT * AGENTS_LEVELS];
    err_t err = ERR_INIT;
    rng_t rng;
    codec_t *codec = codec_open(in_work("codec"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    rng_seed(&rng, 5, 3);
    rng_normal(&rng, a, AGENTS_LEVELS * IN);
    rng_normal(&rng, b, OUT * AGENTS_LEVELS);
    for (int i = 0; i < AGENTS_LEVELS * IN; i++) {
        a[i] *= 0.05f / (float)(1 << (i / IN));
    }
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = codec_hash(codec);
    info.kind = ADAPTER_LORA;
    info.rank = info.levels = info.level = AGENTS_LEVELS;
    info.alpha = AGENTS_LEVELS;
    for (int l = 0; l < AGENTS_LEVELS; l++) {
        info.ranks[l] = l + 1;
    }
    const adapter_array_t arrays[] = {{"encoder.head.lora_A", 2, {AGENTS_LEVELS, IN}, a},
                                      {"encoder.head.lora_B", 2, {OUT, AGENTS_LEVELS}, b}};
    adapter_t *adapter = adapter_build(&info, arrays, 2, NULL, 0, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    CHECK_INT(adapter_save(adapter, in_work("knowledge"), &err), 0);
    adapter_destroy(adapter);
    codec_close(codec);
    FILE *file = fopen(in_work("run.conf"), "w");
    fprintf(file, "[run]\nwords = --skill.codec=%s --skill.images=cifar10:%s\n", in_work("codec"),
            in_work("set.bin"));
    fclose(file);
}

static int run_links(const char *plan, const char *more)
{
    return run_network("%s --config %s --run.folder=%s --run.knowledge=a:task=%s --run.images=2 "
                       "--run.deadline_s=60 %s",
                       in_work("%s", plan), in_work("run.conf"), in_work("net"),
                       in_work("knowledge"), more);
}

static double part(const char *name, const char *which)
{
    const json_t *object = json_object_get(json_object_get(last_run, "loss"), name);
    const json_t *value = json_object_get(object, which);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static double level_loss(size_t level, const char *which)
{
    const json_t *levels = json_object_get(json_object_get(last_run, "loss"), "levels");
    const json_t *value = json_object_get(json_array_get(levels, level - 1), which);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Everybody holds everything: at the highest level nothing of the expert is missing. */
static void test_aligned(void)
{
    static const char *const plan[] = {"111", "111"};
    make_levels();
    make_plan(in_work("all.json"), 2, plan);
    CHECK_INT(run_links("all.json", "--run.measure"), 0);
    CHECK_NEAR(level_loss(3, "measured"), 0, 1e-6);
    CHECK_NEAR(part("transmission", "measured"), 0, 1e-9);
    CHECK_NEAR(part("storage", "measured"), part("storage", "predicted"), 1e-9);
}

/* b holds nothing and fetches for each use: the parts are as predicted with the measured J_A and S,
   and afterwards b holds nothing again. */
static void test_measured(void)
{
    static const char *const plan[] = {"111", "000"};
    make_plan(in_work("half.json"), 2, plan);
    CHECK_INT(run_links("half.json", "--run.measure"), 0);
    CU_ASSERT(store_is("net", "a", "111"));
    CU_ASSERT(store_is("net", "b", "000"));
    CHECK_AT_LEAST(in_run("bytes", "received_for_use"), 1);
    CHECK_AT_LEAST(part("transmission", "measured"), 0.01);
    /* S in the file is 1 for each level, the real increments differ: within a factor of two. */
    CHECK_AT_MOST(part("transmission", "measured"), 2 * part("transmission", "predicted"));
    CHECK_AT_LEAST(part("transmission", "measured"), 0.5 * part("transmission", "predicted"));
}

/* J_A measured level by level falls, and the network then loses what its plan says. */
static void test_losses(void)
{
    CHECK_INT(run_links("all.json", "--run.losses --run.measure"), 0);
    CHECK_AT_LEAST(level_loss(1, "predicted"), level_loss(2, "predicted"));
    CHECK_AT_LEAST(level_loss(2, "predicted"), level_loss(3, "predicted"));
    CHECK_AT_MOST(level_loss(2, "predicted"), 0.9);
    CHECK_NEAR(part("storage", "measured"), part("storage", "predicted"), 1e-6);
}

/* Over the waveform: at high SNR nearly the same, at low SNR worse. */
static void test_ofdm(void)
{
    CHECK_INT(run_links("all.json", "--run.measure --run.via=ofdm --run.snr_db=35"), 0);
    const double good = level_loss(3, "measured");
    CHECK_INT(run_links("all.json", "--run.measure --run.via=ofdm --run.snr_db=5"), 0);
    const double poor = level_loss(3, "measured");
    CHECK_AT_MOST(good, 0.2);
    CHECK_AT_LEAST(poor, 2 * good);
}

/* Directly: wrong sizes, levels and tasks are refused by name; the expert's answer is level 3's. */
static void test_requests(void)
{
    program_t agent = start("align",
                            "agent --agent.name=a --agent.folder=%s --agent.knowledge=task=%s "
                            "--skill.codec=%s --skill.images=cifar10:%s --agent.bind=ipc://%s",
                            in_work("alone"), in_work("knowledge"), in_work("codec"),
                            in_work("set.bin"), in_work("a.ipc"));
    CU_ASSERT(wait_for(&agent, " at ipc"));
    control_client_t *client = client_of("a");
    control_result_t got, coded, decoded, expert;
    err_t err = ERR_INIT;
    json_t *args = json_pack("{s:s, s:i}", "task", "task", "index", 3);
    CHECK_INT(control_client_ask(client, "agent.sample", "", args, NULL, 0, 20, &got, &err), 0);
    json_decref(args);
    CHECK_INT(got.blob_size, 3072);
    args = json_pack("{s:s, s:i, s:i, s:i}", "task", "task", "level", 3, "width", 32, "height", 32);
    CHECK_INT(control_client_ask(client, "agent.encode", "", args, got.blob, got.blob_size, 20,
                                 &coded, &err),
              0);
    CHECK_INT(control_client_ask(client, "agent.decode", "", args, coded.blob, coded.blob_size, 20,
                                 &decoded, &err),
              0);
    CHECK_INT(
        control_client_ask(client, "agent.decode", "", args, coded.blob, 7, 20, &expert, &err), -1);
    CHECK_ERROR_NAMES(&err, "symbols, not 7");
    control_result_free(&expert);
    json_object_set_new(args, "level", json_integer(4));
    CHECK_INT(control_client_ask(client, "agent.encode", "", args, got.blob, got.blob_size, 20,
                                 &expert, &err),
              -1);
    CHECK_ERROR_NAMES(&err, "no level 4");
    control_result_free(&expert);
    json_object_del(args, "level");
    CHECK_INT(control_client_ask(client, "agent.expert", "", args, got.blob, got.blob_size, 20,
                                 &expert, &err),
              0);
    CHECK_NEAR(quality_mse(expert.blob, decoded.blob, 3072), 0, 0.01);
    json_object_set_new(args, "task", json_string("other"));
    control_result_free(&expert);
    CHECK_INT(control_client_ask(client, "agent.expert", "", args, got.blob, got.blob_size, 20,
                                 &expert, &err),
              -1);
    CHECK_ERROR_NAMES(&err, "no expert of \"other\"");
    control_result_free(&expert);
    control_result_free(&got);
    control_result_free(&coded);
    control_result_free(&decoded);
    json_decref(args);
    control_client_destroy(client);
    CHECK_INT(interrupt(&agent), 0);
}

static const check_test_t tests[] = {
    {"with all levels everywhere nothing of the expert is missing", test_aligned},
    {"who keeps nothing fetches for a use, and it is measured", test_measured},
    {"measured J_A falls from level to level and is what the plan is made with", test_losses},
    {"features ride the waveform between two agents", test_ofdm},
    {"semantic requests: what they do, and what they refuse", test_requests},
};

int main(void)
{
    const int failed = daemons_run("network_links", tests, CHECK_COUNT(tests));
    json_decref(last_run);
    return failed;
}
