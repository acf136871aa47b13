/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The correction takes back exactly what its model says, on both sides of a radio. */
#include "check.h"
#include "file.h"
#include "radio/radio.h"
#include "rng.h"

#include <stdlib.h>
#include <unistd.h>

enum { COUNT = 40000 };

static char folder[64] = "/tmp/semradio-correction-XXXXXX";
static float complex x[COUNT], y[COUNT], z[COUNT];

static void impair(const correction_side_t *side, const float complex *in, float complex *out)
{
    for (int i = 0; i < COUNT; i++) {
        const double complex v = in[i];
        out[i] = (float complex)(v + side->image * conj(v) + side->dc);
    }
}

static double worst_difference(const float complex *a, const float complex *b)
{
    double worst = 0.0;
    for (int i = 0; i < COUNT; i++) {
        worst = fmax(worst, (double)cabsf(a[i] - b[i]));
    }
    return worst;
}

static void test_inverse(void)
{
    const correction_side_t side = {.known = true, .dc = 0.05 - 0.02 * I, .image = 0.06 + 0.04 * I};
    const correction_side_t unknown = {.dc = 0.05, .image = 0.06};
    impair(&side, x, y);
    correction_apply(&side, y, z, COUNT); /* a receiver */
    CHECK_AT_MOST(worst_difference(z, x), 1e-6);
    correction_apply(&side, x, y, COUNT); /* a transmitter */
    impair(&side, y, z);
    CHECK_AT_MOST(worst_difference(z, x), 1e-6);
    memcpy(z, x, sizeof z);
    correction_apply(&unknown, z, z, COUNT);
    CHECK_INT(memcmp(z, x, sizeof z), 0);
}

static const char *write_file(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    return path;
}

#define HEAD "{\"format\":\"semradio calibration 1\",\"serial\":\"ab:1\""
#define RX                                                                                         \
    ",\"rx\":{\"date\":\"2026-01-02T03:04:05.000Z\",\"dc\":[0.1,-0.2],\"image\":[0.01,0.02],"      \
    "\"freq_hz\":1e9,\"gain_db\":7}"

static void refuse(const char *text, const char *serial, err_code_t code, const char *names)
{
    correction_t c;
    err_t err = ERR_INIT;
    CHECK_INT(correction_load(&c, write_file("bad.json", text), serial, &err), -1);
    CHECK_INT(err.code, code);
    CHECK_ERROR_NAMES(&err, names);
    CHECK_ERROR_NAMES(&err, "bad.json");
}

static void test_files(void)
{
    correction_t c;
    err_t err = ERR_INIT;
    write_file("ab_1.json", HEAD RX "}");
    CHECK_INT(correction_load(&c, folder, "ab:1", &err), 0);
    CU_ASSERT(c.rx.known);
    CU_ASSERT(!c.tx.known);
    CHECK_NEAR(cimag(c.rx.dc), -0.2, 1e-12);
    CHECK_NEAR(creal(c.rx.image), 0.01, 1e-12);
    CHECK_NEAR(c.rx.gain_db, 7, 0);
    CU_ASSERT_STRING_EQUAL(c.rx.date, "2026-01-02T03:04:05.000Z");
    CHECK_INT(correction_load(&c, folder, "", &err), -1);
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_INT(correction_load(&c, folder, "../etc/passwd", &err), -1);
    CHECK_ERROR_NAMES(&err, "_._etc_passwd.json");
    CHECK_INT(err.code, ERR_IO);
    refuse("{", "", ERR_FORMAT, "not JSON");
    refuse("{}", "", ERR_FORMAT, "not a calibration file");
    refuse(HEAD RX "}", "other", ERR_FORMAT, "ab:1");
    refuse(HEAD ",\"rx\":{}}", "", ERR_FORMAT, "rx");
    refuse(HEAD ",\"tx\":{\"date\":\"x\",\"dc\":[0,2],\"image\":[0,0]}}", "", ERR_FORMAT, "tx");
    refuse(HEAD ",\"tx\":{\"date\":\"x\",\"dc\":[0,0],\"image\":[0.9,0]}}", "", ERR_FORMAT, "tx");
    refuse(HEAD ",\"tx\":{\"date\":\"x\",\"dc\":[0],\"image\":[0,0]}}", "", ERR_FORMAT, "tx");
}

static radio_t *open_radio(const char *side, const char *calibration, err_t *err)
{
    char address[128];
    radio_config_t config = radio_config_default();
    snprintf(address, sizeof address, "%s=%s/samples", side, folder);
    config.backend = "file";
    config.address = address;
    config.calibration = calibration;
    return radio_open(&config, err);
}

/* Corrected samples go out; what comes in is corrected. */
static void test_radio(void)
{
    const char *file = write_file(
        "any.json", HEAD RX ",\"tx\":{\"date\":\"d\",\"dc\":[0.03,0.01],\"image\":[-0.05,0.02]}}");
    const correction_side_t tx = {.known = true, .dc = 0.03 + 0.01 * I, .image = -0.05 + 0.02 * I};
    const correction_side_t rx = {.known = true, .dc = 0.1 - 0.2 * I, .image = 0.01 + 0.02 * I};
    const float complex *out[1] = {x};
    float complex *in[1] = {z};
    const radio_push_t how = {.start = true, .end = true, .timestamp = RADIO_ASAP};
    radio_pull_t info;
    err_t err = ERR_INIT;
    radio_t *radio = open_radio("tx", file, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(radio);
    CHECK_INT(radio_push(radio, out, COUNT, &how, 5.0, &err), COUNT);
    CHECK_INT(radio_push(radio, out, 0, &(radio_push_t){.end = true}, 5.0, &err), -1); /* ended */
    CU_ASSERT_PTR_NOT_NULL(radio_correction(radio));
    radio_close(radio);
    radio = open_radio("rx", NULL, &err);
    CU_ASSERT_PTR_NULL(radio_correction(radio));
    radio_start(radio, NULL);
    CHECK_INT(radio_pull(radio, in, COUNT, 5.0, &info, &err), COUNT);
    correction_apply(&tx, x, y, COUNT);
    CHECK_INT(memcmp(y, z, sizeof y), 0);
    radio_close(radio);
    radio = open_radio("rx", file, &err);
    radio_start(radio, NULL);
    CHECK_INT(radio_pull(radio, in, COUNT, 5.0, &info, &err), COUNT);
    correction_apply(&rx, y, y, COUNT);
    CHECK_INT(memcmp(y, z, sizeof y), 0);
    radio_close(radio);
    CU_ASSERT_PTR_NULL(open_radio("rx", folder, &err));
    CHECK_ERROR_NAMES(&err, "radio.calibration");
}

static const check_test_t tests[] = {
    {"the correction is the exact inverse of the model", test_inverse},
    {"files are found by serial number, and bad ones refused by name", test_files},
    {"a radio with a calibration corrects what passes it", test_radio},
};

int main(void)
{
    rng_t rng;
    char command[128];
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    rng_seed(&rng, 8, 0);
    rng_complex_normal(&rng, 0.05f, x, COUNT);
    const int failed = check_run("correction", tests, CHECK_COUNT(tests));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
