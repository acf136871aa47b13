/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report.h"
#include "rng.h"
#include "tally.h"

#include "check.h"

#include <jansson.h>
#include <stdlib.h>

static frame_report_t sample_report(void)
{
    frame_report_t r;
    report_init(&r);
    r.time_ns = 1784894671207000000u;
    r.source = 1;
    r.destination = 2;
    r.frame = 65535;
    r.image_in_frame = 3;
    r.image_id = 9999;
    strcpy(r.dataset, "cifar10");
    strcpy(r.codec, "small \"quoted\" \\");
    r.rate_numerator = 1;
    r.rate_denominator = 6;
    r.adapter_tag = 0;
    r.width = r.height = 32;
    r.symbols = 512;
    r.snr_db = 12.25;
    r.cfo_hz = -312.5;
    r.timing_sample = 460800000123.0;
    r.mse = 40.5;
    r.psnr_db = 32.05;
    r.ssim = 0.93;
    r.label = 0;
    r.predicted = 0;
    r.correct = 1;
    r.confidence = 0.75;
    return r;
}

static json_t *to_object(const frame_report_t *r)
{
    char text[REPORT_JSON_SIZE];
    int length = report_to_json(r, text, sizeof text);
    CHECK_INT(length, strlen(text));
    CU_ASSERT_PTR_NULL(strchr(text, '\n'));
    return json_loads(text, 0, NULL);
}

static void test_valid(void)
{
    frame_report_t r = sample_report();
    json_t *object = to_object(&r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    CHECK_INT(json_integer_value(json_object_get(object, "frame")), 65535);
    CHECK_NEAR(json_real_value(json_object_get(object, "snr_db")), 12.25, 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(object, "rate")), "1/6");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(object, "status")), "ok");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(object, "codec")), r.codec);
    json_decref(object);
}

static void test_nulls(void)
{
    frame_report_t r;
    report_init(&r);
    r.snr_db = INFINITY;
    json_t *object = to_object(&r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    static const char *const keys[] = {"source", "frame", "image_id", "dataset", "rate",  "width",
                                       "snr_db", "mse",   "psnr_db",  "label",   "correct"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        CU_ASSERT(json_is_null(json_object_get(object, keys[i])));
    }
    json_decref(object);
}

static void test_round_trip(void)
{
    frame_report_t r = sample_report(), back;
    char text[REPORT_JSON_SIZE], again[REPORT_JSON_SIZE];
    report_to_json(&r, text, sizeof text);
    err_t err = ERR_INIT;
    CHECK_INT(report_from_json(text, &back, &err), 0);
    CHECK_NEAR(back.timing_sample, r.timing_sample, 0);
    CU_ASSERT(isnan(back.evm_db));
    CHECK_INT(back.predicted, 0);
    CHECK_NEAR(back.confidence, 0.75, 0);
    report_to_json(&back, again, sizeof again);
    CU_ASSERT_STRING_EQUAL(text, again);
}

static void test_hostile_bytes(void)
{
    rng_t rng;
    rng_seed(&rng, 5, 0);
    for (int i = 0; i < 20000; i++) {
        frame_report_t r;
        report_init(&r);
        for (int k = 0; k < 31; k++) {
            r.dataset[k] = (char)rng_below(&rng, 256);
            r.codec[k] = (char)(rng_below(&rng, 2) ? 0xe0 + rng_below(&rng, 32)
                                                    : 0x80 + rng_below(&rng, 64));
        }
        uint64_t bits = rng_bits(&rng);
        memcpy(&r.snr_db, &bits, sizeof bits);
        r.image_id = (int64_t)rng_bits(&rng);
        json_t *object = to_object(&r);
        if (object == NULL) {
            CU_FAIL("a report that is not JSON");
            return;
        }
        json_decref(object);
    }
}

static void test_small_buffers(void)
{
    frame_report_t r = sample_report();
    char text[REPORT_JSON_SIZE];
    int length = report_to_json(&r, text, sizeof text);
    for (size_t size = 0; size <= (size_t)length; size++) {
        char *small = malloc(size + 1);
        CHECK_INT(report_to_json(&r, small, size), -1);
        free(small);
    }
    CHECK_INT(report_to_json(&r, text, (size_t)length + 1), length);
}

static void test_bad_lines(void)
{
    static const char *const lines[] = {"",
                                        "[]",
                                        "{\"frame\":\"x\"}",
                                        "{\"status\":\"fine\"}",
                                        "{\"rate\":\"1/0\"}",
                                        "{\"rate\":\"1/6x\"}",
                                        "{\"width\":99999999999}",
                                        "{\"count\":-1}",
                                        "{\"frame\":1,\"frame\":2}",
                                        "{\"frame\":1"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        frame_report_t r;
        err_t err = ERR_INIT;
        CHECK_INT(report_from_json(lines[i], &r, &err), -1);
        CHECK_INT(err.code, ERR_FORMAT);
    }
    frame_report_t r;
    CHECK_INT(report_from_json("{\"later\":1,\"frame\":null}", &r, NULL), 0);
    CHECK_INT(r.frame, -1);
}

static void test_tally(void)
{
    tally_t tally;
    tally_reset(&tally);
    CU_ASSERT(isnan(tally_psnr_of_mean_mse_db(&tally)));
    CU_ASSERT(isnan(tally_accuracy(&tally)));
    frame_report_t r = sample_report();
    for (int i = 0; i < 4; i++) { /* two frames of two images */
        r.image_in_frame = i % 2;
        r.mse = i < 2 ? 10 : 1000;
        r.psnr_db = 10 * log10(255 * 255 / r.mse);
        r.correct = i == 0 ? 0 : 1;
        tally_add(&tally, &r);
    }
    report_init(&r);
    r.status = REPORT_LOST_GAP;
    r.count = 7;
    tally_add(&tally, &r);
    r.status = REPORT_LOST_HEADER;
    r.count = 1;
    tally_add(&tally, &r);
    r.status = REPORT_DAMAGED;
    tally_add(&tally, &r);
    CHECK_INT(tally.frames_ok, 2);
    CHECK_INT(tally.images, 4);
    CHECK_INT(tally_frames_lost(&tally), 9);
    CHECK_INT(tally_frames(&tally), 11);
    CHECK_NEAR(tally_psnr_of_mean_mse_db(&tally), 10 * log10(255 * 255 / 505.0), 1e-9);
    CHECK_NEAR(tally_mean_psnr_db(&tally), 10 * log10(255 * 255 / 100.0), 1e-9);
    CHECK_NEAR(tally_accuracy(&tally), 0.75, 1e-12);
}

static const check_test_t tests[] = {
    {"a report is one line of valid JSON", test_valid},
    {"what was not measured is null", test_nulls},
    {"a report reads back as it was written", test_round_trip},
    {"no bytes in a text and no number make invalid JSON", test_hostile_bytes},
    {"a buffer that is too small is refused, never overrun", test_small_buffers},
    {"a bad line is an error; unknown keys are not", test_bad_lines},
    {"totals hold both PSNR means and every cause of loss", test_tally},
};

int main(void)
{
    return check_run("report", tests, CHECK_COUNT(tests));
}
