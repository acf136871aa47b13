/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The receiver on bad signals: it reports what was lost, and receives the next good frame. */
#include "stream.h"

enum { FRAME = 9940, K = 512, HEAD = 1024 + (NUMEROLOGY_KNOWN + NUMEROLOGY_HEADER) * 274 };

static float complex x[STREAM_MAX];
static notes_t notes;

/* Noise with frames 0, 1, 2 at 500 samples into each third. */
static size_t three_frames(double snr_db, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    for (int i = 0; i < 3; i++) {
        stream_frame(numerology_default(), link_awgn(snr_db), (uint16_t)i, K, 500, &rng,
                     x + (size_t)i * FRAME, FRAME);
    }
    return 3 * FRAME;
}

static bool got(int frame)
{
    for (int i = 0; i < notes.count; i++) {
        if (notes.note[i].status == RECEIVED_OK && notes.note[i].header.frame == frame) {
            return true;
        }
    }
    return false;
}

static void run(receiver_t *rx, size_t count)
{
    memset(&notes, 0, sizeof(notes));
    receiver_reset(rx);
    stream_push(rx, x, count, 0);
    receiver_flush(rx);
}

static void samples_that_are_no_numbers(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    const float poison[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e10f};
    for (size_t p = 0; p < sizeof(poison) / sizeof(*poison); p++) {
        /* In the payload, in the header, in the preamble, in the noise before. */
        const size_t where[] = {HEAD + 400, 2500, 300};
        for (size_t w = 0; w < 3; w++) {
            size_t count = three_frames(15.0, p);
            x[FRAME + 500 + where[w]] = CMPLXF(0.0f, poison[p]);
            run(rx, count);
            CU_ASSERT(got(0) && !got(1) && got(2));
            CHECK_INT(notes.damaged, 1);
            CHECK_INT(notes.note[1].header.frame, 1);
        }
        size_t count = three_frames(15.0, p);
        x[FRAME + 100] = poison[p];
        x[0] = x[count - 1] = poison[p];
        run(rx, count);
        CHECK_INT(notes.ok, 3);
    }
    CHECK_AT_LEAST(receiver_counters(rx).bad_samples, 20);
    receiver_destroy(rx);
}

static void a_frame_that_stops(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    for (size_t stop = 600; stop < HEAD + 5 * 274; stop += 300) {
        size_t count = three_frames(10.0, stop);
        rng_t rng;
        rng_seed(&rng, stop, 1);
        rng_complex_normal(&rng, 0.00625f, x + FRAME + 500 + stop, FRAME - 500 - stop);
        run(rx, count);
        CU_ASSERT(got(0) && got(2));
        CU_ASSERT(!got(1) || stop > HEAD + 4 * 274);
        CHECK_INT(notes.count, 3);
    }
    receiver_destroy(rx);
}

static void a_frame_cut_by_the_next(void)
{
    /* The transmitter died and started again: a new preamble within the old payload.  (In its very
       last symbol only the pilots of that one could tell.) */
    receiver_t *rx = stream_receiver(&notes, 100000);
    rng_t rng;
    for (size_t at = HEAD + 100; at < HEAD + 8200; at += 1111) {
        rng_seed(&rng, at, 2);
        stream_frame(numerology_default(), link_awgn(12.0), 0, 4000, 500, &rng, x, 30000);
        stream_frame(numerology_default(), link_awgn(12.0), 1, K, 0, &rng, x + 500 + at, FRAME);
        rng_complex_normal(&rng, 0.004f, x + 500 + at + FRAME, 6000);
        run(rx, 500 + at + FRAME + 6000);
        CU_ASSERT(!got(0) && got(1));
        CHECK_INT(notes.damaged, 1);
    }
    receiver_destroy(rx);
}

static void gaps_in_the_time_stamps(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    for (size_t cut = 700; cut < 500 + HEAD + 4 * 274; cut += 450) {
        size_t count = three_frames(15.0, cut), lost = 50 + cut % 97;
        memset(&notes, 0, sizeof(notes));
        receiver_reset(rx);
        stream_push(rx, x, FRAME + cut, 0);
        stream_push(rx, x + FRAME + cut + lost, count - FRAME - cut - lost, FRAME + cut + lost);
        receiver_flush(rx);
        CU_ASSERT(got(0) && !got(1) && got(2));
        if (cut > 500 + 2900) { /* the preamble is past the search: something is reported */
            CHECK_AT_LEAST(notes.count, 3);
            CU_ASSERT(notes.note[1].status != RECEIVED_OK);
        }
    }
    CHECK_AT_LEAST(receiver_counters(rx).gaps, 5);
    receiver_destroy(rx);
}

static void two_frames_at_once(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    static float complex second[FRAME];
    rng_t rng;
    for (size_t shift = 0; shift < 4000; shift += 333) {
        size_t count = three_frames(15.0, shift);
        rng_seed(&rng, shift, 3);
        stream_frame(numerology_default(), link_clean(), 9, K, 0, &rng, second, FRAME);
        for (size_t i = 0; i < 6000 && shift + i + FRAME + 500 < 2 * FRAME; i++) {
            x[FRAME + 500 + shift + i] += second[i];
        }
        run(rx, count);
        CU_ASSERT(got(0) && got(2));
    }
    receiver_destroy(rx);
}

static void clipped_samples(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    size_t count = three_frames(30.0, 3);
    for (size_t i = 0; i < count; i++) {
        float re = crealf(x[i]) > 0.0f ? 0.1f : -0.1f, im = cimagf(x[i]) > 0.0f ? 0.1f : -0.1f;
        x[i] = CMPLXF(re, im);
    }
    run(rx, count);
    CHECK_INT(notes.ok, 3); /* one bit per axis: poor, yet received, and said to be poor */
    CHECK_AT_MOST(notes.note[0].snr_db, 15.0);
    receiver_destroy(rx);
}

static void a_header_that_asks_for_too_much(void)
{
    receiver_t *rx = stream_receiver(&notes, K - 1);
    size_t count = three_frames(15.0, 4);
    run(rx, count);
    CHECK_INT(notes.damaged, 3);
    for (int i = 0; i < notes.count; i++) {
        CU_ASSERT(notes.note[i].header_valid);
        CHECK_INT(notes.note[i].header.frame, i);
    }
    receiver_destroy(rx);
}

static void a_header_of_a_payload_that_never_comes(void)
{
    /* A million symbols announced, nothing behind the header: given up within 20 symbols. */
    receiver_t *rx = stream_receiver(&notes, 1 << 20);
    rng_t rng;
    rng_seed(&rng, 5, 5);
    numerology_t n = numerology_default();
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = link_header(0, 1, 1000000);
    float complex *points = calloc(1000000, sizeof(*points));
    float complex *samples = malloc(transmitter_frame_samples(tx, &h) * sizeof(*samples));
    transmitter_modulate(tx, &h, points, samples);
    link_channel_t c = link_awgn(5.0);
    link_pass(&c, samples, HEAD, 500, &rng, x, 20000);
    stream_frame(n, c, 2, K, 500, &rng, x + 20000, FRAME);
    run(rx, 20000 + FRAME);
    CHECK_INT(notes.damaged, 1);
    CU_ASSERT(got(2));
    transmitter_destroy(tx);
    free(points);
    free(samples);
    receiver_destroy(rx);
}

static void garbage_never_becomes_a_frame(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    rng_t rng;
    rng_seed(&rng, 6, 0);
    memset(&notes, 0, sizeof(notes));
    uint64_t when = 0;
    for (int kind = 0; kind < 7; kind++) {
        for (size_t i = 0; i < 60000; i++) {
            uint64_t bits = rng_bits(&rng);
            float pair[2];
            memcpy(pair, &bits, sizeof(pair)); /* any bit pattern: NaN, denormals, all sizes */
            float complex any = CMPLXF(pair[0], pair[1]);
            float complex choice[7] = {any, 0.0f, 1.0f, i % 2 ? 1e8f : -1e8f, INFINITY,
                                       (float complex)cexp(I * 0.1 * (double)i),
                                       bits % 1000 == 0 ? 1e3f : 1e-30f};
            x[i] = choice[kind];
        }
        stream_push(rx, x, 60000, when);
        when += 60000;
    }
    CHECK_INT(notes.ok, 0);
    CHECK_INT(notes.damaged, 0);
    size_t count = three_frames(10.0, 7);
    stream_push(rx, x, count, when);
    CHECK_INT(notes.ok, 3 - 1 + got(2)); /* the last may still be held back */
    receiver_flush(rx);
    CU_ASSERT(got(0) && got(1) && got(2));
    receiver_destroy(rx);
}

static void noise_is_silent(void)
{
    receiver_t *rx = stream_receiver(&notes, K);
    rng_t rng;
    rng_seed(&rng, 7, 0);
    for (uint64_t i = 0; i < 12; i++) {
        rng_complex_normal(&rng, 1.0f, x, STREAM_MAX);
        stream_push(rx, x, STREAM_MAX, i * STREAM_MAX);
    }
    CHECK_INT(notes.count, 0);
    receiver_destroy(rx);
}

static const check_test_t tests[] = {
    {"samples that are no numbers damage only their frame", samples_that_are_no_numbers},
    {"a frame that stops is reported, the next received", a_frame_that_stops},
    {"a frame cut short by the next does not hide it", a_frame_cut_by_the_next},
    {"a gap in the time stamps costs one frame", gaps_in_the_time_stamps},
    {"two frames at once do no harm to the third", two_frames_at_once},
    {"one-bit samples are received, and their SNR is honest", clipped_samples},
    {"a header that asks for too much is refused", a_header_that_asks_for_too_much},
    {"a payload that never comes is given up", a_header_of_a_payload_that_never_comes},
    {"garbage never becomes a frame", garbage_never_becomes_a_frame},
    {"noise is silent", noise_is_silent},
};

int main(void)
{
    return check_run("receiver_damage", tests, CHECK_COUNT(tests));
}
