/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The receiver on good signals: what it finds, measures and hands out. */
#include "stream.h"

#include <malloc.h>

enum { FRAME = 9940, K = 512 }; /* room for one frame of 512 symbols and a gap before it */

static float complex x[STREAM_MAX];
static notes_t notes, other;

/* `count` frames, one per FRAME samples, each through its own channel. */
static size_t make_stream(int count, link_channel_t (*channel)(rng_t *rng), uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    for (int i = 0; i < count; i++) {
        size_t offset = 200 + rng_below(&rng, 900);
        stream_frame(numerology_default(), channel(&rng), (uint16_t)i, K, offset, &rng,
                     x + (size_t)i * FRAME, FRAME);
    }
    return (size_t)count * FRAME;
}

static link_channel_t clean(rng_t *rng)
{
    (void)rng;
    return link_clean();
}

static double snr_db = 10.0;

static link_channel_t awgn(rng_t *rng)
{
    link_channel_t c = link_awgn(snr_db);
    c.cfo = 4.0 * (double)rng_uniform(rng) - 2.0;
    c.phase = 6.28 * (double)rng_uniform(rng);
    return c;
}

static link_channel_t fading(rng_t *rng)
{
    link_channel_t c = link_rayleigh(snr_db, 300.0, rng);
    c.cfo = (double)rng_uniform(rng) - 0.5;
    return c;
}

static void check_headers(const notes_t *n, int count)
{
    CHECK_INT(n->ok, count);
    CHECK_INT(n->lost + n->damaged, 0);
    for (int i = 0; i < n->count && i < count; i++) {
        frame_header_t want = link_header((uint16_t)i, 1, K);
        CU_ASSERT(link_same_header(&n->note[i].header, &want));
    }
}

static void clean_frames_come_back(void)
{
    size_t count = make_stream(8, clean, 1);
    receiver_t *rx = stream_receiver(&notes, K);
    stream_push(rx, x, count, 5000);
    receiver_flush(rx);
    check_headers(&notes, 8);
    double worst = 0.0;
    for (int i = 0; i < notes.count; i++) {
        worst = fmax(worst, notes.note[i].error);
        CHECK_AT_MOST(10.0 * log10(notes.note[i].error), -60.0);
        CHECK_AT_MOST(notes.note[i].evm_db, -60.0);
        CHECK_AT_LEAST(notes.note[i].snr_db, 60.0);
        CHECK_AT_MOST(notes.note[i].delay_spread_ns, 10.0);
    }
    printf("\n    error vector of the worst frame %.1f dB ", 10.0 * log10(worst));
    receiver_destroy(rx);
}

static void frames_back_to_back(void)
{
    rng_t rng;
    rng_seed(&rng, 1, 1);
    receiver_t *rx = stream_receiver(&notes, K);
    size_t at = 0;
    for (int i = 0; i < 6; i++) {
        size_t length = numerology_frame_samples(&(numerology_t){30e3, 18, 0}, K);
        stream_frame(numerology_default(), link_awgn(20.0), (uint16_t)i, K, 0, &rng, x + at, length);
        at += length;
    }
    stream_push(rx, x, at, 0);
    receiver_flush(rx);
    check_headers(&notes, 6);
    receiver_destroy(rx);
}

static void snr_is_within_a_fifth_of_a_db(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    for (snr_db = 0.0; snr_db <= 25.0; snr_db += 5.0) {
        size_t count = make_stream(40, awgn, 10 + (uint64_t)snr_db);
        memset(&notes, 0, sizeof(notes));
        receiver_reset(rx);
        stream_push(rx, x, count, 0);
        receiver_flush(rx);
        double snr = 0.0, error = 0.0, said = 0.0, n0 = 0.0;
        check_headers(&notes, 40);
        for (int i = 0; i < notes.count; i++) {
            snr += notes.note[i].snr_db / notes.count;
            n0 += notes.note[i].n0 / notes.count;
            error += notes.note[i].error / notes.count;
            said += notes.note[i].said / notes.count;
        }
        printf("\n    Es/N0 %4.1f dB: measured %.3f dB; symbol error %.5f, said %.5f", snr_db, snr,
               error, said);
        CHECK_NEAR(snr, snr_db, 0.1);
        CHECK_NEAR(10.0 * log10(n0), -snr_db, 0.1);
        CHECK_NEAR(10.0 * log10(error / said), 0.0, 0.2);
    }
    receiver_destroy(rx);
}

static void nothing_is_lost_where_nothing_should_be(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    const struct {
        link_channel_t (*channel)(rng_t *);
        double snr_db;
        int may_lose;
    } cases[] = {{awgn, 5.0, 0}, {awgn, -3.0, 1}, {fading, 10.0, 0}, {fading, 0.0, 4}};
    for (int i = 0; i < 4; i++) {
        snr_db = cases[i].snr_db;
        size_t count = make_stream(50, cases[i].channel, 20 + (uint64_t)i);
        memset(&notes, 0, sizeof(notes));
        receiver_reset(rx);
        stream_push(rx, x, count, 0);
        receiver_flush(rx);
        CHECK_AT_LEAST(notes.ok, 50 - cases[i].may_lose);
        CHECK_INT(notes.damaged, 0);
    }
    receiver_destroy(rx);
}

/* Distance of two channels after the best whole-sample delay and phase, over the power. */
static double mismatch(const float complex *estimate, const float complex *truth)
{
    double best = 1e9;
    for (int delay = -8; delay <= 24; delay++) {
        double complex cross = 0.0;
        double energy = 0.0, other_energy = 0.0;
        for (int u = 0; u < NUMEROLOGY_USED; u++) {
            double complex turn = cexp(-2.0 * I * M_PI * numerology_bin(u) * delay / 256.0);
            cross += estimate[u] * conj(truth[u] * turn);
            energy += creal(estimate[u] * conjf(estimate[u]));
            other_energy += creal(truth[u] * conjf(truth[u]));
        }
        best = fmin(best, (energy + other_energy - 2.0 * cabs(cross)) / NUMEROLOGY_USED);
    }
    return best;
}

static void channel_is_far_better_than_least_squares(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    for (double snr = 0.0; snr <= 30.0; snr += 10.0) {
        double error = 0.0;
        int count = 0;
        rng_t rng;
        rng_seed(&rng, 31, (uint64_t)snr);
        for (int i = 0; i < 40; i++) {
            link_channel_t c = link_rayleigh(snr, 300.0, &rng);
            float complex truth[NUMEROLOGY_USED];
            link_response(&c, truth);
            memset(&notes, 0, sizeof(notes));
            receiver_reset(rx);
            stream_frame(numerology_default(), c, 1, K, 300, &rng, x, FRAME);
            stream_push(rx, x, FRAME, 0);
            receiver_flush(rx);
            if (notes.ok == 1) {
                error += mismatch(notes.note[0].channel, truth);
                count++;
            }
        }
        double relative = 10.0 * log10(error / count) + snr; /* over N0: one symbol's LS error */
        printf("\n    %2.0f dB: error %.1f dB of one symbol's least squares", snr, relative);
        CHECK_AT_MOST(relative, -15.0);
    }
    receiver_destroy(rx);
}

static void offset_and_start_are_measured(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    rng_t rng;
    rng_seed(&rng, 5, 0);
    for (double cfo = -2.0; cfo <= 2.0; cfo += 0.4) {
        link_channel_t c = link_awgn(10.0);
        c.cfo = cfo;
        memset(&notes, 0, sizeof(notes));
        receiver_reset(rx);
        stream_frame(numerology_default(), c, 1, K, 777, &rng, x, FRAME);
        stream_push(rx, x, FRAME, UINT64_MAX - 3000); /* timestamps may wrap */
        receiver_flush(rx);
        CHECK_INT(notes.ok, 1);
        CHECK_NEAR(notes.note[0].cfo_hz, cfo * 30e3, 60.0);
        CHECK_INT(notes.note[0].start - (UINT64_MAX - 3000), 777);
    }
    receiver_destroy(rx);
}

static void check_same(const notes_t *a, const notes_t *b)
{
    CHECK_INT(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        CHECK_INT(a->note[i].status, b->note[i].status);
        CHECK_INT(a->note[i].start, b->note[i].start);
        CU_ASSERT(a->note[i].hash == b->note[i].hash);
        CU_ASSERT(a->note[i].snr_db == b->note[i].snr_db || isnan(a->note[i].snr_db));
    }
}

static void cutting_the_stream_changes_nothing(void)
{
    snr_db = 3.0;
    size_t count = make_stream(6, fading, 8);
    x[2 * FRAME + 4000] = NAN;                                     /* one damaged */
    memset(x + 4 * FRAME + 7400, 0, 2400 * sizeof(*x));           /* one vanishing */
    receiver_t *rx = stream_receiver(&notes, K), *cut = stream_receiver(&other, K);
    stream_push(rx, x, count, 0);
    receiver_flush(rx);
    CHECK_AT_LEAST(notes.ok, 3);
    CHECK_AT_LEAST(notes.damaged, 2);
    const size_t sizes[] = {1, 7, 256, 1000, 4096, 40000, 0};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        rng_t rng;
        rng_seed(&rng, 9, s);
        memset(&other, 0, sizeof(other));
        receiver_reset(cut);
        for (size_t at = 0; at < count;) {
            size_t size = sizes[s] > 0 ? sizes[s] : rng_below(&rng, 3000);
            size = size < count - at ? size : count - at;
            stream_push(cut, x + at, size, at);
            at += size;
        }
        receiver_flush(cut);
        check_same(&notes, &other);
    }
    receiver_destroy(rx);
    receiver_destroy(cut);
}

static void gain_changes_nothing_but_the_gain(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    const float gains[] = {1e-12f, 1e-4f, 1.0f, 1e3f, 1e8f};
    for (size_t g = 0; g < sizeof(gains) / sizeof(*gains); g++) {
        rng_t rng;
        rng_seed(&rng, 12, 0);
        link_channel_t c = link_awgn(8.0);
        c.gain = gains[g];
        memset(&notes, 0, sizeof(notes));
        receiver_reset(rx);
        stream_frame(numerology_default(), c, 1, K, 500, &rng, x, FRAME);
        stream_push(rx, x, FRAME, 0);
        receiver_flush(rx);
        CHECK_INT(notes.ok, 1);
        if (g == 0) {
            other = notes;
        }
        CHECK_NEAR(notes.note[0].snr_db, other.note[0].snr_db, 1e-3);
        CHECK_NEAR(notes.note[0].error, other.note[0].error, 1e-4);
    }
    receiver_destroy(rx);
}

static void other_numerologies_work(void)
{
    const numerology_t all[] = {{30e3, 64, 0}, {30e3, 18, 1}, {15e3, 18, 3}, {30e3, 64, 2}};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        receiver_config_t config = receiver_default();
        config.numerology = all[i];
        config.max_symbols = 2000;
        config.on_frame = notes_take;
        config.context = &notes;
        receiver_t *rx = receiver_create(&config, NULL);
        memset(&notes, 0, sizeof(notes));
        rng_t rng;
        rng_seed(&rng, 14, i);
        link_channel_t c = link_awgn(20.0);
        c.cfo = 0.3;
        c.tap[all[i].cp - 10 < LINK_TAPS ? all[i].cp - 10 : LINK_TAPS - 1] = 0.4f;
        size_t length = stream_frame(all[i], c, 3, 1999, 700, &rng, x, 20000);
        CHECK_AT_MOST(length + 700, 20000);
        stream_push(rx, x, 20000, 0);
        receiver_flush(rx);
        CHECK_INT(notes.ok, 1);
        CHECK_NEAR(10.0 * log10(notes.note[0].error / notes.note[0].said), 0.0, 0.5);
        CHECK_NEAR(notes.note[0].cfo_hz, 0.3 * all[i].spacing_hz, 30.0);
        receiver_destroy(rx);
    }
}

static void long_frames_keep_their_phase(void)
{
    enum { LONG = 180000 };
    float complex *points = malloc(LONG * sizeof(*points)), *samples, *out;
    numerology_t n = numerology_default();
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = link_header(1, 1, LONG);
    size_t length = transmitter_frame_samples(tx, &h), count = length + 2000;
    samples = malloc(length * sizeof(*samples));
    out = malloc(count * sizeof(*out));
    rng_t rng;
    rng_seed(&rng, 15, 0);
    link_qam(&rng, points, LONG);
    transmitter_modulate(tx, &h, points, samples);
    link_channel_t c = link_awgn(15.0);
    c.cfo = -0.37;
    link_pass(&c, samples, length, 900, &rng, out, count);
    receiver_t *rx = stream_receiver(&notes, LONG);
    stream_push(rx, out, count, 0);
    receiver_flush(rx);
    CHECK_INT(notes.ok, 1);
    CHECK_NEAR(notes.note[0].evm_db, -15.0, 0.15);
    receiver_destroy(rx);
    transmitter_destroy(tx);
    free(points);
    free(samples);
    free(out);
}

static void genie_knows(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    static float complex truth[K], h[NUMEROLOGY_USED];
    rng_t rng;
    rng_seed(&rng, 16, 0);
    link_channel_t c = link_rayleigh(10.0, 200.0, &rng);
    c.cfo = 0.21;
    link_response(&c, h);
    stream_frame(numerology_default(), c, 6, K, 123, &rng, x, FRAME);
    frame_header_t header = link_header(6, 1, K);
    for (int with = 0; with < 2; with++) {
        receiver_genie_t genie = {.start = 123, .cfo_hz = 0.21 * 30e3, .channel = h, .n0 = c.n0,
                                  .header = with ? &header : NULL};
        received_frame_t frame;
        CHECK_INT(receiver_demodulate_genie(rx, x, FRAME, &genie, &frame), 0);
        CHECK_INT(frame.symbol_count, K);
        CU_ASSERT(link_same_header(&frame.header, &header));
        CHECK_NEAR(frame.snr_db, 10.0 * log10(link_power(&c) / c.n0), 1e-3);
        double error = 0.0, said = 0.0;
        stream_truth(6, truth, K);
        for (int i = 0; i < K; i++) {
            float complex off = frame.symbols[i] - truth[i];
            error += creal(off * conjf(off)) / K;
            said += (double)frame.noise_var[i] / K;
        }
        CHECK_NEAR(10.0 * log10(error / said), 0.0, 0.5);
        genie.start = FRAME - 3000;
        CHECK_INT(receiver_demodulate_genie(rx, x, FRAME, &genie, &frame), -1);
        CU_ASSERT(frame.status != RECEIVED_OK);
        CU_ASSERT_PTR_NULL(frame.symbols);
    }
    receiver_destroy(rx);
}

static void steady_state_allocates_nothing(void)
{
    snr_db = 10.0;
    size_t count = make_stream(6, awgn, 17);
    receiver_t *rx = stream_receiver(&notes, K);
    stream_push(rx, x, count, 0); /* once, for tables made at first use */
    struct mallinfo2 before = mallinfo2();
    for (uint64_t round = 1; round < 4; round++) {
        stream_push(rx, x, count, round * count);
    }
    struct mallinfo2 after = mallinfo2();
    CHECK_INT(after.uordblks, before.uordblks);
    CHECK_AT_LEAST(notes.ok, 22);
    receiver_destroy(rx);
}

static void refuses_configurations_by_name(void)
{
    err_t err = ERR_INIT;
    receiver_config_t c = receiver_default();
    c.antennas = 2;
    CU_ASSERT_PTR_NULL(receiver_create(&c, &err));
    CHECK_ERROR_NAMES(&err, "antennas");
    c = receiver_default();
    c.max_symbols = 0;
    CU_ASSERT_PTR_NULL(receiver_create(&c, &err));
    CHECK_ERROR_NAMES(&err, "max_symbols");
    c = receiver_default();
    c.cfo_range = 5.0;
    CU_ASSERT_PTR_NULL(receiver_create(&c, &err));
    CHECK_ERROR_NAMES(&err, "cfo_range");
    receiver_destroy(NULL);
}

static const check_test_t tests[] = {
    {"clean frames come back at -60 dB", clean_frames_come_back},
    {"frames back to back are all received", frames_back_to_back},
    {"measured SNR is within 0.1 dB of the true one from 0 to 25 dB", snr_is_within_a_fifth_of_a_db},
    {"nothing is lost where nothing should be", nothing_is_lost_where_nothing_should_be},
    {"the channel is 15 dB better than least squares", channel_is_far_better_than_least_squares},
    {"carrier offset and start are measured, across the wrap", offset_and_start_are_measured},
    {"cutting the stream changes nothing", cutting_the_stream_changes_nothing},
    {"gain from 1e-12 to 1e8 changes nothing", gain_changes_nothing_but_the_gain},
    {"other prefixes, spacings and retraining work", other_numerologies_work},
    {"1,500 symbols keep their phase", long_frames_keep_their_phase},
    {"the genie receives with what it is told", genie_knows},
    {"the steady state allocates nothing", steady_state_allocates_nothing},
    {"a configuration out of range is refused by name", refuses_configurations_by_name},
};

int main(void)
{
    return check_run("receiver", tests, CHECK_COUNT(tests));
}
