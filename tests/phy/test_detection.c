/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often preambles are found, and how often something else is taken for
 * one.  Without arguments: small counts against bounds.  With arguments, a line of
 * docs/WAVEFORM.md's tables with its 95 % confidence interval:
 *
 *     phy_test_detection MODEL ESN0_DB FRAMES [SPREAD_NS [CFO_RANGE [IMPULSES]]]
 *     phy_test_detection NUISANCE SAMPLES [CFO_RANGE [SEED]]
 *     phy_test_detection recording FILE ...
 *     phy_test_detection long               the counts that take minutes, as a test
 *
 * MODEL: awgn, rayleigh (exponential profile of SPREAD_NS), taps8 (equal power), each
 * frame through its own draw; IMPULSES: the part of samples hit by impulses 40 dB above
 * the noise.  NUISANCE: what nuisance.h makes; every report is a false alarm.
 * FILE: int16 I/Q; searched as it is, and at half and at a third of its rate.
 */
#include "nuisance.h"
#include "stream.h"

#include <glob.h>
#include <time.h>

typedef struct {
    const char *model;
    double snr_db;
    int frames;
    double spread_ns, cfo_range, impulses;
} setup_t;

typedef struct {
    int found, header, false_reports;
    int early_late; /* frames with more than 1 % of the channel's energy outside the prefix */
    double outside; /* that energy, mean */
    double cfo_square;
} result_t;

typedef struct {
    result_t *result;
    const link_channel_t *channel;
    uint64_t start;
    int found, header;
} listener_t;

/* Part of the channel's energy that does not arrive within the prefix after time zero. */
static double outside_prefix(const link_channel_t *c, int64_t zero, int cp)
{
    double out = 0.0, all = 0.0;
    for (int i = 0; i < LINK_TAPS; i++) {
        double power = creal(c->tap[i] * conjf(c->tap[i]));
        all += power;
        out += i - zero < 0 || i - zero > cp ? power : 0.0;
    }
    return out / all;
}

static void listen(void *context, const received_frame_t *f)
{
    listener_t *l = context;
    numerology_t n = numerology_default();
    int64_t off = (int64_t)(f->start_timestamp - l->start);
    if (off < -2 || off > LINK_TAPS) {
        l->result->false_reports++;
        return;
    }
    size_t length = f->header_valid ? numerology_frame_samples(&n, f->header.symbols)
                                    : numerology_frame_samples(&n, 0);
    double outside =
        outside_prefix(l->channel, (int64_t)(f->end_timestamp - length - l->start), n.cp);
    l->found = 1;
    l->header = f->status == RECEIVED_OK;
    l->result->outside += outside;
    l->result->early_late += outside > 0.01;
    l->result->cfo_square += pow(f->cfo_hz / n.spacing_hz - l->channel->cfo, 2.0);
}

static link_channel_t draw(const setup_t *s, rng_t *rng)
{
    link_channel_t c = s->model[0] == 'r'   ? link_rayleigh(s->snr_db, s->spread_ns, rng)
                       : s->model[0] == 't' ? link_equal(s->snr_db, 8, rng)
                                            : link_awgn(s->snr_db);
    c.cfo = s->cfo_range * (2.0 * (double)rng_uniform(rng) - 1.0);
    c.phase = 2.0 * M_PI * (double)rng_uniform(rng);
    return c;
}

static receiver_t *make_receiver(double cfo_range,
                                 void (*on_frame)(void *, const received_frame_t *), void *context)
{
    receiver_config_t config = receiver_default();
    config.max_symbols = 1024;
    config.cfo_range = cfo_range;
    config.on_frame = on_frame;
    config.context = context;
    return receiver_create(&config, NULL);
}

/* Frames of one symbol, 2,000 to 3,000 samples of noise before each. */
static result_t measure(const setup_t *s)
{
    numerology_t n = numerology_default();
    size_t length = numerology_frame_samples(&n, 1), count = length + 4000;
    float complex *samples = malloc(length * sizeof(*samples)), *x = malloc(count * sizeof(*x));
    result_t r = {0};
    listener_t listener = {.result = &r};
    receiver_t *rx = make_receiver(s->cfo_range, listen, &listener);
    transmitter_t *tx = transmitter_create(&n, NULL);
    rng_t rng;
    rng_seed(&rng, 1, 8);
    for (int i = 0; i < s->frames; i++) {
        frame_header_t h = link_header((uint16_t)i, 1, 1);
        float complex point = 1.0f;
        transmitter_modulate(tx, &h, &point, samples);
        link_channel_t c = draw(s, &rng);
        size_t offset = 2000 + rng_below(&rng, 1000);
        link_pass(&c, samples, length, offset, &rng, x, count);
        nuisance_impulses(&rng, s->impulses, 100.0 * sqrt(c.n0 / 16.0), x, count);
        listener.channel = &c;
        listener.start = (uint64_t)i * (count + 1) + offset;
        listener.found = listener.header = 0;
        stream_push(rx, x, count, (uint64_t)i * (count + 1));
        receiver_flush(rx);
        r.found += listener.found;
        r.header += listener.header;
    }
    receiver_destroy(rx);
    transmitter_destroy(tx);
    free(samples);
    free(x);
    return r;
}

/* Wilson's interval for k of n, 95 %. */
static void print_rate(const char *name, int k, int n)
{
    double z = 1.96, p = (double)k / n, d = 1.0 + z * z / n;
    double mid = (p + z * z / (2.0 * n)) / d;
    double half = z / d * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * (double)n));
    printf("%s %d of %d = %.4f (%.4f … %.4f)", name, k, n, p, mid - half, mid + half);
}

static int print_detection(const setup_t *s)
{
    result_t r = measure(s);
    printf("%s Es/N0 %.2f dB (%.2f over the band): ", s->model, s->snr_db,
           s->snr_db + 10.0 * log10(132.0 / 256.0));
    print_rate("found", r.found, s->frames);
    print_rate("; header", r.header, s->frames);
    printf("; false %d\n", r.false_reports);
    if (r.found > 0) {
        printf("    offset off by %.5f sub-carriers rms; outside the prefix %.2e of the energy, "
               "more than "
               "1 %% in %d frames\n",
               sqrt(r.cfo_square / r.found), r.outside / r.found, r.early_late);
    }
    return 0;
}

/* ---- what is no frame ---- */

static void count_report(void *context, const received_frame_t *f)
{
    (void)f;
    ++*(int *)context;
}

/* Reports of any kind in `samples` samples of it. */
static int count_false(nuisance_kind_t kind, double samples, double cfo_range, uint64_t seed,
                       double *seconds)
{
    static float complex x[1 << 16];
    enum { COUNT = sizeof(x) / sizeof(*x) };
    int reports = 0;
    receiver_t *rx = make_receiver(cfo_range, count_report, &reports);
    nuisance_t *source = nuisance_create(kind, seed);
    uint64_t when = 0;
    for (; (double)when < samples; when += COUNT) {
        struct timespec from, to;
        nuisance_make(source, x, COUNT);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        stream_push(rx, x, COUNT, when);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        *seconds += (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    }
    receiver_flush(rx);
    nuisance_destroy(source);
    receiver_destroy(rx);
    return reports;
}

static int print_false(nuisance_kind_t kind, double samples, double cfo_range, uint64_t seed)
{
    double seconds = 0.0;
    int reports = count_false(kind, samples, cfo_range, seed, &seconds);
    /* Upper 95 % bound of a Poisson mean: 3.0 for none, Byar's approximation else. */
    double k = reports + 1.0;
    double upper =
        reports == 0 ? 3.0 : k * pow(1.0 - 1.0 / (9.0 * k) + 1.645 / (3.0 * sqrt(k)), 3.0);
    printf("%s: %d reports in %.3g samples (below %.2g a sample with 95 %%), %.1f MS/s\n",
           nuisance_name(kind), reports, samples, upper / samples, samples / seconds / 1e6);
    return 0;
}

/* Every `step`-th mean of `step` samples of the file; -1 when it cannot be read. */
static int count_in_recording(const char *path, int step, size_t *samples)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }
    static float complex x[4096];
    int reports = 0;
    size_t count = 0;
    receiver_t *rx = make_receiver(2.0, count_report, &reports);
    int16_t pair[3][2];
    *samples = 0;
    while (fread(pair, sizeof(pair[0]), (size_t)step, file) == (size_t)step) {
        float complex sum = 0.0f;
        for (int i = 0; i < step; i++) {
            sum += CMPLXF(pair[i][0], pair[i][1]);
        }
        x[count++] = sum;
        if (count == sizeof(x) / sizeof(*x)) {
            stream_push(rx, x, count, *samples);
            *samples += count;
            count = 0;
        }
    }
    stream_push(rx, x, count, *samples);
    *samples += count;
    receiver_flush(rx);
    receiver_destroy(rx);
    fclose(file);
    return reports;
}

static int print_recordings(int count, char **path)
{
    int reports = 0;
    size_t all = 0;
    for (int i = 0; i < count; i++) {
        for (int step = 1; step <= 3; step++) {
            size_t samples;
            int one = count_in_recording(path[i], step, &samples);
            if (one < 0) {
                perror(path[i]);
                return 1;
            }
            reports += one;
            all += samples;
            if (one > 0) {
                printf("%s at 1/%d of its rate: %d reports\n", path[i], step, one);
            }
        }
    }
    printf("recordings: %d reports in %d files at three rates, %zu samples\n", reports, count, all);
    return 0;
}

/* ---- the suite's small counts ---- */

#define OVER_THE_BAND(snr_db) ((snr_db) + 10.0 * log10(256.0 / 132.0))

static void found_in_noise(void)
{
    result_t r = measure(&(setup_t){"awgn", OVER_THE_BAND(-10.0), 300, 0.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.found, 299);
    CHECK_INT(r.false_reports, 0);
    CHECK_AT_MOST(sqrt(r.cfo_square / r.found), 0.012);
    CHECK_AT_MOST(r.outside / r.found, 0.005);
    r = measure(&(setup_t){"awgn", OVER_THE_BAND(-12.0), 300, 0.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.found, 291);
}

static void found_through_fading(void)
{
    result_t r = measure(&(setup_t){"taps8", OVER_THE_BAND(-5.0), 300, 0.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.found, 298);
    r = measure(&(setup_t){"rayleigh", OVER_THE_BAND(-5.0), 300, 300.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.found, 294);
    r = measure(&(setup_t){"rayleigh", OVER_THE_BAND(-5.0), 300, 1000.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.found, 297);
}

static void found_between_impulses(void)
{
    result_t r = measure(&(setup_t){"awgn", OVER_THE_BAND(-9.0), 300, 0.0, 2.0, 0.01});
    CHECK_AT_LEAST(r.found, 297);
}

static notes_t notes;
static float complex stream[60000];

static bool got(int frame)
{
    for (int i = 0; i < notes.count; i++) {
        if (notes.note[i].status == RECEIVED_OK && notes.note[i].header.frame == frame) {
            return true;
        }
    }
    return false;
}

/* Frame 0, then frame 1 `gap` samples behind its end, changed by `gain`; noise at 10 dB below
 * frame 1. */
static void two_frames(int gap, float gain, uint64_t seed)
{
    numerology_t n = numerology_default();
    static float complex second[30000];
    rng_t rng;
    rng_seed(&rng, seed, 4);
    link_channel_t c = link_awgn(10.0), other = link_clean();
    other.cfo = 1.3;
    c.gain = gain;
    memset(stream, 0, sizeof(stream));
    size_t length = stream_frame(n, other, 0, 240, 700, &rng, stream, 30000);
    size_t start = 700 + length + (size_t)gap;
    stream_frame(n, c, 1, 240, 600, &rng, second, 30000);
    for (size_t i = start < 600 ? 600 - start : 0; i < 30000 && start + i - 600 < 60000; i++) {
        stream[start + i - 600] += second[i];
    }
}

static void found_right_behind_a_strong_frame(void)
{
    receiver_t *rx = stream_receiver(&notes, 1024);
    for (int gap = 0; gap < 2000; gap += 173) {
        for (int loss_db = 0; loss_db <= 20; loss_db += 10) {
            two_frames(gap, (float)pow(10.0, -loss_db / 20.0), (uint64_t)gap);
            memset(&notes, 0, sizeof(notes));
            receiver_reset(rx);
            stream_push(rx, stream, 60000, 0);
            receiver_flush(rx);
            CU_ASSERT(got(0) && got(1));
        }
    }
    receiver_destroy(rx);
}

static void found_when_the_gain_steps_within_the_preamble(void)
{
    receiver_t *rx = stream_receiver(&notes, 1024);
    for (int at = 50; at < 1024; at += 71) {
        for (int step_db = -30; step_db <= 30; step_db += 15) {
            rng_t rng;
            rng_seed(&rng, (uint64_t)at, 5);
            stream_frame(numerology_default(), link_awgn(5.0), 0, 240, 2000, &rng, stream, 30000);
            for (int n = 0; n < 2000 + at; n++) {
                stream[n] *= (float)pow(10.0, step_db / 20.0);
            }
            memset(&notes, 0, sizeof(notes));
            receiver_reset(rx);
            stream_push(rx, stream, 30000, 0);
            receiver_flush(rx);
            CHECK_INT(notes.count, 1);
            CHECK_NEAR(notes.note[0].start, 2000, 1);
        }
    }
    receiver_destroy(rx);
}

static void nothing_found_where_nothing_is(void)
{
    for (int kind = 0; kind < NUISANCE_KINDS; kind++) {
        double seconds = 0.0;
        CHECK_INT(count_false((nuisance_kind_t)kind, 6e5, 2.0, 3, &seconds), 0);
    }
}

static void nothing_found_in_recordings(void)
{
    glob_t files;
    if (glob(SEMRADIO_SOURCE_DIR "/../shared/data/radio/*.dat", 0, NULL, &files) != 0) {
        printf("skipped, no recordings in ../shared/data/radio ... ");
        return;
    }
    for (size_t i = 0; i < files.gl_pathc; i++) {
        for (int step = 1; step <= 3; step++) {
            size_t samples;
            CHECK_INT(count_in_recording(files.gl_pathv[i], step, &samples), 0);
        }
    }
    globfree(&files);
}

static void nothing_found_in_a_thousand_million(void)
{
    double seconds = 0.0;
    CHECK_INT(count_false(NUISANCE_NOISE, 1e9, 2.0, 21, &seconds), 0);
    for (int kind = 1; kind < NUISANCE_KINDS; kind++) {
        CHECK_INT(count_false((nuisance_kind_t)kind, 5e7, 2.0, 22, &seconds), 0);
    }
}

static void found_as_often_as_promised(void)
{
    result_t r = measure(&(setup_t){"awgn", OVER_THE_BAND(-10.0), 3000, 0.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.found, 2994);
    CHECK_AT_LEAST(r.header, 2970);
    r = measure(&(setup_t){"awgn", OVER_THE_BAND(-12.0), 3000, 0.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.found, 2940);
    CHECK_AT_LEAST(r.header, 2700);
    r = measure(&(setup_t){"taps8", OVER_THE_BAND(-5.0), 3000, 0.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.header, 2940);
    r = measure(&(setup_t){"rayleigh", OVER_THE_BAND(-5.0), 3000, 300.0, 2.0, 0.0});
    CHECK_AT_LEAST(r.header, 2940);
}

static const check_test_t tests[] = {
    {"preambles found at -10 and -12 dB over the band, any offset", found_in_noise},
    {"preambles found through many paths at -5 dB", found_through_fading},
    {"impulses on 1 % of the samples do not hide preambles", found_between_impulses},
    {"found right behind a frame up to 20 dB stronger", found_right_behind_a_strong_frame},
    {"found when the gain steps by 30 dB within the preamble",
     found_when_the_gain_steps_within_the_preamble},
    {"no false alarm in noise, impulses, bursts, tones, steps, other OFDM, silence",
     nothing_found_where_nothing_is},
    {"no false alarm in recordings of another system", nothing_found_in_recordings},
};

static const check_test_t long_tests[] = {
    {"found, and the header read, as often as docs/WAVEFORM.md says", found_as_often_as_promised},
    {"no false alarm in 10^9 samples of noise, nor in 5 10^7 of each nuisance",
     nothing_found_in_a_thousand_million},
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "long") == 0) {
        return check_run("detection, long", long_tests, CHECK_COUNT(long_tests));
    }
    if (argc < 3) {
        return check_run("detection", tests, CHECK_COUNT(tests));
    }
    if (strcmp(argv[1], "recording") == 0) {
        return print_recordings(argc - 2, argv + 2);
    }
    nuisance_kind_t kind = nuisance_named(argv[1]);
    if (kind != NUISANCE_KINDS) {
        return print_false(kind, atof(argv[2]), argc > 3 ? atof(argv[3]) : 2.0,
                           argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
    }
    setup_t s = {argv[1], atof(argv[2]), argc > 3 ? atoi(argv[3]) : 1000, 300.0, 2.0, 0.0};
    s.spread_ns = argc > 4 ? atof(argv[4]) : s.spread_ns;
    s.cfo_range = argc > 5 ? atof(argv[5]) : s.cfo_range;
    s.impulses = argc > 6 ? atof(argv[6]) : s.impulses;
    return print_detection(&s);
}
