/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every option that may change, changed while frames flow: seen by get, and by what the frames do.
 */
#include "control_daemons.h"

static program_t air, rx, tx;
static control_client_t *to_air, *to_rx, *to_tx;

static void begin(void)
{
    (void)unlink(in_work("rx.jsonl"));
    air = start_air("--channel.snr_db=25");
    rx = start_rx("");
    tx = start_tx("--frame.images=4");
    to_air = client_of("air");
    to_rx = client_of("rx");
    to_tx = client_of("tx");
}

static void end(void)
{
    control_client_destroy(to_air);
    control_client_destroy(to_rx);
    control_client_destroy(to_tx);
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
}

/* ---- all of them, by get ---- */

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Another value that the option takes, from what list says of it. */
static void another(const json_t *option, char *value, size_t size)
{
    static const struct {
        const char *key, *value;
    } special[] = {{"source.loop", "true"},
                   {"frame.destination", "7"},
                   {"codec.rate", "1/4"},
                   {"channel.path", ""},
                   {"tx.duration_s", "100000"},
                   {"rx.duration_s", "100000"},
                   {"tx.frames", "1000000000"},
                   {"rx.frames", "1000000000"},
                   {"rx.overload", "wait"},
                   {"report.table", "off"},
                   {"rx.id", "255"},
                   {"channel.model", "tdl-a"},
                   {"channel.loss_rate", "0.01"},
                   {"channel.doppler_hz", "3"},
                   {"channel.impulse_rate_hz", "2"},
                   {"channel.cfo_hz", "123"},
                   {"channel.linewidth_hz", "1"},
                   {"channel.tone_hz", "1000"},
                   {"channel.tone_sir_db", "40"},
                   {"channel.ofdm_sir_db", "40"},
                   {"channel.pa_backoff_db", "12"},
                   {"channel.pa_smoothness", "3"},
                   {"channel.adc_bits", "10"},
                   {"channel.dc_dbc", "-40"},
                   {"channel.delay_spread_ns", "50"},
                   {"channel.path_link", "1"},
                   {"channel.sco_ppm", "1"},
                   {"frame.gap_us", "30"},
                   {"tx.frame_rate", "500"},
                   {"radio.tx_gain_db", "-1"},
                   {"radio.rx_gain_db", "-1"},
                   {"channel.snr_db", "24"},
                   {"channel.iq_gain_db", "0.1"},
                   {"channel.iq_phase_deg", "0.1"}};
    const char *type = text_in(option, "type"), *now = text_in(option, "value");
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strcmp(text_in(option, "key"), special[i].key) == 0) {
            snprintf(value, size, "%s", special[i].value);
            return;
        }
    }
    if (strcmp(type, "bool") == 0) {
        snprintf(value, size, "%s", strcmp(now, "true") == 0 ? "false" : "true");
    } else if (strcmp(type, "choice") == 0) {
        /* "one of a, b, c": the last word. */
        const char *takes = text_in(option, "takes"), *last = strrchr(takes, ' ');
        snprintf(value, size, "%s", last != NULL ? last + 1 : takes);
        value[strcspn(value, ",|")] = 0;
    } else {
        snprintf(value, size, "%g", strtod(now, NULL) + 1);
    }
}

static int set_all(control_client_t *client)
{
    err_t err = ERR_INIT;
    json_t *list = ask(client, "list", NULL, &err);
    size_t i;
    json_t *option;
    int count = 0;
    json_array_foreach(json_object_get(list, "options"), i, option)
    {
        const char *key = text_in(option, "key");
        char value[64];
        if (!json_is_true(json_object_get(option, "runtime"))) {
            json_t *got = ask(client, "set", json_pack("{s:{s:s}}", "values", key, ""), &err);
            CU_ASSERT_PTR_NULL(got); /* the others refuse */
            json_decref(got);
            continue;
        }
        another(option, value, sizeof value);
        CU_ASSERT(set(client, key, value));
        CU_ASSERT(get_is(client, key, value));
        count++;
    }
    json_decref(list);
    return count;
}

static bool in_use(control_client_t *client)
{
    for (int i = 0; i < 1000; i++) {
        if (status_number(client, "settings_in_use") == status_number(client, "settings")) {
            return true;
        }
        clock_sleep_s(0.01);
    }
    return false;
}

static bool any(const frame_report_t *report)
{
    (void)report;
    return true;
}

static bool at_rate_1_4(const frame_report_t *report)
{
    return report->rate_denominator == 4;
}

static void test_all_by_get(void)
{
    begin();
    CU_ASSERT(wait_until(any, "a frame"));
    CHECK_AT_LEAST(set_all(to_air), 20);
    CHECK_AT_LEAST(set_all(to_rx), 11);
    CHECK_AT_LEAST(set_all(to_tx), 13);
    CU_ASSERT(in_use(to_rx));
    CU_ASSERT(in_use(to_tx));
    CU_ASSERT(wait_until(at_rate_1_4, "frames after all that"));
    CHECK_NEAR(status_number(to_tx, "tx_gain_db"), -1, 0);
    CHECK_NEAR(status_number(to_rx, "rx_gain_db"), -1, 0);
    end();
}

/* ---- by effect ---- */

static double gain_before_db;
static int images_before;

static bool snr_near_10(const frame_report_t *report)
{
    return fabs(report->snr_db - 10) < 2;
}

static bool six_db_less(const frame_report_t *report)
{
    return fabs(report->channel_gain_db - (gain_before_db - 6)) < 0.7;
}

static bool seven_images(const frame_report_t *report)
{
    return report->image_in_frame == 6;
}

static bool to_seven(const frame_report_t *report)
{
    return report->destination == 7 && report->source == 9;
}

static bool without_ssim(const frame_report_t *report)
{
    return !isfinite(report->ssim) && isfinite(report->mse);
}

static bool cfo_near_500(const frame_report_t *report)
{
    return fabs(report->cfo_hz - 500) < 60;
}

static bool fades(const frame_report_t *report)
{
    return fabs(report->channel_gain_db - gain_before_db) > 0.7;
}

static void test_effects(void)
{
    begin();
    CU_ASSERT(wait_until(any, "a frame"));
    gain_before_db = last_report().channel_gain_db;
    CU_ASSERT(set(to_tx, "codec.rate", "1/4"));
    CU_ASSERT(wait_until(at_rate_1_4, "rate 1/4"));
    CU_ASSERT(set(to_tx, "frame.images", "7"));
    CU_ASSERT(wait_until(seven_images, "seven images a frame"));
    CU_ASSERT(set(to_tx, "radio.tx_gain_db", "-6"));
    CU_ASSERT(wait_until(six_db_less, "6 dB less from the transmitter"));
    CU_ASSERT(set(to_tx, "radio.tx_gain_db", "0"));
    CU_ASSERT(set(to_rx, "radio.rx_gain_db", "-6"));
    CU_ASSERT(wait_until(six_db_less, "6 dB less in the receiver"));
    CU_ASSERT(set(to_rx, "radio.rx_gain_db", "0"));
    CU_ASSERT(set(to_air, "channel.snr_db", "10"));
    CU_ASSERT(wait_until(snr_near_10, "10 dB"));
    CU_ASSERT(set(to_air, "channel.cfo_hz", "500"));
    CU_ASSERT(wait_until(cfo_near_500, "a carrier offset"));
    CU_ASSERT(set(to_air, "channel.snr_db", "30"));
    CU_ASSERT(set(to_air, "channel.model", "rayleigh"));
    CU_ASSERT(wait_until(fades, "fading"));
    CU_ASSERT(set(to_air, "channel.model", "awgn"));
    CU_ASSERT(set(to_rx, "quality.ssim", "false"));
    CU_ASSERT(wait_until(without_ssim, "no SSIM"));
    CU_ASSERT(set(to_tx, "frame.source", "9"));
    CU_ASSERT(set(to_tx, "frame.destination", "7"));
    CU_ASSERT(wait_until(to_seven, "from 9 to 7"));
    CU_ASSERT(set(to_rx, "rx.id", "5"));
    images_before = (int)status_number(to_rx, "for_others");
    for (int i = 0; i < 500 && status_number(to_rx, "for_others") < images_before + 5; i++) {
        clock_sleep_s(0.02);
    }
    CHECK_AT_LEAST(status_number(to_rx, "for_others"), images_before + 5);
    CU_ASSERT(set(to_rx, "rx.id", "7"));
    /* The end of the run, set while it runs. */
    CU_ASSERT(set(to_tx, "tx.frames", "1"));
    CHECK_INT(finish(&tx, 30), 0);
    CU_ASSERT(set(to_rx, "rx.duration_s", "0.001"));
    CHECK_INT(finish(&rx, 30), 0);
    control_client_destroy(to_air);
    control_client_destroy(to_rx);
    control_client_destroy(to_tx);
    CHECK_INT(interrupt(&air), 0);
}

/* What cannot be: a rate that the codec does not have, a channel that cannot be made.  All is as
 * before. */
static void test_refusals(void)
{
    err_t err = ERR_INIT;
    begin();
    CU_ASSERT_PTR_NULL(
        ask(to_tx, "set",
            json_pack("{s:{s:s, s:s}}", "values", "frame.images", "5", "codec.rate", "1/5"), &err));
    CHECK_ERROR_NAMES(&err, "only 1/12");
    CU_ASSERT(get_is(to_tx, "frame.images", "4"));
    CU_ASSERT(get_is(to_tx, "codec.rate", "1/6"));
    CU_ASSERT_PTR_NULL(
        ask(to_air, "set",
            json_pack("{s:{s:s, s:s, s:s}}", "values", "channel.snr_db", "3", "channel.model",
                      "rayleigh", "channel.delay_spread_ns", "900000"),
            &err));
    CU_ASSERT(get_is(to_air, "channel.snr_db", "25"));
    CU_ASSERT_PTR_NULL(ask(to_air, "set",
                           json_pack("{s:{s:s, s:s}}", "values", "channel.model", "replay",
                                     "channel.path", in_work("nothing.dat")),
                           &err));
    CHECK_ERROR_NAMES(&err, "nothing.dat");
    /* semradio-air set, from outside, is seen by get. */
    program_t other = start("air", "set channel.snr_db=7 --air %s", air_name);
    CHECK_INT(finish(&other, 10), 0);
    CU_ASSERT(get_is(to_air, "channel.snr_db", "7"));
    end();
}

static const check_test_t tests[] = {
    {"every option that may change can be set while frames flow, and get says so", test_all_by_get},
    {"what is set shows in the frames", test_effects},
    {"what cannot be is refused with a reason, and nothing has changed", test_refusals},
};

int main(void)
{
    return daemons_run("control_options", tests, CHECK_COUNT(tests));
}
