/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two codecs that were trained apart, as two daemons: frames of the one can't be decoded by the
 * other, until a map learned from pilots is armed like any adapter.
 */
#include "control_daemons.h"

static int train_other(void)
{
    program_t train = start("train",
                            "codec --data.train=cifar10:%s --train.epochs=20 --train.batch=16 "
                            "--train.seed=2 --codec.width=8 --codec.encoder_blocks=0 "
                            "--codec.decoder_blocks=0 --train.out=%s --train.log=%s "
                            "--train.checkpoint=%s",
                            in_work("set.bin"), in_work("other"), in_work("other.log"),
                            in_work("other.checkpoint"));
    return finish(&train, 120);
}

/* "psnr_db" of the line that begins with this adapter; NAN without one. */
static double psnr_with(const char *adapter)
{
    double psnr_db = NAN;
    char *text = text_of(in_work("pilots.out")), *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        json_t *object = json_loads(line, 0, NULL);
        const char *name = json_string_value(json_object_get(object, "adapter"));
        if (name != NULL && strcmp(name, adapter) == 0) {
            psnr_db = json_number_value(json_object_get(object, "psnr_db"));
        }
        json_decref(object);
    }
    free(text);
    return psnr_db;
}

/* The transmitter has "other", the receiver "codec". */
static int pilots(const char *words, const char *tx)
{
    program_t program = start("pilots",
                              "%s --pilots.tx=%s --pilots.rx=%s --pilots.source=cifar10:%s "
                              "--pilots.images=48 --channel.snr_db=20",
                              words, in_work("%s", tx), in_work("codec"), in_work("set.bin"));
    return finish(&program, 60);
}

static int align(const char *words)
{
    program_t program =
        start("align", "--connect=ipc://%s --timeout=30 %s", in_work("hub.ipc"), words);
    return finish(&program, 60);
}

static double plain_db, mapped_db, matched_db;

static void make_map(void)
{
    char words[512], map[256];
    snprintf(map, sizeof map, "%s", in_work("map.safetensors"));
    CHECK_INT(train_other(), 0);
    snprintf(words, sizeof words, "write %s", in_work("pilots.safetensors"));
    CHECK_INT(pilots(words, "other"), 0);
    program_t fit = start("align", "fit %s --fit.channels=16 --fit.out=%s --fit.name=map",
                          in_work("pilots.safetensors"), map);
    CHECK_INT(finish(&fit, 60), 0);
    snprintf(words, sizeof words, "measure %s", map);
    CHECK_INT(pilots(words, "other"), 0);
    plain_db = psnr_with("none");
    mapped_db = psnr_with(map);
    CHECK_INT(pilots("measure", "codec"), 0);
    matched_db = psnr_with("none");
    CHECK_AT_LEAST(mapped_db, plain_db + 3);
    CHECK_AT_LEAST(matched_db + 0.5, mapped_db);
    /* The map is from "other" to "codec": no map for "codec" to itself. */
    CHECK_INT(pilots(words, "codec"), 1);
}

static bool mapped(const frame_report_t *report)
{
    return report->adapter_tag > 0 && *report->adapter != 0;
}

typedef struct {
    double sum, count;
} mean_t;

static void add_psnr(const frame_report_t *report, void *context)
{
    mean_t *mean = context;
    if (report->status == REPORT_OK && mapped(report)) {
        mean->sum += report->mse;
        mean->count++;
    }
}

static void test_map(void)
{
    (void)unlink(in_work("rx.jsonl"));
    make_map();
    program_t air = start_air("--channel.snr_db=20"), rx = start_rx("");
    program_t tx = start("tx",
                         "cifar10:%s --radio.address=%s --radio.timeout_s=20 --codec.name=%s "
                         "--control.bind=ipc://%s --control.store=%s --swap.linger_s=0.3 "
                         "--codec.design_snr_db=20",
                         in_work("set.bin"), air_name, in_work("other"), in_work("tx.ipc"),
                         in_work("tx-store"));
    CU_ASSERT(wait_for(&tx, "control at"));
    program_t hub =
        start("align", "hub --hub.bind=ipc://%s --hub.tx=ipc://%s --hub.rx=ipc://%s --hub.store=%s",
              in_work("hub.ipc"), in_work("tx.ipc"), in_work("rx.ipc"), in_work("hub-store"));
    CU_ASSERT(wait_for(&hub, "hub at"));
    CU_ASSERT(wait_for(&rx, "a map between them"));
    char words[512];
    snprintf(words, sizeof words, "put %s map", in_work("map.safetensors"));
    CHECK_INT(align(words), 0);
    CHECK_INT(align("arm map"), 0);
    CU_ASSERT(wait_until(mapped, "frames through the map"));
    clock_sleep_s(0.5);
    /* Back: they are refused again, never decoded as if they were its own. */
    CHECK_INT(align("revert"), 0);
    control_client_t *client = client_of("rx");
    const double before = status_number(client, "undecodable");
    for (int i = 0; i < 500 && status_number(client, "undecodable") < before + 5; i++) {
        clock_sleep_s(0.02);
    }
    CHECK_AT_LEAST(status_number(client, "undecodable"), before + 5);
    control_client_destroy(client);
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&hub), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    mean_t mean = {0};
    CHECK_AT_LEAST(read_reports(in_work("rx.jsonl"), add_psnr, &mean), 1);
    CHECK_AT_LEAST(mean.count, 8);
    const double psnr_db = 10 * log10(255.0 * 255.0 / (mean.sum / mean.count));
    fprintf(stderr, "PSNR: %.2f dB without a map, %.2f with it (daemons: %.2f), %.2f matched\n",
            plain_db, mapped_db, psnr_db, matched_db);
    CHECK_NEAR(psnr_db, mapped_db, 1.5);
}

/* A map from "other" is nothing for a transmitter with "codec". */
static void test_wrong_transmitter(void)
{
    program_t air = start_air("--channel.snr_db=20"), rx = start_rx(""), tx = start_tx("");
    program_t hub =
        start("align", "hub --hub.bind=ipc://%s --hub.tx=ipc://%s --hub.rx=ipc://%s --hub.store=%s",
              in_work("hub.ipc"), in_work("tx.ipc"), in_work("rx.ipc"), in_work("hub-store"));
    CU_ASSERT(wait_for(&hub, "hub at"));
    CHECK_INT(align("stage map"), 1);
    control_client_t *client = client_of("hub");
    err_t err = ERR_INIT;
    digest_t id;
    char hash[DIGEST_TEXT];
    adapter_t *map = adapter_load(in_work("map.safetensors"), &err);
    id = adapter_id(map);
    CU_ASSERT_PTR_NULL(
        ask(client, "stage", json_pack("{s:s}", "hash", digest_text(&id, hash)), &err));
    CHECK_ERROR_NAMES(&err, "this transmitter has");
    adapter_destroy(map);
    control_client_destroy(client);
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&hub), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
}

static const check_test_t tests[] = {
    {"a map fitted from pilots, put and armed, lets one codec decode the other's frames", test_map},
    {"a map from another codec's symbols is refused by the transmitter", test_wrong_transmitter},
};

int main(void)
{
    return daemons_run("control_misaligned", tests, CHECK_COUNT(tests));
}
