/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broadcast_ap: the access point on the air.
 *
 * With frame.points = 64qam each symbol's two parts are rounded to eight evenly spaced levels whose
 * step is the best for a Gaussian of that symbol's deviation (0.586 of it; Max, 1960), over the
 * latents that are aligned on.
 */
#include "broadcast.h"
#include "latents.h"
#include "maps.h"
#include "outlet.h"

#include "blas.h"
#include "clock.h"
#include "federated/align_federated.h"
#include "federated/align_group.h"
#include "log.h"
#include "program.h"
#include "radio/radio.h"
#include "waveform/transmitter.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MESSAGES = 255, LEVELS_FROM = 512 /* latents that tell a symbol's deviation */ };

const option_t broadcast_ap_options[] = {{.section = "frame",
                                          .name = "messages",
                                          .type = OPTION_INT,
                                          .fallback = "60",
                                          .min = 1,
                                          .max = MOST_MESSAGES,
                                          .help = "latents in a frame"},
                                         {.section = "frame",
                                          .name = "rate",
                                          .type = OPTION_REAL,
                                          .unit = "frames/s",
                                          .fallback = "20",
                                          .min = 0.1,
                                          .max = 1000,
                                          .alias = "frame-rate",
                                          .help = "frames a second"},
                                         {.section = "frame",
                                          .name = "points",
                                          .type = OPTION_CHOICE,
                                          .choices = "plain|64qam",
                                          .fallback = "plain",
                                          .help = "symbols as they are, or rounded to 64 points"},
                                         {.section = "frame",
                                          .name = "duration_s",
                                          .type = OPTION_REAL,
                                          .unit = "s",
                                          .fallback = "0",
                                          .min = 0,
                                          .max = 1e6,
                                          .help = "ends after so long (0: never)"},
                                         {0}};

typedef struct {
    const options_t *options;
    latents_t *latents;
    federated_ap_t *ap;
    radio_t *radio;
    transmitter_t *transmitter;
    maps_t *maps;
    int uses, messages;
    double period_s;
    bool rounded;
    float step[3]
              [4096]; /* of each symbol: without alignment, of the present one, of the one before */
    uint16_t step_tag[3];
    int turn;
    pthread_mutex_t lock; /* of step, step_tag */
    digest_t known;
    pthread_t thread;
    _Atomic bool stop;
    outlet_t *outlet;
    float complex *latent, *sent, *symbols;
    uint64_t next; /* latent */
} ap_t;

/* ---- maps ------------------------------------------------------------------- */

/* The steps of this tag's symbols. */
static void learn_steps(ap_t *a, uint16_t tag)
{
    const int slot = tag == 0 ? 0 : 1 + (a->turn++ & 1);
    float *step = a->step[slot];
    double sum[4096] = {0.0};
    int done = 0;
    float complex *in = calloc((size_t)(a->latents->half * a->messages), sizeof *in);
    float complex *out = calloc((size_t)(a->uses * a->messages), sizeof *out);
    for (; in && out && done < LEVELS_FROM; done += a->messages) {
        for (int p = 0; p < a->messages; p++) {
            latents_lay(a->latents, (uint64_t)(done + p), in, p, a->messages);
        }
        blas_enter();
        (void)maps_apply(a->maps, tag, a->messages, in, NULL, a->latents->half, out, a->uses);
        blas_leave();
        for (int k = 0; k < a->uses; k++) {
            for (int p = 0; p < a->messages; p++) {
                const float complex s = out[k * a->messages + p];
                sum[k] += (double)(crealf(s) * crealf(s) + cimagf(s) * cimagf(s));
            }
        }
    }
    free(in);
    free(out);
    pthread_mutex_lock(&a->lock);
    for (int k = 0; k < a->uses; k++) {
        step[k] = (float)(0.586 * sqrt(0.5 * sum[k] / (done > 0 ? done : 1)));
    }
    a->step_tag[slot] = tag;
    pthread_mutex_unlock(&a->lock);
}

static int add_map(ap_t *a, uint16_t tag, const adapter_t *adapter, err_t *err)
{
    if (maps_set(a->maps, tag, adapter, err) < 0) {
        return -1;
    }
    if (a->rounded) {
        learn_steps(a, tag);
    }
    return 0;
}

/* The access point has made another adapter: here before anybody has armed it. */
static int follow(ap_t *a, err_t *err)
{
    const adapter_t *adapter = federated_ap_adapter(a->ap);
    uint16_t tag;
    if (!adapter || !federated_ap_prepared(a->ap, &tag)) {
        return 0;
    }
    const digest_t id = adapter_id(adapter);
    if (digest_equal(&id, &a->known) && maps_has(a->maps, tag)) {
        return 0;
    }
    a->known = id;
    return add_map(a, tag, adapter, err);
}

/* ---- frames' thread --------------------------------------------------------- */

static float level(float value, float step)
{
    const float index = roundf(value / step - 0.5f);
    return (fminf(fmaxf(index, -4.0f), 3.0f) + 0.5f) * step;
}

static void round_points(ap_t *a, uint16_t tag)
{
    pthread_mutex_lock(&a->lock);
    const int slot = tag == 0 ? 0 : a->step_tag[1] == tag ? 1 : 2;
    const float *step = a->step[slot];
    for (int k = 0; k < a->uses; k++) {
        for (int p = 0; p < a->messages && step[k] > 0.0f; p++) {
            float complex *s = &a->sent[k * a->messages + p];
            *s = CMPLXF(level(crealf(*s), step[k]), level(cimagf(*s), step[k]));
        }
    }
    pthread_mutex_unlock(&a->lock);
}

/* One frame into `samples`; how many. */
static size_t make_frame(ap_t *a, uint64_t number, float complex *samples)
{
    federated_stamp_t stamp;
    federated_ap_stamp(a->ap, outlet_sent(a->outlet), &stamp);
    for (int p = 0; p < a->messages; p++) {
        latents_lay(a->latents, a->next + (uint64_t)p, a->latent, p, a->messages);
    }
    blas_enter();
    const bool held = maps_apply(a->maps, stamp.tag, a->messages, a->latent, NULL, a->latents->half,
                                 a->sent, a->uses);
    blas_leave();
    if (!held) {
        memset(a->sent, 0, (size_t)(a->uses * a->messages) * sizeof *a->sent);
    }
    if (a->rounded) {
        round_points(a, stamp.tag);
    }
    for (int p = 0; p < a->messages; p++) { /* message by message on the air */
        for (int k = 0; k < a->uses; k++) {
            a->symbols[p * a->uses + k] = a->sent[k * a->messages + p];
        }
    }
    const frame_header_t header = {.source = BROADCAST_SOURCE,
                                   .destination = 255,
                                   .frame = (uint16_t)number,
                                   .image_id = (uint32_t)a->next,
                                   .images = (uint8_t)a->messages,
                                   .codec = BROADCAST_CODEC,
                                   .rate = 1,
                                   .adapter_tag = stamp.tag,
                                   .width = 1,
                                   .height = 1,
                                   .symbols = (uint32_t)a->uses};
    a->next = (a->next + (uint64_t)a->messages) % (uint64_t)a->latents->tests;
    transmitter_modulate(a->transmitter, &header, a->symbols, samples);
    return transmitter_frame_samples(a->transmitter, &header);
}

static void *make_frames(void *context)
{
    ap_t *a = context;
    program_name_thread("frames");
    for (uint64_t number = 0; !atomic_load(&a->stop);) {
        float complex *room = outlet_room(a->outlet, 0.05);
        if (room != NULL) {
            outlet_put(a->outlet, make_frame(a, number++, room));
        }
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------- */

static int open_air(ap_t *a, err_t *err)
{
    const numerology_t numerology = numerology_default();
    const radio_config_t radio = radio_config_from_options(a->options);
    const size_t places = (size_t)a->messages;
    adapter_t *base = latents_first_out(a->latents, a->uses, err);
    a->maps = base ? maps_create(a->messages, err) : NULL;
    a->transmitter = a->maps ? transmitter_create(&numerology, err) : NULL;
    a->latent = calloc((size_t)a->latents->half * places, sizeof *a->latent);
    a->sent = calloc((size_t)a->uses * places, sizeof *a->sent);
    a->symbols = calloc((size_t)a->uses * places, sizeof *a->symbols);
    int code = a->transmitter && a->latent && a->sent && a->symbols
                   ? add_map(a, 0, base, err)
                   : -1;
    adapter_destroy(base);
    a->radio = code == 0 ? radio_open(&radio, err) : NULL;
    const size_t room = numerology_frame_samples(&numerology, (size_t)a->uses * places) + 1024;
    a->outlet = a->radio ? outlet_start(a->radio, room, a->period_s, err) : NULL;
    return a->outlet ? 0 : -1;
}

static int open_ap(ap_t *a, err_t *err)
{
    federated_ap_config_t config;
    federated_file_t file = {.input = {.x = a->latents->x},
                             .channel_uses = (double)NAN,
                             .sigma2 = (double)NAN,
                             .rho = (double)NAN,
                             .power = (double)NAN,
                             .rounds = (double)NAN};
    if (align_ap_read(a->options, &file, &config, err) < 0) {
        return -1;
    }
    if (config.task.antennas != 1) {
        return err_set(err, ERR_ARGUMENT, "the waveform has one antenna: ap.antennas = 1");
    }
    a->uses = config.task.config.channel_uses;
    a->ap = federated_ap_create(&config, err);
    return a->ap && open_air(a, err) == 0 ? 0 : -1;
}

static int run(ap_t *a, err_t *err)
{
    const double duration_s = options_real(a->options, "frame.duration_s");
    const uint64_t start_ns = clock_now_ns();
    int code = 0;
    if (pthread_create(&a->thread, NULL, make_frames, a) != 0) {
        return err_set(err, ERR_MEMORY, "cannot start a thread");
    }
    log_info("on the air: %d messages of %d symbols a frame", a->messages, a->uses);
    while (code == 0 && !program_stopped(0) &&
           (duration_s == 0.0 || 1e-9 * (double)(clock_now_ns() - start_ns) < duration_s)) {
        code = federated_ap_step(a->ap, 0.1, err) < 0 || follow(a, err) < 0 ? -1 : 0;
    }
    atomic_store(&a->stop, true);
    pthread_join(a->thread, NULL);
    federated_ap_print(a->ap, stdout);
    printf("%llu frames sent, %llu slots of time missed\n", (unsigned long long)outlet_sent(a->outlet),
           (unsigned long long)outlet_late(a->outlet));
    return code;
}

static void close_all(ap_t *a)
{
    outlet_stop(a->outlet);
    radio_close(a->radio);
    transmitter_destroy(a->transmitter);
    maps_destroy(a->maps);
    federated_ap_destroy(a->ap);
    latents_destroy(a->latents);
    free(a->latent);
    free(a->sent);
    free(a->symbols);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

int broadcast_ap_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {align_federated_table,
                                             align_ap_table,
                                             broadcast_ap_options,
                                             radio_options,
                                             radio_tx_options,
                                             program_options,
                                             NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    int code = program_begin("semradio-broadcast ap", "LATENTS.safetensors",
                             "an access point that sends latents to many users and aligns them",
                             tables, argc, argv, &options);
    if (!options) {
        return code;
    }
    ap_t *a = calloc(1, sizeof *a);
    code = PROGRAM_FAILED;
    if (a) {
        pthread_mutex_init(&a->lock, NULL);
        a->options = options;
        a->messages = (int)options_int(options, "frame.messages");
        a->period_s = 1.0 / options_real(options, "frame.rate");
        a->rounded = options_choice(options, "frame.points") == 1;
        program_catch_signals();
        if (!options_positional(options, 0)) {
            err_set(&err, ERR_ARGUMENT, "which latents?  ap LATENTS.safetensors");
        } else {
            a->latents = latents_load(options_positional(options, 0), &err);
        }
        if (a->latents && open_ap(a, &err) == 0) {
            code = run(a, &err) < 0                   ? (int)PROGRAM_FAILED
                   : federated_ap_left_out(a->ap) > 0 ? (int)ALIGN_FEDERATED_LEFT_OUT
                                                      : (int)PROGRAM_OK;
        } else {
            code = err.code == ERR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED;
        }
        close_all(a);
    }
    if (err.code != ERR_NONE) {
        log_error("%s", err.text);
    }
    options_destroy(options);
    return code;
}
