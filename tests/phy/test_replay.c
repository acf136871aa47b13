/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measured channel state: a file written here, bit by bit as the tool packs it, is read back;
 * the replayed channel has its shape; damaged files are refused with the byte.  Real recordings
 * are used where they lie beside the checkout.
 */
#include "air/air.h"
#include "air/csi_file.h"
#include "air/replay.h"
#include "check.h"
#include "rng.h"

#include <complex.h>
#include <stdlib.h>
#include <unistd.h>

static const double PI = 3.14159265358979323846;
static const double RATE = 7.68e6;

enum { NRX = 3, NTX = 2, BODY = (30 * (NRX * NTX * 16 + 3) + 7) / 8, RECORD = 3 + 20 + BODY };

static void put_byte(uint8_t *body, size_t bit, int value)
{
    for (int b = 0; b < 8; b++) {
        if (((unsigned)value >> b & 1u) != 0) {
            body[(bit + (size_t)b) / 8] |= (uint8_t)(1u << (bit + (size_t)b) % 8);
        }
    }
}

typedef float complex channel_t(int packet, int rx, int tx, double f_hz);

/* One record; row i of the matrix is antenna (i + 1) % 3. */
static size_t put_record(uint8_t *p, int packet, uint32_t time_us, int rssi, channel_t *channel)
{
    memset(p, 0, RECORD);
    p[0] = (RECORD - 2) >> 8;
    p[1] = (RECORD - 2) & 255;
    p[2] = 0xbb;
    uint8_t *h = p + 3;
    for (int i = 0; i < 4; i++) {
        h[i] = (uint8_t)(time_us >> 8 * i);
    }
    h[8] = NRX;
    h[9] = NTX;
    h[10] = (uint8_t)rssi;
    h[14] = 30;
    h[15] = 1 | 2 << 2 | 0 << 4;
    h[16] = BODY & 255;
    h[17] = BODY >> 8;
    h[18] = 0x05;
    h[19] = 0x01;
    for (int i = 0; i < 30; i++) {
        for (int row = 0; row < NRX; row++) {
            for (int tx = 0; tx < NTX; tx++) {
                const float complex v =
                    channel(packet, (row + 1) % 3, tx, csi_carrier_hz(false, i));
                const size_t bit = (size_t)(i * (NRX * NTX * 16 + 3) + 3 + 16 * (row * NTX + tx));
                put_byte(h + 20, bit, (int)lrintf(crealf(v)));
                put_byte(h + 20, bit + 8, (int)lrintf(cimagf(v)));
            }
        }
    }
    return RECORD;
}

static float complex counting(int packet, int rx, int tx, double f_hz)
{
    return CMPLXF((float)(packet * 7 + rx * 20 - 60), (float)(tx * 33 - lrint(f_hz / 312.5e3)));
}

static void test_parse(void)
{
    enum { PACKETS = 4 };
    uint8_t data[PACKETS * RECORD + 7];
    size_t size = 0;
    for (int i = 0; i < PACKETS; i++) {
        if (i == 2) { /* another kind of record is skipped */
            memcpy(data + size, (const uint8_t[]){0, 5, 0xc1, 1, 2, 3, 4}, 7);
            size += 7;
        }
        size += put_record(data + size, i, 0xfffffff0u + (uint32_t)i, 40 + i, counting);
    }
    err_t err = ERR_INIT;
    csi_file_t *file = csi_file_parse(data, size, "made", &err);
    CU_ASSERT_FATAL(file != NULL);
    CHECK_INT(csi_file_count(file), PACKETS);
    for (int i = 0; i < PACKETS; i++) {
        const csi_packet_t *packet = csi_file_at(file, (size_t)i);
        CHECK_INT(packet->timestamp_us, 0xfffffff0u + (uint32_t)i);
        CHECK_INT(packet->rssi[0], 40 + i);
        CHECK_INT(packet->agc_db, 30);
        CHECK_INT(packet->wide, 0);
        for (int rx = 0; rx < NRX; rx++) {
            for (int tx = 0; tx < NTX; tx++) {
                float complex h[30];
                CU_ASSERT_FATAL(csi_packet_read(packet, rx, tx, h));
                for (int k = 0; k < 30; k++) {
                    CU_ASSERT(h[k] == counting(i, rx, tx, csi_carrier_hz(false, k)));
                }
            }
        }
        float complex h[30];
        CU_ASSERT(!csi_packet_read(packet, 0, NTX, h) && !csi_packet_read(packet, 3, 0, h));
    }
    CU_ASSERT(csi_file_at(file, PACKETS) == NULL);
    csi_file_close(file);
}

static void refuse(const uint8_t *data, size_t size, const char *part)
{
    err_t err = ERR_INIT;
    /* An exact copy, so that a read behind its end is caught. */
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, data, size);
    csi_file_t *file = csi_file_parse(copy, size, "made", &err);
    CU_ASSERT(file == NULL);
    CHECK_INT(err.code, ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, part);
    CHECK_ERROR_NAMES(&err, "made");
    csi_file_close(file);
    free(copy);
}

static void test_damage(void)
{
    uint8_t data[2 * RECORD];
    put_record(data, 0, 1, 40, counting);
    put_record(data + RECORD, 1, 2, 40, counting);
    refuse(data, 0, "no channel measurement");
    char where[40];
    snprintf(where, sizeof where, "byte %d", RECORD);
    for (size_t size = RECORD + 1; size < 2 * RECORD; size++) { /* cut at every byte */
        refuse(data, size, where);
    }
    static const struct {
        size_t at;
        int value;
    } changes[] = {{0, 0},     {8 + 3, 0},  {8 + 3, 4},    {9 + 3, 255},
                   {9 + 3, 1}, {16 + 3, 0}, {17 + 3, 255}, {1, (RECORD - 3) & 255}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t bad[2 * RECORD];
        memcpy(bad, data, sizeof bad);
        bad[changes[i].at] = (uint8_t)changes[i].value;
        refuse(bad, sizeof bad, "byte 0");
    }
    memset(data, 0, sizeof data);
    refuse(data, sizeof data, "byte 0");
    static const char text[] = "this is no channel state at all, but a line of text\n";
    refuse((const uint8_t *)text, sizeof text - 1, "cut off");
    rng_t rng;
    rng_seed(&rng, 1, 2);
    for (int round = 0; round < 3000; round++) { /* never past the end, whatever comes */
        uint8_t bad[2 * RECORD];
        put_record(bad, 0, 1, 40, counting);
        put_record(bad + RECORD, 1, 2, 40, counting);
        for (int k = 0; k < 3; k++) {
            bad[rng_below(&rng, rng_below(&rng, 2) ? 24 : sizeof bad)] = (uint8_t)rng_bits(&rng);
        }
        const size_t size = rng_below(&rng, sizeof bad) + 1;
        err_t err = ERR_INIT;
        csi_file_t *file = csi_file_parse(bad, size, "made", &err);
        CU_ASSERT((file == NULL) == (err.code != ERR_NONE));
        csi_file_close(file);
    }
}

/* Two paths 200 ns apart whose second one turns with time; antenna 1 hears only the first. */
static const double TURN_S = 0.1, STEP_US = 2000;

static float complex two_paths(int packet, int rx, int tx, double f_hz)
{
    const double random_phase = 2.1 * packet, random_delay = 40e-9 * sin(packet);
    const double second = rx == 1 ? 0.0 : 0.5;
    const double complex h =
        1.0 + second * cexp(2.0 * PI * I * (packet * STEP_US * 1e-6 / TURN_S - f_hz * 200e-9));
    const double complex card = cexp(I * random_phase - 2.0 * PI * I * f_hz * random_delay);
    return (float complex)((tx == 0 ? 70.0 : 10.0) * h * card);
}

static const char PATH[] = "test_replay.dat";

static void write_file(int packets)
{
    FILE *out = fopen(PATH, "wb");
    uint8_t record[RECORD];
    for (int i = 0; i < packets; i++) {
        const uint32_t time_us =
            (uint32_t)(4294900000u + (unsigned)i * (unsigned)STEP_US); /* wraps */
        put_record(record, i, time_us, 40, two_paths);
        fwrite(record, 1, RECORD, out);
    }
    fclose(out);
}

static air_config_t replay_config(void)
{
    air_config_t config = air_config_default();
    config.model = AIR_REPLAY;
    config.path = PATH;
    config.block = AIR_BLOCK_STATIC;
    config.snr_db = INFINITY;
    return config;
}

/* |H(f, t)|^2 of the replayed channel against the paths', at packets and between them. */
static void test_shape(void)
{
    enum { PACKETS = 150, FFT = 256 };
    write_file(PACKETS);
    err_t err = ERR_INIT;
    air_config_t config = replay_config();
    air_t *air = air_create(&config, &err);
    if (air == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    CU_ASSERT(air_is_moving(air));
    double worst = 0.0, mean = 0.0;
    int count = 0;
    for (double packet = 2.0; packet < 140.0; packet += 1.0) {
        float complex h[FFT];
        air_response_at(air, packet * STEP_US * 1e-6 * RATE, FFT, h);
        for (int k = -60; k <= 60; k += 6) {
            const double complex two =
                1.0 +
                0.5 * cexp(2.0 * PI * I * (packet * STEP_US * 1e-6 / TURN_S - k * 30e3 * 200e-9));
            const double wanted = creal(two * conj(two)) / 1.25;
            const float complex is = h[(k + FFT) % FFT];
            const double power = (double)crealf(is * conjf(is));
            worst = fmax(worst, fabs(sqrt(power) - sqrt(wanted)));
            mean += power;
            count++;
        }
    }
    printf("\n    amplitude off by %.3f at most", worst);
    CHECK_AT_MOST(worst, 0.12); /* size steps of the card aside: rounding, the fit */
    CHECK_NEAR(mean / count, 1.0, 0.05);
    air_destroy(air);
    config.path_link = 1 * 3; /* the antenna with one path: flat */
    air = air_create(&config, &err);
    CU_ASSERT_FATAL(air != NULL);
    float complex h[FFT];
    air_response_at(air, 1000.0, FFT, h);
    for (int k = -60; k <= 60; k += 6) {
        CHECK_NEAR(cabsf(h[(k + FFT) % FFT]), 1.0, 0.05);
    }
    air_destroy(air);
}

/* What air_process does is what air_response_at says; bursts start at random places. */
static void test_applied(void)
{
    enum { N = 60000, FFT = 64 };
    write_file(40);
    err_t err = ERR_INIT;
    air_config_t config = replay_config();
    config.block = AIR_BLOCK_BURST;
    air_t *air = air_create(&config, &err);
    CU_ASSERT_FATAL(air != NULL);
    static float complex x[N], y[N];
    float complex last = 0.0f;
    for (int i = 0; i < N; i++) {
        x[i] = (float complex)cexp(2.0 * PI * I * (5 * i % FFT) / FFT);
    }
    for (int block = 0; block < 4; block++) {
        air_begin_block(air);
        float complex h[FFT];
        air_response(air, FFT, h);
        CU_ASSERT(h[0] != last);
        last = h[0];
        air_process(air, x, y, N);
        double worst = 0.0;
        for (int i = 200; i < N; i += 501) {
            air_response_at(air, i, FFT, h);
            worst = fmax(worst, cabs((double complex)(y[i] - h[5] * x[i])));
        }
        CHECK_AT_MOST(worst, 5e-3); /* the kinks at the packets */
    }
    air_destroy(air);
}

static void test_errors(void)
{
    write_file(3);
    err_t err = ERR_INIT;
    air_config_t config = replay_config();
    config.path_link = 2 * 3 + 1;
    air_t *air = air_create(&config, &err);
    CU_ASSERT(air != NULL);
    air_destroy(air);
    config.path_link = NTX; /* a third stream */
    CU_ASSERT(air_create(&config, &err) == NULL);
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_ERROR_NAMES(&err, "channel.path_link");
    config.path_link = 0;
    config.path = "/nonexistent/channel.dat";
    CU_ASSERT(air_create(&config, &err) == NULL);
    CHECK_INT(err.code, ERR_IO);
    CHECK_ERROR_NAMES(&err, "channel.path");
    CHECK_ERROR_NAMES(&err, "/nonexistent/channel.dat");
    config.path = "";
    CU_ASSERT(air_create(&config, &err) == NULL);
    CHECK_ERROR_NAMES(&err, "channel.path is empty");
    FILE *out = fopen(PATH, "wb");
    fputs("garbage", out);
    fclose(out);
    config.path = PATH;
    CU_ASSERT(air_create(&config, &err) == NULL);
    CHECK_INT(err.code, ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, PATH);
    CHECK_ERROR_NAMES(&err, "byte 0");
    unlink(PATH);
}

static void test_real(void)
{
    static const char *const names[] = {"los_5.dat", "los_40.dat", "log.all_csi.6.7.6.dat"};
    for (int i = 0; i < 3; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/../shared/data/channels/wifi_csi/%s", SEMRADIO_SOURCE_DIR,
                 names[i]);
        if (access(path, R_OK) != 0) {
            printf("\n    %s is not here: skipped ", names[i]);
            continue;
        }
        err_t err = ERR_INIT;
        replay_t *replay = replay_open(path, 0, RATE, &err);
        CU_ASSERT_FATAL(replay != NULL);
        printf("\n    %s: %zu packets, %.3f s", names[i], replay_packets(replay),
               replay_duration_s(replay));
        replay_close(replay);
        air_config_t config = replay_config();
        config.path = path;
        air_t *air = air_create(&config, &err);
        CU_ASSERT_FATAL(air != NULL);
        float complex h[256];
        double mean = 0.0;
        for (int t = 0; t < 2000; t++) {
            air_response_at(air, t * 0.03 * RATE, 256, h);
            for (int k = 1; k <= 66; k++) {
                mean += (double)crealf(h[k] * conjf(h[k]) + h[256 - k] * conjf(h[256 - k]));
            }
        }
        CHECK_NEAR(mean / (2000 * 132), 1.0, 0.35); /* over time, not over packets */
        air_destroy(air);
    }
}

int main(void)
{
    static const check_test_t tests[] = {
        {"what the tool packed is read back", test_parse},
        {"damaged files are refused with the byte", test_damage},
        {"the replayed channel has the recording's shape and unit power", test_shape},
        {"what is announced is applied, from random places", test_applied},
        {"errors name the option and the file", test_errors},
        {"real recordings replay", test_real},
    };
    return check_run("replay", tests, CHECK_COUNT(tests));
}
