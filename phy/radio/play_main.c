/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-play: sends a recording through a radio.  Each stretch without a gap is one burst; gaps
 * in the recording's time are gaps on the air.
 */
#include "log.h"
#include "program.h"
#include "radio/radio_service.h"
#include "radio/sigmf.h"

#include <math.h>
#include <stdlib.h>

static const option_t play_options[] = {{.section = "play",
                                         .name = "repeat",
                                         .type = OPTION_INT,
                                         .fallback = "1",
                                         .min = 0,
                                         .max = 1e9,
                                         .help = "how many times (0: until Ctrl-C)"},
                                        {0}};
static const option_t *const tables[] = {play_options, radio_options, radio_tx_options,
                                         program_options, NULL};

enum { BLOCK = 8192 };

typedef struct {
    radio_t *from, *to;
    uint64_t first, base; /* timestamps: of the recording's first sample, and when it is sent */
    uint64_t sent, bursts;
    bool in_burst;
} play_t;

/* All of it, in one burst or as a part of one.  False: stopped, or the radio cannot. */
static bool push(play_t *play, const float complex *x, size_t count, radio_push_t how, err_t *err)
{
    size_t done = 0;
    do {
        const float complex *part[1] = {x + done};
        const ssize_t n = radio_push(play->to, part, count - done, &how, 0.1, err);
        if (n < 0 && err->code != ERR_TIMEOUT) {
            return false;
        }
        if (n >= 0) {
            how.start = how.start && n == 0 && count > 0;
            done += (size_t)n;
        }
        err->code = ERR_NONE;
        if (n >= 0 && done == count) {
            return true;
        }
    } while (!program_stopped(0));
    return false;
}

static bool end_burst(play_t *play, err_t *err)
{
    const bool was = play->in_burst;
    play->in_burst = false;
    return !was || push(play, NULL, 0, (radio_push_t){.end = true}, err);
}

static bool begin_burst(play_t *play, uint64_t timestamp, radio_push_t *how, err_t *err)
{
    if (!end_burst(play, err)) {
        return false;
    }
    if (play->bursts++ == 0) {
        play->first = timestamp;
        play->base = radio_now(play->to) + (uint64_t)(0.05 * radio_rate_hz(play->to));
    }
    *how = (radio_push_t){.start = true, .timestamp = play->base + (timestamp - play->first)};
    play->in_burst = true;
    return true;
}

/* The recording once.  0, or -1 and an error; a stop is no error. */
static int play_once(play_t *play, err_t *err)
{
    static float complex samples[BLOCK];
    float complex *x[1] = {samples};
    play->bursts = 0;
    while (!program_stopped(0)) {
        radio_pull_t info;
        radio_push_t how = {.start = false};
        const ssize_t n = radio_pull(play->from, x, BLOCK, 0.1, &info, err);
        if (n < 0) {
            const bool end = err->code == ERR_CLOSED;
            err->code = end ? ERR_NONE : err->code;
            return end && end_burst(play, err) ? 0 : -1;
        }
        radio_service_log_events(play->to);
        if (n == 0) {
            continue;
        }
        if ((info.discontinuous && !begin_burst(play, info.timestamp, &how, err)) ||
            !push(play, samples, (size_t)n, how, err)) {
            return err->code == ERR_NONE ? 0 : -1;
        }
        play->sent += (size_t)n;
    }
    err_t ignored = ERR_INIT;
    (void)end_burst(play, &ignored);
    return 0;
}

static radio_t *open_recording(const char *path, double rate_hz, err_t *err)
{
    char address[1024];
    radio_config_t config = radio_config_default();
    config.backend = "file";
    config.address = address;
    config.rate_hz = rate_hz;
    snprintf(address, sizeof address, "rx=%.1000s", path);
    radio_t *radio = radio_open(&config, err);
    if (radio != NULL && radio_start(radio, err) != 0) {
        radio_close(radio);
        return NULL;
    }
    return radio;
}

static int play(const options_t *options, err_t *err)
{
    play_t play = {.from = NULL};
    const radio_config_t config = radio_config_from_options(options);
    const char *path = options_positional(options, 0);
    const int64_t repeat = options_int(options, "play.repeat");
    if (path == NULL || options_positional(options, 1) != NULL) {
        return err_set(err, ERR_ARGUMENT, "one recording is needed: semradio-play NAME");
    }
    play.to = radio_service_open(&config, err);
    int code = play.to != NULL ? 0 : -1;
    for (int64_t i = 0; code == 0 && (repeat == 0 || i < repeat) && !program_stopped(0); i++) {
        play.from = open_recording(path, config.rate_hz, err);
        code = play.from != NULL ? play_once(&play, err) : -1;
        radio_close(play.from);
    }
    while (code == 0 && !program_stopped(0) && !radio_drained(play.to, 0.1)) {
    }
    if (play.to != NULL) {
        radio_service_log_events(play.to);
        log_info("%llu samples sent", (unsigned long long)play.sent);
    }
    radio_close(play.to);
    return code;
}

int main(int argc, char *argv[])
{
    options_t *options;
    int code =
        program_begin("semradio-play", "RECORDING", "sends a SigMF recording through a radio",
                      tables, argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    program_catch_signals();
    err_t err = ERR_INIT;
    code = PROGRAM_OK;
    if (play(options, &err) != 0 && program_stop_count() == 0) {
        log_error("%s", err.text);
        code = PROGRAM_FAILED;
    }
    options_destroy(options);
    return code;
}
