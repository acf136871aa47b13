/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every option that may change at run time, set while frames flow, seen in what the daemons do. The
 * tables below must name each option that `list` calls changeable: a new one without an effect here
 * fails.
 */
#include "control_effects.h"

#include <sys/stat.h>

/* ---- the air: one figure of the frames, before and after ---- */

typedef enum { EVM, SNR, CFO, GAIN, GAIN_SPREAD, DELAY, CLOCK } figure_t;

typedef struct {
    const char *key;
    const char *with; /* other options beside it, "" : none */
    const char *from, *to;
    figure_t figure;
    double least, most; /* of the change */
    int frames;
} channel_effect_t;

#define RAYLEIGH "channel.model=rayleigh "
#define ANY      1e9

static const channel_effect_t channel_effects[] = {
    {"channel.model", "", "awgn", "rayleigh", GAIN_SPREAD, 1, ANY, 16},
    {"channel.block", RAYLEIGH "channel.delay_spread_ns=0", "burst", "static", GAIN_SPREAD, -ANY,
     -1, 16},
    {"channel.snr_db", "", "30", "10", SNR, -22, -18, 6},
    {"channel.delay_spread_ns", RAYLEIGH, "0", "600", DELAY, 100, ANY, 12},
    {"channel.doppler_hz", RAYLEIGH "channel.block=static channel.delay_spread_ns=0", "0", "300",
     GAIN_SPREAD, 0.5, ANY, 24},
    {"channel.tap_count", "channel.model=taps", "1", "8", DELAY, 50, ANY, 12},
    {"channel.tap_decay_db", "channel.model=taps channel.tap_count=8", "0", "30", DELAY, -ANY, -50,
     12},
    {"channel.cfo_hz", "", "0", "500", CFO, 440, 560, 6},
    {"channel.sco_ppm", "", "0", "40", CLOCK, -60, -10, 8},
    {"channel.linewidth_hz", "", "0", "1000", EVM, 3, ANY, 6},
    {"channel.pa_backoff_db", "", "200", "0", EVM, 3, ANY, 6},
    {"channel.pa_smoothness", "channel.pa_backoff_db=6", "20", "1", EVM, 0.4, ANY, 12},
    {"channel.iq_gain_db", "", "0", "3", EVM, 3, ANY, 6},
    {"channel.iq_phase_deg", "", "0", "20", EVM, 3, ANY, 6},
    {"channel.dc_dbc", "channel.cfo_hz=7000", "-200", "10", EVM, 3, ANY, 6},
    {"channel.adc_bits", "", "0", "3", EVM, 3, ANY, 6},
    {"channel.adc_headroom_db", "channel.adc_bits=8", "12", "-10", EVM, 3, ANY, 6},
    {"channel.loss_rate", "channel.loss_samples=20", "0", "0.1", EVM, 3, ANY, 8},
    {"channel.loss_samples", "channel.loss_rate=0.1", "20", "1000000", EVM, -ANY, -3, 12},
    {"channel.tone_sir_db", "", "200", "0", EVM, 3, ANY, 6},
    {"channel.tone_hz", "channel.tone_sir_db=0", "100000", "3500000", EVM, -ANY, -3, 6},
    {"channel.ofdm_sir_db", "", "200", "0", EVM, 3, ANY, 6},
    {"channel.impulse_rate_hz", "channel.impulse_db=40", "0", "20000", EVM, 3, ANY, 6},
    {"channel.impulse_db", "channel.impulse_rate_hz=20000", "0", "40", EVM, 3, ANY, 6},
    {"channel.seed", RAYLEIGH "channel.block=static channel.delay_spread_ns=0", "1", "3", GAIN,
     -ANY, ANY, 6},
    {"channel.path", "channel.model=replay channel.path_link=0", "flat.dat", "echo.dat", DELAY, 20,
     ANY, 6},
    {"channel.path_link", "channel.model=replay channel.path=echo.dat", "0", "4", DELAY, -ANY, -20,
     6},
};
enum { CHANNEL_EFFECTS = sizeof channel_effects / sizeof channel_effects[0] };

static double figure_of(const view_t *view, figure_t figure)
{
    const double values[] = {view->evm_db,         view->snr_db,   view->cfo_hz,   view->gain_db,
                             view->gain_spread_db, view->delay_ns, view->clock_ppm};
    return values[figure];
}

/* The value of an option as it was at the start. */
static const char *initial(const json_t *values, const char *key)
{
    const char *text = json_string_value(json_object_get(values, key));
    return text != NULL ? text : "";
}

/* "key=value" with a file's name in the work folder for channel.path. */
static void say(char *words, size_t size, const char *key, const char *value)
{
    const bool file = strcmp(key, "channel.path") == 0 && *value != 0;
    snprintf(words, size, "%s=%s", key, file ? in_work("%s", value) : value);
}

/* The air as it was: each option named in "key=value …". */
static void restore(const json_t *values, const char *words)
{
    char copy[1024], all[2048] = "", *save = NULL;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        word[strcspn(word, "=")] = 0;
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s=%s ", word, initial(values, word));
    }
    CU_ASSERT(set_words(AIR, all));
}

/* Another static draw is another gain, whichever. */
static bool as_wanted(const channel_effect_t *e, double change)
{
    return strcmp(e->key, "channel.seed") == 0 ? fabs(change) > 0.5
                                               : change >= e->least && change <= e->most;
}

static void try_effect(const channel_effect_t *e, const json_t *values)
{
    char words[1024], one[300], with[600] = "", copy[300], *save = NULL;
    snprintf(copy, sizeof copy, "%s", e->with);
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(word, '=');
        *equals = 0;
        say(one, sizeof one, word, equals + 1);
        const size_t used = strlen(with);
        snprintf(with + used, sizeof with - used, "%s ", one);
    }
    if (e->figure == CLOCK) { /* only a long frame shows it */
        CU_ASSERT(set_words(TX, "frame.images=60"));
    }
    say(one, sizeof one, e->key, e->from);
    snprintf(words, sizeof words, "%s%s", with, one);
    CU_ASSERT(set_words(AIR, words));
    const view_t before = look(e->frames);
    say(one, sizeof one, e->key, e->to);
    CU_ASSERT(set_words(AIR, one));
    CU_ASSERT(get_is(clients[AIR], e->key, strchr(one, '=') + 1));
    const view_t after = look(e->frames);
    const double a = figure_of(&before, e->figure), b = figure_of(&after, e->figure);
    if (!as_wanted(e, b - a)) {
        fprintf(stderr, "%s %s -> %s: %.6g -> %.6g\n", e->key, e->from, e->to, a, b);
        CU_FAIL("an option of the air without its effect");
    }
    restore(values, words);
    CU_ASSERT(set_words(TX, "frame.images=2"));
}

/* ---- channel state of a measurement, made here (phy/air/csi_file.h) ---- */

enum { NRX = 2, NTX = 3, BODY = (30 * (NRX * NTX * 16 + 3) + 7) / 8, RECORD = 3 + 20 + BODY };

static void put_byte(uint8_t *body, size_t bit, int value)
{
    for (size_t b = 0; b < 8; b++) {
        if (((unsigned)value >> b & 1u) != 0) {
            body[(bit + b) / 8] |= (uint8_t)(1u << (bit + b) % 8);
        }
    }
}

/* Transmit stream 0 to antenna 0 has an echo of 400 ns when `echo`; all others are flat. */
static void write_csi(const char *path, bool echo)
{
    static const int carrier[30] = {-28, -26, -24, -22, -20, -18, -16, -14, -12, -10,
                                    -8,  -6,  -4,  -2,  -1,  1,   3,   5,   7,   9,
                                    11,  13,  15,  17,  19,  21,  23,  25,  27,  28};
    FILE *file = fopen(path, "wb");
    for (unsigned n = 0; n < 40; n++) {
        uint8_t record[RECORD] = {(RECORD - 2) >> 8, (RECORD - 2) & 255, 0xbb}, *h = record + 3;
        const unsigned time_us = 1000 + 2000 * n;
        for (unsigned i = 0; i < 4; i++) {
            h[i] = (uint8_t)(time_us >> 8 * i);
        }
        h[8] = NRX;
        h[9] = NTX;
        h[10] = h[11] = 40;
        h[14] = 30;
        h[15] = 0 | 1 << 2 | 2 << 4;
        h[16] = BODY & 255;
        h[17] = BODY >> 8;
        h[18] = 0x05;
        h[19] = 0x01;
        for (int i = 0; i < 30; i++) {
            for (int link = 0; link < NRX * NTX; link++) {
                const double turn = 2 * 3.14159265358979 * 312500.0 * carrier[i] * 400e-9;
                const double strong = echo && link == 0 ? 40 : 0;
                const size_t bit = (size_t)(i * (NRX * NTX * 16 + 3) + 3 + 16 * link);
                put_byte(h + 20, bit, (int)lrint(60 + strong * cos(turn)));
                put_byte(h + 20, bit + 8, (int)lrint(-strong * sin(turn)));
            }
        }
        fwrite(record, 1, sizeof record, file);
    }
    fclose(file);
}

static void test_channel(void)
{
    err_t err = ERR_INIT;
    open_all();
    write_csi(in_work("flat.dat"), false);
    write_csi(in_work("echo.dat"), true);
    json_t *got = ask(clients[AIR], "get", NULL, &err);
    for (int i = 0; i < CHANNEL_EFFECTS; i++) {
        try_effect(&channel_effects[i], json_object_get(got, "values"));
    }
    json_decref(got);
    close_all();
}

/* ---- the transmitter ---- */

#define BEFORE_AFTER(end, words, test)                                                             \
    const view_t before = look(4);                                                                 \
    CU_ASSERT(set_words(end, words));                                                              \
    const view_t after = look(4);                                                                  \
    CU_ASSERT(test)

static void effect_rate(void)
{
    BEFORE_AFTER(TX, "codec.rate=1/4", before.rate < 0.2 && after.rate == 0.25);
    CU_ASSERT(set_words(TX, "codec.rate=1/6"));
}

static void effect_design(void)
{
    BEFORE_AFTER(TX, "codec.design_snr_db=20", before.design_db == 10 && after.design_db == 20);
}

static void effect_images(void)
{
    BEFORE_AFTER(TX, "frame.images=5", before.images == 2 && after.images == 5);
    CU_ASSERT(set_words(TX, "frame.images=2"));
}

static void effect_max_symbols(void)
{
    BEFORE_AFTER(TX, "frame.max_symbols=600", before.images == 2 && after.images == 1);
    CU_ASSERT(set_words(TX, "frame.max_symbols=32768"));
}

static void effect_gap(void)
{
    BEFORE_AFTER(TX, "frame.gap_us=100000", after.spacing > before.spacing + 0.5 * 768000);
    CU_ASSERT(set_words(TX, "frame.gap_us=20"));
}

static void effect_source(void)
{
    BEFORE_AFTER(TX, "frame.source=9", before.source == 1 && after.source == 9);
}

static void effect_destination(void)
{
    BEFORE_AFTER(TX, "frame.destination=7", before.destination == 255 && after.destination == 7);
}

static void effect_frame_rate(void)
{
    BEFORE_AFTER(TX, "tx.frame_rate=5", before.spacing < 1e6 && after.spacing >= 1535990);
    CU_ASSERT(set_words(TX, "tx.frame_rate=0"));
}

static void effect_tx_gain(void)
{
    BEFORE_AFTER(TX, "radio.tx_gain_db=-6", fabs(after.gain_db - before.gain_db + 6) < 0.7);
    CU_ASSERT(set_words(TX, "radio.tx_gain_db=0"));
}

static bool grows_with(const program_t *program, const char *part)
{
    return wait_for(program, part);
}

static void effect_tx_table(void)
{
    CU_ASSERT(!says(&daemons[TX], "on_air%"));
    CU_ASSERT(set_words(TX, "report.table=on"));
    CU_ASSERT(grows_with(&daemons[TX], "on_air%"));
}

/* It ends by itself; a new one takes its place. */
static void tx_ends(const char *words)
{
    CU_ASSERT(set_words(TX, words));
    disconnect(TX);
    CHECK_INT(finish(&daemons[TX], 30), 0);
}

static void effect_loop(void)
{
    tx_ends("source.loop=false");
    CU_ASSERT(says(&daemons[TX], "info: semradio-tx: sent ")); /* for effect_tx_log */
    open_tx("");
}

static void effect_tx_frames(void)
{
    tx_ends("tx.frames=1");
    open_tx("");
}

static void effect_tx_duration(void)
{
    tx_ends("tx.duration_s=0.001");
    open_tx("");
}

static void effect_tx_log(void)
{
    CU_ASSERT(set_words(TX, "log.level=error"));
    tx_ends("tx.frames=1");
    CU_ASSERT(!says(&daemons[TX], "info: semradio-tx: sent "));
    open_tx("");
}

/* ---- the receiver ---- */

static void effect_ssim(void)
{
    BEFORE_AFTER(RX, "quality.ssim=false", isfinite(before.ssim) && !isfinite(after.ssim));
}

static void effect_rx_gain(void)
{
    BEFORE_AFTER(RX, "radio.rx_gain_db=-6", fabs(after.gain_db - before.gain_db + 6) < 0.7);
}

/* Until a number of the receiver's status has grown by `more`. */
static bool grows(const char *key, double more)
{
    const double before = status_number(clients[RX], key);
    for (int i = 0; i < 1000; i++) {
        if (status_number(clients[RX], key) >= before + more) {
            return true;
        }
        clock_sleep_s(0.02);
    }
    fprintf(stderr, "%s does not grow\n", key);
    return false;
}

static void effect_id(void)
{
    CU_ASSERT(set_words(TX, "frame.destination=7"));
    CU_ASSERT(set_words(RX, "rx.id=5"));
    CU_ASSERT(grows("for_others", 5));
    CU_ASSERT(set_words(RX, "rx.id=255"));
    CU_ASSERT(set_words(TX, "frame.destination=255"));
}

static void effect_rx_table(void)
{
    CU_ASSERT(!says(&daemons[RX], "psnr_db m_psnr"));
    CU_ASSERT(set_words(RX, "report.table=on"));
    CU_ASSERT(grows_with(&daemons[RX], "psnr_db m_psnr"));
}

static void effect_every(void)
{
    CU_ASSERT(grows("images_written", 3));
    CU_ASSERT(set_words(RX, "output.every=1000000000"));
    (void)look(4);
    const double written = status_number(clients[RX], "images_written");
    (void)look(8);
    CHECK_NEAR(status_number(clients[RX], "images_written"), written, 0);
    CU_ASSERT(set_words(RX, "output.every=1"));
    CU_ASSERT(grows("images_written", 3));
}

static void effect_limit(void)
{
    CU_ASSERT(set_words(RX, "output.limit=1"));
    (void)look(4);
    const double written = status_number(clients[RX], "images_written");
    (void)look(8);
    CHECK_NEAR(status_number(clients[RX], "images_written"), written, 0);
    CU_ASSERT(set_words(RX, "output.limit=0"));
    CU_ASSERT(grows("images_written", 3));
}

static int files_with(const char *pattern)
{
    char command[256];
    snprintf(command, sizeof command, "ls %s | grep -c -- '%s'", in_work("pictures"), pattern);
    FILE *pipe = popen(command, "r");
    int count = 0;
    CHECK_INT(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void effect_sent(void)
{
    CHECK_AT_LEAST(files_with("-sent.png"), 1);
    CU_ASSERT(set_words(RX, "output.sent=false"));
    (void)look(4);
    const int sent = files_with("-sent.png"), all = files_with("png");
    (void)look(8);
    CHECK_INT(files_with("-sent.png"), sent);
    CHECK_AT_LEAST(files_with("png"), all + 1);
}

/* Waiting loses nothing; dropping does, as long as decoding is slower than sending. */
static void effect_overload(void)
{
    CU_ASSERT(set_words(TX, "frame.images=64 tx.frame_rate=0"));
    CU_ASSERT(set_words(RX, "quality.ssim=true output.every=1000000000"));
    (void)look(4);
    CHECK_INT(status_number(clients[RX], "dropped"), 0);
    CU_ASSERT(set_words(RX, "rx.overload=drop"));
    CU_ASSERT(grows("dropped", 1));
    CU_ASSERT(set_words(RX, "rx.overload=wait"));
    CU_ASSERT(set_words(TX, "frame.images=2"));
}

static void rx_ends(const char *words)
{
    CU_ASSERT(set_words(RX, words));
    disconnect(RX);
    CHECK_INT(finish(&daemons[RX], 30), 0);
}

static void again_rx(void)
{
    char more[200];
    snprintf(more, sizeof more, "--output.images_dir=%s --output.limit=0 --codec.threads=1",
             in_work("pictures"));
    open_rx(more);
}

static void effect_rx_frames(void)
{
    rx_ends("rx.frames=1");
    CU_ASSERT(says(&daemons[RX], "info: semradio-rx: received "));
    again_rx();
}

static void effect_rx_duration(void)
{
    rx_ends("rx.duration_s=0.001");
    again_rx();
}

static void effect_rx_log(void)
{
    CU_ASSERT(set_words(RX, "log.level=error"));
    rx_ends("rx.frames=1");
    CU_ASSERT(!says(&daemons[RX], "info: semradio-rx: received "));
    again_rx();
}

/* ---- both: the radio goes away ---- */

static void air_dies(void)
{
    disconnect(AIR);
    kill(daemons[AIR].pid, SIGKILL);
    (void)finish(&daemons[AIR], 10);
}

/* The receiver ends, the transmitter waits. */
static void effect_on_gone(void)
{
    CU_ASSERT(set_words(RX, "rx.on_gone=stop"));
    CU_ASSERT(set_words(TX, "tx.on_gone=wait"));
    air_dies();
    CHECK_INT(finish(&daemons[RX], 30), 1);
    disconnect(RX);
    CU_ASSERT(set_words(TX, "tx.on_gone=stop"));
    CHECK_INT(finish(&daemons[TX], 30), 1);
    disconnect(TX);
    open_all();
}

/* ---- the air's own ---- */

static void effect_air_log(void)
{
    CU_ASSERT(says(&daemons[AIR], "joined"));
    CU_ASSERT(set_words(AIR, "log.level=error"));
    tx_ends("tx.frames=1");
    open_tx("");
    (void)look(2);
    CU_ASSERT(!says(&daemons[AIR], "left"));
}

/* ---- the hub ---- */

static double design_db(void)
{
    return look(2).design_db;
}

/* The transmitter's design SNR becomes this. */
static bool becomes(double wanted_db)
{
    for (int i = 0; i < 200; i++) {
        if (design_db() == wanted_db) {
            return true;
        }
    }
    fprintf(stderr, "the design SNR never becomes %g dB\n", wanted_db);
    return false;
}

/* Rungs 1 and 2 with an edge of 15 dB; the air goes from 10 to 25. */
static bool stays_at_one(const char *words)
{
    CU_ASSERT(set_words(AIR, "channel.snr_db=10"));
    (void)look(2);
    CU_ASSERT(set_words(HUB, words));
    CU_ASSERT(becomes(1));
    CU_ASSERT(set_words(AIR, "channel.snr_db=25"));
    (void)look(20);
    return design_db() == 1;
}

static void effect_adapt(void)
{
    CU_ASSERT(set_words(AIR, "channel.snr_db=10"));
    CU_ASSERT(set_words(TX, "codec.design_snr_db=5"));
    CU_ASSERT(set_words(HUB, "hub.ladder=base@1,15,base@2"));
    (void)look(8);
    CHECK_NEAR(design_db(), 5, 0); /* fixed */
    CU_ASSERT(set_words(HUB, "hub.adapt=auto"));
    CU_ASSERT(becomes(1));
}

static void effect_ladder(void)
{
    CU_ASSERT(set_words(HUB, "hub.ladder=base@3,15,base@2"));
    CU_ASSERT(becomes(3));
    CU_ASSERT(set_words(HUB, "hub.ladder=base@1,15,base@2"));
    CU_ASSERT(becomes(1));
}

static void effect_hysteresis(void)
{
    CU_ASSERT(stays_at_one("hub.hysteresis_db=20"));
    CU_ASSERT(set_words(HUB, "hub.hysteresis_db=1"));
    CU_ASSERT(becomes(2));
}

static void effect_dwell(void)
{
    CU_ASSERT(stays_at_one("hub.dwell_s=1000"));
    CU_ASSERT(set_words(HUB, "hub.dwell_s=0"));
    CU_ASSERT(becomes(2));
}

static void effect_smooth(void)
{
    CU_ASSERT(stays_at_one("hub.smooth_s=3600"));
    CU_ASSERT(set_words(HUB, "hub.smooth_s=0"));
    CU_ASSERT(becomes(2));
}

static void write_script(const char *path, const char *line)
{
    FILE *file = fopen(path, "w");
    fprintf(file, "%s\n", line);
    fclose(file);
}

static void effect_script(void)
{
    char words[300];
    write_script(in_work("one"), "0 base@7");
    write_script(in_work("two"), "0 base@8");
    snprintf(words, sizeof words, "hub.script=%s hub.adapt=script", in_work("one"));
    CU_ASSERT(set_words(HUB, words));
    CU_ASSERT(becomes(7));
    snprintf(words, sizeof words, "hub.script=%s", in_work("two"));
    CU_ASSERT(set_words(HUB, words));
    CU_ASSERT(becomes(8));
}

/* ---- all of them ---- */

static const struct {
    int end;
    const char *key;
    void (*run)(void);
} effects[] = {
    {TX, "codec.rate", effect_rate},
    {TX, "codec.design_snr_db", effect_design},
    {TX, "frame.images", effect_images},
    {TX, "frame.max_symbols", effect_max_symbols},
    {TX, "frame.gap_us", effect_gap},
    {TX, "frame.source", effect_source},
    {TX, "frame.destination", effect_destination},
    {TX, "tx.frame_rate", effect_frame_rate},
    {TX, "radio.tx_gain_db", effect_tx_gain},
    {TX, "report.table", effect_tx_table},
    {TX, "source.loop", effect_loop},
    {TX, "tx.frames", effect_tx_frames},
    {TX, "tx.duration_s", effect_tx_duration},
    {TX, "log.level", effect_tx_log},
    {TX, "tx.on_gone", effect_on_gone},
    {AIR, "log.level", effect_air_log},
    {RX, "rx.on_gone", NULL}, /* with tx.on_gone */
    {RX, "rx.frames", effect_rx_frames},
    {RX, "rx.duration_s", effect_rx_duration},
    {RX, "log.level", effect_rx_log},
    {RX, "quality.ssim", effect_ssim},
    {RX, "rx.id", effect_id},
    {RX, "radio.rx_gain_db", effect_rx_gain},
    {RX, "report.table", effect_rx_table},
    {RX, "output.every", effect_every},
    {RX, "output.limit", effect_limit},
    {RX, "output.sent", effect_sent},
    {RX, "rx.overload", effect_overload},
    {HUB, "hub.adapt", effect_adapt},
    {HUB, "hub.ladder", effect_ladder},
    {HUB, "hub.hysteresis_db", effect_hysteresis},
    {HUB, "hub.dwell_s", effect_dwell},
    {HUB, "hub.smooth_s", effect_smooth},
    {HUB, "hub.script", effect_script},
};
enum { EFFECTS = sizeof effects / sizeof effects[0] };

static void run_effects(int end)
{
    for (int i = 0; i < EFFECTS; i++) {
        if (effects[i].end == end && effects[i].run != NULL) {
            const unsigned failed = CU_get_number_of_failures();
            effects[i].run();
            if (CU_get_number_of_failures() != failed) {
                fprintf(stderr, "%s: %s\n", end_names[end], effects[i].key);
            }
        }
    }
}

static void test_transmitter(void)
{
    open_all();
    run_effects(TX);
    run_effects(AIR);
    close_all();
}

static void test_receiver(void)
{
    CHECK_INT(mkdir(in_work("pictures"), 0777), 0);
    open_air();
    again_rx();
    open_tx("");
    run_effects(RX);
    close_all();
}

static void test_hub(void)
{
    open_all();
    open_hub();
    run_effects(HUB);
    CHECK_INT(close_end(HUB), 0);
    close_all();
}

static bool has_effect(int end, const char *key)
{
    bool found = false;
    for (int i = 0; i < EFFECTS; i++) {
        found = found || (effects[i].end == end && strcmp(effects[i].key, key) == 0);
    }
    for (int i = 0; i < CHANNEL_EFFECTS && end == AIR; i++) {
        found = found || strcmp(channel_effects[i].key, key) == 0;
    }
    return found;
}

static void test_complete(void)
{
    static const int least[ENDS] = {28, 12, 15, 6};
    open_all();
    open_hub();
    for (int end = 0; end < ENDS; end++) {
        err_t err = ERR_INIT;
        json_t *list = ask(clients[end], "list", NULL, &err), *option;
        size_t i;
        int count = 0;
        json_array_foreach(json_object_get(list, "options"), i, option)
        {
            const char *key = json_string_value(json_object_get(option, "key"));
            if (json_is_true(json_object_get(option, "runtime"))) {
                count++;
                if (!has_effect(end, key)) {
                    fprintf(stderr, "%s: %s may change, and no effect of it is looked for here\n",
                            end_names[end], key);
                    CU_FAIL("an option without an effect");
                }
            }
        }
        CHECK_AT_LEAST(count, least[end]);
        json_decref(list);
    }
    CHECK_INT(close_end(HUB), 0);
    close_all();
}

static const check_test_t tests[] = {
    {"the tables here name every option that list calls changeable", test_complete},
    {"each option of the channel shows in the frames", test_channel},
    {"each option of the transmitter does what it says", test_transmitter},
    {"each option of the receiver does what it says", test_receiver},
    {"each option of the hub does what it says", test_hub},
};

int main(void)
{
    return daemons_run("control_effects", tests, CHECK_COUNT(tests));
}
