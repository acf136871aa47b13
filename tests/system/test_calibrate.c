/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-calibrate on radios that are wrong in known ways.  The wrong comes from a thread of this
 * test between two ZeroMQ radios: transmitter's DC and image, carrier, sample clock, noise,
 * receiver's DC and image (calibration/pair.h).
 */
#include "daemons.h"

#include "calibration/pair.h"

#include <pthread.h>
#include <stdatomic.h>
#include <zmq.h>

enum { HISTORY = 1 << 22, STEP = 4096 };

/* As asked: -25 dBc (of a tone of 0.35) DC, 1 dB / 5 degrees on both sides, 2.5 ppm. */
static pair_t impairments(void)
{
    const double dc = 0.35 * pow(10.0, -25.0 / 20.0);
    return (pair_t){.tx_dc = dc * cexp(0.7 * I),
                    .tx_image = pair_image(1.0, 5.0),
                    .rx_dc = 0.5 * dc * cexp(-2.0 * I),
                    .rx_image = pair_image(-1.0, 5.0),
                    .carrier = 0.013,
                    .clock_ppm = 2.5,
                    .delay = 37.25,
                    .gain = 0.5 * cexp(1.1 * I),
                    .noise = 0.25 * 0.1225 * 1e-4};
}

typedef struct {
    pair_t pair;
    void *context;
    _Atomic bool stop;
    float complex *s; /* sent so far, impaired; one run is far shorter than HISTORY */
    size_t count, out;
    rng_t rng;
} air_t;

/* Everything whose interpolation has what it needs. */
static void hand_on(air_t *air, void *push)
{
    static float complex y[STEP];
    const pair_t *p = &air->pair;
    for (;;) {
        const double last = ((double)(air->out + STEP) - p->delay) * (1.0 + 1e-6 * p->clock_ppm);
        if (last + PAIR_TAPS + 2 >= (double)air->count) {
            return;
        }
        rng_complex_normal(&air->rng, (float)p->noise, y, STEP);
        for (size_t i = 0; i < STEP; i++) {
            const double n = (double)(air->out + i);
            const double turns = p->carrier * n;
            const double complex x =
                p->gain *
                    pair_at(air->s, air->count, (n - p->delay) * (1.0 + 1e-6 * p->clock_ppm)) *
                    cexp(2.0 * M_PI * I * (turns - floor(turns))) +
                (double complex)y[i];
            y[i] = (float complex)(x + p->rx_image * conj(x) + p->rx_dc);
        }
        air->out += STEP;
        zmq_send(push, y, sizeof y, 0);
    }
}

static void *air_run(void *context)
{
    air_t *air = context;
    void *pull = zmq_socket(air->context, ZMQ_PULL), *push = zmq_socket(air->context, ZMQ_PUSH);
    int timeout = 100, linger = 0;
    zmq_msg_t message;
    zmq_setsockopt(pull, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    zmq_setsockopt(push, ZMQ_SNDTIMEO, &timeout, sizeof timeout);
    zmq_setsockopt(push, ZMQ_LINGER, &linger, sizeof linger);
    char endpoint[300];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("cal-tx.sock"));
    zmq_connect(pull, endpoint);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("cal-rx.sock"));
    zmq_bind(push, endpoint);
    zmq_msg_init(&message);
    while (!atomic_load(&air->stop)) {
        if (zmq_msg_recv(&message, pull, 0) < 0) {
            continue;
        }
        const size_t n = zmq_msg_size(&message) / sizeof(float complex);
        if (air->count + n > HISTORY) {
            break;
        }
        float complex *to = air->s + air->count;
        memcpy(to, zmq_msg_data(&message), n * sizeof *to);
        pair_send(&air->pair, to, to, n);
        air->count += n;
        hand_on(air, push);
    }
    zmq_msg_close(&message);
    zmq_close(pull);
    zmq_close(push);
    return NULL;
}

/* One run of the program with a fresh air. */
static int calibrate(const char *word, uint64_t seed)
{
    pthread_t thread;
    air_t air = {.pair = impairments(), .context = zmq_ctx_new()};
    air.s = malloc(HISTORY * sizeof *air.s);
    rng_seed(&air.rng, seed, 0);
    pthread_create(&thread, NULL, air_run, &air);
    program_t program =
        start("calibrate",
              "%s --radio.backend=zmq --radio.address=tx_port=ipc://%s,tx_type=push,"
              "pace=free --calibrate.receiver=rx_port=ipc://%s,rx_type=pull "
              "--calibrate.folder=%s --calibrate.tx_serial=left "
              "--calibrate.rx_serial=right --calibrate.offset_hz=0",
              word, in_work("cal-tx.sock"), in_work("cal-rx.sock"), in_work("calibrations"));
    const int code = finish(&program, 120);
    if (code != 0) {
        expect_says(&program, "nothing that it says");
    }
    atomic_store(&air.stop, true);
    pthread_join(thread, NULL);
    zmq_ctx_term(air.context);
    free(air.s);
    return code;
}

static double number(const char *serial, const char *part, const char *key)
{
    json_t *root = json_load_file(in_work("calibrations/%s.json", serial), 0, NULL);
    const double value = json_number_value(json_object_get(json_object_get(root, part), key));
    json_decref(root);
    return value;
}

static void test_measure_and_verify(void)
{
    CHECK_INT(calibrate("measure", 21), 0);
    CHECK_NEAR(number("left", "tx", "dc_dbc"), -25, 0.1);
    CHECK_NEAR(number("left", "tx", "image_dbc"), -22.8, 0.1);
    CHECK_NEAR(number("right", "rx", "image_dbc"), -22.8, 0.1);
    CHECK_NEAR(number("left", "pair", "clock_ppm"), 2.5, 0.05);
    CHECK_NEAR(number("left", "pair", "carrier_hz"), 0.013 * 7.68e6, 0.01);
    CHECK_NEAR(number("left", "pair", "gain_db"), -6.02, 0.05);
    CHECK_INT(calibrate("verify", 22), 0);
    CHECK_AT_MOST(number("left", "tx", "verified_dc_dbc"), -50);
    CHECK_AT_MOST(number("left", "tx", "verified_image_dbc"), -50);
    CHECK_AT_MOST(number("right", "rx", "verified_dc_dbc"), -50);
    CHECK_AT_MOST(number("right", "rx", "verified_image_dbc"), -50);
    fprintf(stderr, "tx DC %.1f image %.1f, rx DC %.1f image %.1f dBc, clock %.4f ppm\n",
            number("left", "tx", "verified_dc_dbc"), number("left", "tx", "verified_image_dbc"),
            number("right", "rx", "verified_dc_dbc"), number("right", "rx", "verified_image_dbc"),
            number("left", "pair", "verified_clock_ppm"));
    char *out = text_of(in_work("calibrate.out"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "dB better"));
    free(out);
}

static double level_at(const char *serial, const char *part, size_t point, size_t column)
{
    json_t *root = json_load_file(in_work("calibrations/%s.json", serial), 0, NULL);
    json_t *list = json_object_get(json_object_get(root, part), "dbfs_at_gain_db");
    const double value = json_number_value(json_array_get(json_array_get(list, point), column));
    json_decref(root);
    return value;
}

/* Over the emulated air: a carrier offset that is known, levels and noise that are known. */
static void test_levels(void)
{
    char air_name[64];
    snprintf(air_name, sizeof air_name, "test%d-levels", (int)getpid());
    program_t air = start(
        "air", "--air %s --air.rate_hz=1M --channel.snr_db=30 --channel.cfo_hz=2000", air_name);
    CU_ASSERT(wait_for(&air, "air \""));
    program_t program =
        start("calibrate",
              "--radio.address=%s --calibrate.receiver=%s --radio.rate_hz=1M "
              "--calibrate.folder=%s --calibrate.tx_serial=a --calibrate.rx_serial=b "
              "--calibrate.offset_hz=20k --calibrate.tx_gains_db=-10,0 "
              "--calibrate.rx_gains_db=0,6",
              air_name, air_name, in_work("calibrations"));
    CHECK_INT(finish(&program, 120), 0);
    CHECK_INT(interrupt(&air), 0);
    CHECK_NEAR(number("a", "pair", "carrier_hz"), 2000, 0.5);
    CHECK_NEAR(number("a", "pair", "clock_ppm"), 0, 0.05);
    CHECK_NEAR(number("a", "pair", "delay_samples"), 0, 0.05); /* one clock */
    CHECK_NEAR(level_at("a", "tx_level", 0, 0), -10, 0);
    CHECK_NEAR(level_at("a", "tx_level", 0, 1), 20 * log10(0.35) - 10, 0.05);
    CHECK_NEAR(level_at("a", "tx_level", 1, 1), 20 * log10(0.35), 0.05);
    CHECK_NEAR(level_at("b", "noise_floor", 0, 1), 10 * log10(0.0625) - 30, 0.1);
    CHECK_NEAR(level_at("b", "noise_floor", 1, 1), 10 * log10(0.0625) - 24, 0.1);
}

/* The daemons take the files, and say so. */
static void test_daemons_load(void)
{
    program_t tx = start("tx",
                         "cifar10:%s --codec.name=%s --tx.frames=5 --radio.backend=file "
                         "--radio.address=tx=%s --radio.calibration=%s",
                         in_work("set.bin"), in_work("codec"), in_work("corrected"),
                         in_work("calibrations/left.json"));
    CHECK_INT(finish(&tx, 60), 0);
    expect_says(&tx, "sending corrected as calibrated");
    program_t rx = start("rx",
                         "--reference.path=cifar10:%s --codec.name=%s --radio.backend=file "
                         "--radio.address=rx=%s --radio.calibration=%s --summary %s",
                         in_work("set.bin"), in_work("codec"), in_work("corrected"),
                         in_work("calibrations/right.json"), in_work("rx.json"));
    CHECK_INT(finish(&rx, 60), 0);
    expect_says(&rx, "receiving corrected as calibrated");
    CHECK_INT(number_in(in_work("rx.json"), "frames_ok"), 5);
    char *summary = text_of(in_work("rx.json"));
    CU_ASSERT_PTR_NOT_NULL(strstr(summary, "calibrations/right.json"));
    free(summary);
    /* Both corrected, and no air that made the errors: they are in the signal now. */
    CHECK_AT_MOST(number_in(in_work("rx.json"), "snr_db"), 35);
}

static program_t run(const char *more)
{
    return start("calibrate", "--radio.backend=file --radio.address=rx=%s %s", in_work("corrected"),
                 more);
}

static void test_refusals(void)
{
    program_t p = run("");
    CHECK_INT(finish(&p, 30), 1);
    expect_says(&p, "calibrate.tx_serial");
    p = run("--calibrate.tx_serial=a dance");
    CHECK_INT(finish(&p, 30), 1);
    expect_says(&p, "measure (the default) or verify");
    p = run("--calibrate.tx_serial=a --radio.calibration=x");
    CHECK_INT(finish(&p, 30), 1);
    expect_says(&p, "bare radio");
    p = run("verify --calibrate.tx_serial=never-measured");
    CHECK_INT(finish(&p, 30), 1);
    expect_says(&p, "never-measured.json");
    p = start("tx", "--radio.backend=file --radio.address=tx=%s --radio.calibration=%s",
              in_work("no"), in_work("calibrations"));
    CHECK_INT(finish(&p, 30), 1);
    expect_says(&p, "no serial number");
}

static const check_test_t tests[] = {
    {"-25 dBc, 1 dB / 5 degrees, 2.5 ppm: measured, corrected and verified below -50 dBc",
     test_measure_and_verify},
    {"levels against gain, carrier and delay over the emulated air are those that were set",
     test_levels},
    {"the daemons load the files and say so", test_daemons_load},
    {"what cannot be is refused, with the reason", test_refusals},
};

int main(void)
{
    return daemons_run("calibrate", tests, CHECK_COUNT(tests));
}
