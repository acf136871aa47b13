/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Levels through a real hub: both daemons hold level 1, and staging level 5 sends them the
 * difference.
 */
#include "adapter/adapter_level.h"
#include "control/transfer_client.h"
#include "control/upgrade.h"
#include "control_daemons.h"

enum { LEVELS = 5, RANK = 20, IN = 8 * 9, OUT = 32 };

static adapter_t *high, *low;
static size_t high_size;
static upgrade_plan_t plan;

/* Levels 1 .. 5 on the small codec's last layer, ranks 4, 8 … 20. */
static void make_levels(void)
{
    static float a[RANK * IN], b[OUT * RANK];
    err_t err = ERR_INIT;
    rng_t rng;
    codec_t *codec = codec_open(in_work("codec"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    rng_seed(&rng, 9, 9);
    rng_normal(&rng, a, RANK * IN);
    rng_normal(&rng, b, OUT * RANK);
    for (int i = 0; i < RANK * IN; i++) {
        a[i] *= 0.005f;
    }
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = codec_hash(codec);
    info.kind = ADAPTER_LORA;
    info.rank = RANK;
    info.alpha = RANK;
    info.level = info.levels = LEVELS;
    for (int l = 0; l < LEVELS; l++) {
        info.ranks[l] = RANK / LEVELS * (l + 1);
    }
    const adapter_array_t arrays[] = {{"encoder.head.lora_A", 2, {RANK, IN}, a},
                                      {"encoder.head.lora_B", 2, {OUT, RANK}, b}};
    high = adapter_build(&info, arrays, 2, NULL, 0, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(high);
    low = adapter_level(high, 1, &err);
    (void)adapter_bytes(high, &high_size);
    upgrade_plan(&plan, high, NULL);
    CHECK_INT(adapter_save(high, in_work("level5.safetensors"), &err), 0);
    CHECK_INT(adapter_save(low, in_work("level1.safetensors"), &err), 0);
    codec_close(codec);
}

/* semradio-align WORDS at the hub; its answer. */
__attribute__((format(printf, 1, 2))) static json_t *align(const char *format, ...)
{
    char words[512];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    program_t program =
        start("align", "--connect=ipc://%s --timeout=30 --json %s", in_work("hub.ipc"), words);
    CHECK_INT(finish(&program, 60), 0);
    char *text = text_of(in_work("align.out"));
    json_t *answer = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL(answer);
    free(text);
    return answer;
}

static const char *word(const json_t *answer, const char *end, const char *key)
{
    const char *text = json_string_value(json_object_get(json_object_get(answer, end), key));
    return text != NULL ? text : "";
}

static int64_t bytes(const json_t *answer, const char *end, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(answer, end), key));
}

static bool with_level_5(const frame_report_t *report)
{
    char text[DIGEST_TEXT];
    const digest_t id = adapter_id(high);
    return strncmp(report->adapter, digest_text(&id, text), 16) == 0 && report->adapter_tag > 0;
}

/* The first `count` bytes of the difference, to the receiver itself: a hub that died there. */
static void begin_transfer(size_t count)
{
    uint8_t *difference;
    size_t size;
    char hash[DIGEST_TEXT];
    err_t err = ERR_INIT;
    control_result_t got;
    control_client_t *client = client_of("rx");
    CHECK_INT(upgrade_difference(&plan, LEVELS - 2, high, NULL, &difference, &size, &err), 0);
    const digest_t id = digest_of(difference, size);
    digest_text(&id, hash);
    json_decref(
        ask(client, "put", json_pack("{s:s, s:I}", "hash", hash, "size", (json_int_t)size), &err));
    json_t *args = json_pack("{s:s, s:i}", "hash", hash, "offset", 0);
    CHECK_INT(control_client_ask(client, "chunk", "", args, difference, count, 20, &got, &err), 0);
    json_decref(args);
    control_result_free(&got);
    control_client_destroy(client);
    free(difference);
}

static void test_upgrade(void)
{
    program_t air = start_air("--channel.snr_db=25"), rx = start_rx(""), tx = start_tx("");
    program_t hub =
        start("align", "hub --hub.bind=ipc://%s --hub.tx=ipc://%s --hub.rx=ipc://%s --hub.store=%s",
              in_work("hub.ipc"), in_work("tx.ipc"), in_work("rx.ipc"), in_work("hub-store"));
    CU_ASSERT(wait_for(&hub, "hub at"));
    make_levels();
    const size_t missing = adapter_missing_bytes(high, low);

    json_t *answer = align("put %s one", in_work("level1.safetensors"));
    json_decref(answer);
    answer = align("stage one");
    CU_ASSERT_STRING_EQUAL(word(answer, "tx", "as"), "whole");
    CU_ASSERT_STRING_EQUAL(word(answer, "rx", "as"), "whole");
    json_decref(answer);

    answer = align("put %s five", in_work("level5.safetensors")); /* the hub has level 1 as well */
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "as")), "difference");
    CHECK_AT_MOST((double)json_integer_value(json_object_get(answer, "sent")),
                  1.05 * (double)missing);
    json_decref(answer);

    const size_t cut = 1001;
    begin_transfer(cut);
    answer = align("stage five");
    CU_ASSERT_STRING_EQUAL(word(answer, "tx", "as"), "difference");
    CU_ASSERT_STRING_EQUAL(word(answer, "rx", "as"), "difference");
    CHECK_INT(bytes(answer, "tx", "size"), high_size);
    fprintf(stderr, "%lld bytes sent, %zu are missing; the whole has %zu\n",
            (long long)bytes(answer, "tx", "sent"), missing, high_size);
    CHECK_AT_LEAST((double)bytes(answer, "tx", "sent"), (double)missing);
    CHECK_AT_MOST((double)bytes(answer, "tx", "sent"), 1.05 * (double)missing);
    CHECK_INT(bytes(answer, "rx", "sent"), bytes(answer, "tx", "sent") - (int64_t)cut);
    json_decref(answer);

    answer = align("arm five");
    json_decref(answer);
    CU_ASSERT(wait_until(with_level_5, "level 5"));
    answer = align("status");
    CHECK_INT(bytes(answer, "stage", "differences"), 2);
    CHECK_AT_MOST(bytes(answer, "stage", "bytes"), bytes(answer, "stage", "bytes_if_whole") - 1);
    json_decref(answer);

    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&hub), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    adapter_destroy(high);
    adapter_destroy(low);
}

static const check_test_t tests[] = {
    {"staging level 5 where level 1 is sends the difference, from where it stopped", test_upgrade},
};

int main(void)
{
    return daemons_run("control_upgrade", tests, CHECK_COUNT(tests));
}
