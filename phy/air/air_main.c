/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-air: the emulated air as a process.
 *
 *     semradio-air                                    runs until Ctrl-C
 *     semradio-air set channel.snr_db=10 --air NAME   changes a running one
 *     semradio-air status --air NAME                  prints one as JSON
 *
 * The hub has its own thread; this one waits for signals and says once a second
 * how it goes.
 */
#include "air/hub.h"

#include "control/control_daemon.h"
#include "lines.h"
#include "log.h"
#include "program.h"
#include "usrp/usrp_rack.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option_t hub_options[] = {
    {.section = "air",
     .name = "name",
     .type = OPTION_STRING,
     .fallback = "semradio",
     .alias = "air",
     .help = "name of this air; radios find it as radio.address"},
    {.section = "air",
     .name = "pace",
     .type = OPTION_CHOICE,
     .fallback = "realtime",
     .choices = "realtime|free",
     .help = "time follows the clock, or goes as fast as the radios and drops nothing"},
    {.section = "air",
     .name = "rate_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "7.68M",
     .min = 1e3,
     .max = 1e9,
     .help = "sample rate of this air and all its radios"},
    {.section = "air",
     .name = "symbol_energy",
     .type = OPTION_REAL,
     .fallback = "0.0625",
     .min = 1e-9,
     .max = 1e6,
     .help = "energy of a sent sub-carrier after a unitary FFT; channel.snr_db refers to it"},
    {.section = "air",
     .name = "block_samples",
     .type = OPTION_INT,
     .fallback = "4096",
     .min = 64,
     .max = 65536,
     .help = "samples at a time: latency against CPU"},
    {.section = "air",
     .name = "buffer_ms",
     .type = OPTION_REAL,
     .unit = "ms",
     .fallback = "250",
     .min = 1,
     .max = 10000,
     .help = "a receiver may fall behind so much (rounded up to a power of two of samples)"},
    {.section = "air",
     .name = "tail_samples",
     .type = OPTION_INT,
     .fallback = "16384",
     .min = 0,
     .max = 1e9,
     .help = "free pace: silence after the last burst before time stands still"},
    {.section = "air",
     .name = "radios",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 16,
     .help = "time begins when so many radios are there and one of them receives"},
    {.section = "air",
     .name = "radio",
     .type = OPTION_STRING,
     .fallback = "",
     .alias = "radio",
     .help = "a virtual USRP: usrp:127.0.0.2[,KEY=VALUE...] (docs/VIRTUAL_USRP.md); repeatable"},
    {.section = "air",
     .name = "status",
     .type = OPTION_STRING,
     .fallback = "",
     .help = "write one JSON line a second to this file (-: standard output)"},
    {0}};

static const char summary[] = "the emulated air: radios meet here over shared memory";
static const char epilog[] =
    "Words:\n"
    "  (none)             run until Ctrl-C or SIGTERM\n"
    "  set KEY=VALUE ...  change channel.snr_db or channel.cfo_hz of the running air --air NAME\n"
    "                     (with --control.bind every channel option: semradio-align set)\n"
    "  status             print the running air's state as one line of JSON\n"
    "\n"
    "Examples:\n"
    "  semradio-air --channel.model=rayleigh --channel.delay_spread_ns=300 --channel.snr_db=15\n"
    "  semradio-air --channel.model=tdl-c --channel.doppler_hz=50 --channel.adc_bits=10\n"
    "  semradio-air --air lab --pace=free --radios=2 --status air.jsonl\n"
    "  semradio-air set channel.snr_db=5 --air lab\n"
    "  semradio-air --radio usrp:127.0.0.2 --radio usrp:127.0.0.3\n"
    "\n"
    "Exit codes: 0 done (also after Ctrl-C), 1 it could not go on, 2 a wrong option.";

static bool come_first; /* devices that UHD drives do not wait for other programs */

static void *hub_thread(void *hub)
{
    program_name_thread("air");
    if (come_first) {
        (void)program_come_first();
    }
    hub_run(hub, INFINITY);
    return NULL;
}

/* The next power of two, within what a segment takes (hub_create checks the rest). */
static uint64_t ring_for(double samples)
{
    uint64_t size = 1u << 14;
    while ((double)size < samples && size < UINT64_C(1) << 26) {
        size *= 2;
    }
    return size;
}

static hub_config_t config_from(const options_t *options)
{
    hub_config_t config = hub_config_default();
    config.name = options_string(options, "air.name");
    config.free_pace = options_choice(options, "air.pace") == 1;
    air_config_from_options(&config.channel, options);
    config.channel.sample_rate_hz = options_real(options, "air.rate_hz");
    if (options_text(options, "air.radio")[0] != '\0' && !options_given(options, "air.rate_hz")) {
        config.channel.sample_rate_hz = USRP_TICK_HZ / 13; /* the nearest a USRP can do */
    }
    config.channel.symbol_energy = options_real(options, "air.symbol_energy");
    config.rx_ring = ring_for(1e-3 * options_real(options, "air.buffer_ms") *
                              config.channel.sample_rate_hz);
    config.block_samples = (size_t)options_int(options, "air.block_samples");
    config.tail_samples = (uint64_t)options_int(options, "air.tail_samples");
    config.wait_radios = (int)options_int(options, "air.radios");
    return config;
}

/* The running air, as the control plane sees it. */
typedef struct {
    hub_t *hub;
    hub_config_t config;
    control_daemon_t *control;
    control_reporter_t *reporter;
} air_station_t;

/* The base of a changed channel is that of the start: what the table does not hold stays. */
static int accept_channel(void *context, const options_t *options, err_t *err)
{
    air_station_t *station = context;
    air_config_t channel = station->config.channel;
    air_config_from_options(&channel, options);
    if (hub_change(station->hub, &channel, err) != 0) {
        return -1;
    }
    log_set_level((log_level_t)options_choice(options, "log.level"));
    return 0;
}

/* semradio-air set, from another process, changes these two as well. */
static void refresh_levels(void *context, options_t *options)
{
    const air_station_t *station = context;
    hub_status_t s;
    char text[32];
    if (hub_status(station->config.name, &s, NULL) != 0) {
        return;
    }
    if (s.snr_db != options_real(options, "channel.snr_db")) {
        snprintf(text, sizeof text, "%.17g", s.snr_db);
        (void)options_set(options, "channel.snr_db", text, NULL);
    }
    if (s.cfo_hz != options_real(options, "channel.cfo_hz")) {
        snprintf(text, sizeof text, "%.17g", s.cfo_hz);
        (void)options_set(options, "channel.cfo_hz", text, NULL);
    }
}

static json_t *control_status(void *context)
{
    const air_station_t *station = context;
    hub_status_t status;
    char text[512];
    if (hub_status(station->config.name, &status, NULL) != 0) {
        return NULL;
    }
    json_t *object = json_loads(hub_status_json(&status, text, sizeof text), 0, NULL);
    json_object_set_new(object, "program", json_string("semradio-air"));
    json_object_set_new(object, "name", json_string(station->config.name));
    return object;
}

static int open_control(air_station_t *station, options_t *options, err_t *err)
{
    const control_daemon_config_t config = {.program = "semradio-air",
                                            .options = options,
                                            .accept = accept_channel,
                                            .refresh = refresh_levels,
                                            .status = control_status,
                                            .context = station};
    return control_daemon_open(&config, &station->control, err) == 0 &&
                   control_daemon_reporter(station->control, 16, &station->reporter, err) == 0
               ? control_daemon_start(station->control, err)
               : -1;
}

static void show(const hub_status_t *s, lines_t *lines, control_reporter_t *reporter)
{
    char text[512];
    hub_status_json(s, text, sizeof text);
    (void)control_report(reporter, CONTROL_STATUS, text, strlen(text));
    if (lines != NULL) {
        (void)lines_put(lines, text, strlen(text), NULL); /* counts what a full disk loses */
    }
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr,
                "\r\033[K%d radios  %.2f MS/s (x%.2f)  CPU %.0f %%  SNR %.1f dB  bursts %llu  "
                "dropped %llu  late %llu  holes %llu  stalls %llu",
                s->radios, s->samples_per_second * 1e-6, s->realtime_factor, 100.0 * s->load,
                s->snr_db, (unsigned long long)s->bursts, (unsigned long long)s->dropped,
                (unsigned long long)s->late, (unsigned long long)s->underflows,
                (unsigned long long)s->stalls);
        fflush(stderr);
    }
}

static int fail(const err_t *err)
{
    log_error("%s", err->text);
    return err->code == ERR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED;
}

static int run_hub(air_station_t *station, lines_t *lines)
{
    hub_t *hub = station->hub;
    pthread_t thread;
    if (pthread_create(&thread, NULL, hub_thread, hub) != 0) {
        log_error("cannot start a thread");
        return PROGRAM_FAILED;
    }
    while (!program_stopped(1.0)) {
        hub_status_t status;
        if (hub_status(station->config.name, &status, NULL) == 0) {
            show(&status, lines, station->reporter);
        }
    }
    hub_stop(hub);
    pthread_join(thread, NULL);
    if (isatty(STDERR_FILENO)) {
        fputc('\n', stderr);
    }
    return PROGRAM_OK;
}

/* The hub's thread, and those of the virtual USRPs in its air. */
static int run_threads(air_station_t *station, options_t *options, lines_t *lines)
{
    const hub_config_t *config = &station->config;
    const char *radios = options_string(options, "air.radio");
    err_t err = ERR_INIT;
    usrp_rack_t *rack =
        usrp_rack_create(radios, config->name, config->channel.sample_rate_hz, &err);
    if (rack == NULL) {
        return fail(&err);
    }
    come_first = radios[0] != '\0' && !config->free_pace;
    int code = open_control(station, options, &err) == 0 ? run_hub(station, lines) : fail(&err);
    control_daemon_close(station->control);
    usrp_rack_destroy(rack);
    return code;
}

static int run(options_t *options)
{
    err_t err = ERR_INIT;
    const hub_config_t config = config_from(options);
    const char *path = options_string(options, "air.status");
    lines_t *lines = NULL;
    if (path[0] != '\0' && (lines = lines_open(path, false, &err)) == NULL) {
        return fail(&err);
    }
    int code;
    hub_t *hub = hub_create(&config, &err);
    if (hub == NULL) {
        code = fail(&err);
    } else {
        log_info("air \"%s\": %s, %.6g MS/s, SNR %g dB, %s pace", config.name,
                 air_model_name(config.channel.model), config.channel.sample_rate_hz * 1e-6,
                 config.channel.snr_db, options_string(options, "air.pace"));
        air_station_t station = {.hub = hub, .config = config};
        code = run_threads(&station, options, lines);
        hub_destroy(hub);
    }
    if (lines_close(lines, &err) < 0) {
        return fail(&err);
    }
    return code;
}

/* set KEY=VALUE … */
static int set(options_t *options)
{
    err_t err = ERR_INIT;
    const char *word;
    for (size_t i = 1; (word = options_positional(options, i)) != NULL; i++) {
        const char *equals = strchr(word, '=');
        char key[64];
        if (equals == NULL || equals == word || (size_t)(equals - word) >= sizeof key) {
            err_set(&err, ERR_ARGUMENT, "\"%s\" is not KEY=VALUE", word);
            return fail(&err);
        }
        snprintf(key, sizeof key, "%.*s", (int)(equals - word), word);
        /* The table reads and checks the value; the air checks the key. */
        const option_t *option = options_find(options, key, &err);
        if (option != NULL && option->type != OPTION_REAL) {
            err_set(&err, ERR_ARGUMENT,
                    "%s.%s is set over the control plane: start the air with --control.bind, then "
                    "semradio-align set",
                    option->section, option->name);
            return fail(&err);
        }
        if (option == NULL || options_set_runtime(options, key, equals + 1, &err) < 0) {
            return fail(&err);
        }
        snprintf(key, sizeof key, "%s.%s", option->section, option->name);
        if (hub_set(options_string(options, "air.name"), key, options_real(options, key), &err) < 0) {
            return fail(&err);
        }
    }
    return PROGRAM_OK;
}

static int print_status(const options_t *options)
{
    err_t err = ERR_INIT;
    hub_status_t status;
    char text[512];
    if (hub_status(options_string(options, "air.name"), &status, &err) < 0) {
        return fail(&err);
    }
    puts(hub_status_json(&status, text, sizeof text));
    return PROGRAM_OK;
}

/* program_begin, with words and their explanation. */
static int begin(int argc, char **argv, options_t **options)
{
    static const option_t *const tables[] = {hub_options, air_options, control_options, daemon_options, NULL};
    err_t err = ERR_INIT;
    log_set_program("semradio-air");
    *options = options_create("semradio-air", summary, tables, &err);
    if (*options == NULL) {
        return fail(&err);
    }
    options_set_positional(*options, "[set KEY=VALUE ... | status]");
    options_set_epilog(*options, epilog);
    static char radios[1024];
    const int words = usrp_rack_join_arguments(argc, argv, radios, sizeof radios);
    const int answered = options_parse(*options, words, argv, &err);
    if (answered != 0) {
        options_destroy(*options);
        *options = NULL;
        return answered < 0 ? fail(&err) : PROGRAM_OK;
    }
    log_set_level((log_level_t)options_choice(*options, "log.level"));
    return PROGRAM_OK;
}

int main(int argc, char **argv)
{
    options_t *options;
    int code = begin(argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    program_catch_signals();
    const char *word = options_positional(options, 0);
    if (word == NULL) {
        code = run(options);
    } else if (strcmp(word, "set") == 0 && options_positional(options, 1) != NULL) {
        code = set(options);
    } else if (strcmp(word, "status") == 0 && options_positional(options, 1) == NULL) {
        code = print_status(options);
    } else {
        log_error("\"%s\": the words are: set KEY=VALUE ..., status", word);
        code = PROGRAM_USAGE;
    }
    options_destroy(options);
    return code;
}
