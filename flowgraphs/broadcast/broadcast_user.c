/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broadcast_user: a user on the air.
 *
 * The channel is measured, never told: the receiver estimates gain and noise of every carrier from
 * the frame's known symbols, and hands out s_hat = (1 - v) (s + w / h) with v = n0 / (|h|^2 + n0),
 * E|s_hat - s|^2 = v.  With v averaged over the symbols of the latest frames, s_hat / (1 - v) = s +
 * noise of variance n = v / (1 - v); so for the aligner's sigma2
 *
 *     H = sqrt(sigma2 / n),   H s + w = scale s_hat,   scale = H (1 + n)
 */
#include "broadcast.h"
#include "intake.h"
#include "latents.h"
#include "maps.h"

#include "blas.h"
#include "clock.h"
#include "federated/align_federated.h"
#include "federated/align_group.h"
#include "log.h"
#include "program.h"
#include "radio/radio.h"
#include "waveform/receiver.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_USES = 4096, MOST_MESSAGES = 255, MEASURED_FROM = 4 /* frames */ };

const option_t broadcast_user_options[] = {
    {.section = "watch",
     .name = "summary",
     .type = OPTION_STRING,
     .help = "writes what came before and after alignment as JSON to this file at the end"},
    {.section = "watch",
     .name = "duration_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "0",
     .min = 0,
     .max = 1e6,
     .help = "ends after so long (0: never)"},
    {0}};

/* What came, without alignment and with. */
typedef struct {
    uint64_t messages, right, judged;
    double error; /* sum of |error|^2 */
} tally_of_t;

typedef struct {
    const options_t *options;
    latents_t *latents;
    maps_t *maps;
    radio_t *radio;
    receiver_t *receiver;
    federated_station_t *station;
    store_t *store;
    pthread_t thread;
    _Atomic bool stop;
    intake_t *intake;
    int uses; /* of base's map, 0: none yet; receiving thread */
    float complex *symbols, *estimate;
    float *noise_var, *scratch;
    pthread_mutex_t lock; /* of what follows */
    tally_of_t tally[2];
    double noise; /* v, averaged */
    uint64_t frames, lost, not_held;
    uint64_t first_frame_ns, aligned_ns; /* first frame; first that was decoded with an alignment */
} user_t;

/* ---- receiving thread ------------------------------------------------------- */

/* Message by message -> [K][messages]. */
static void turn(user_t *u, const received_frame_t *frame, int uses, int messages)
{
    for (int p = 0; p < messages; p++) {
        for (int k = 0; k < uses; k++) {
            u->symbols[k * messages + p] = frame->symbols[p * uses + k];
            u->noise_var[k * messages + p] = frame->noise_var[p * uses + k];
        }
    }
}

static void measure_noise(user_t *u, const received_frame_t *frame)
{
    double sum = 0.0;
    for (size_t i = 0; i < frame->symbol_count; i++) {
        sum += (double)frame->noise_var[i] / (double)frame->symbol_count;
    }
    const double weight = u->frames < 16 ? 1.0 / (double)(u->frames + 1) : 1.0 / 16.0;
    u->noise += weight * (sum - u->noise);
    u->frames++;
    u->first_frame_ns = u->first_frame_ns != 0 ? u->first_frame_ns : clock_now_ns();
}

static void judge(user_t *u, const frame_header_t *header, int messages)
{
    tally_of_t *tally = &u->tally[header->adapter_tag != 0];
    for (int p = 0; p < messages; p++) {
        int right;
        tally->error += latents_error(u->latents, header->image_id + (uint64_t)p, u->estimate, p,
                                      messages, u->scratch, &right);
        tally->judged += right >= 0;
        tally->right += right > 0;
        tally->messages++;
    }
    if (header->adapter_tag != 0 && u->aligned_ns == 0) {
        u->aligned_ns = clock_now_ns();
    }
}

/* The map of tag 0 needs to know K, which the first frame tells. */
static void make_base(user_t *u, int uses)
{
    adapter_t *base = latents_first_in(u->latents, uses, NULL);
    if (base && maps_set(u->maps, 0, base, NULL) == 0) {
        u->uses = uses;
    }
    adapter_destroy(base);
}

static void on_frame(void *context, const received_frame_t *frame)
{
    user_t *u = context;
    const frame_header_t *header = &frame->header;
    const int uses = (int)header->symbols, messages = header->images;
    if (frame->status != RECEIVED_OK || header->codec != BROADCAST_CODEC || uses > MOST_USES) {
        pthread_mutex_lock(&u->lock);
        u->lost += frame->status != RECEIVED_OK;
        pthread_mutex_unlock(&u->lock);
        return;
    }
    if (uses != u->uses) {
        make_base(u, uses);
    }
    turn(u, frame, uses, messages);
    const bool held = maps_apply(u->maps, header->adapter_tag, messages, u->symbols, u->noise_var,
                                 uses, u->estimate, u->latents->half);
    pthread_mutex_lock(&u->lock);
    measure_noise(u, frame);
    if (held) {
        judge(u, header, messages);
    } else {
        u->not_held++;
    }
    pthread_mutex_unlock(&u->lock);
}

static void *receive(void *context)
{
    user_t *u = context;
    program_name_thread("receive");
    while (!atomic_load(&u->stop)) {
        const intake_block_t *block = intake_next(u->intake, 0.05);
        if (block != NULL) {
            const float complex *y[1] = {block->samples};
            blas_enter(); /* against the main thread's algebra; on_frame runs in it */
            receiver_push(u->receiver, y, block->count, block->timestamp);
            blas_leave();
            intake_release(u->intake);
        }
    }
    return NULL;
}

/* ---- station ---------------------------------------------------------------- */

static int measure(void *context, double sigma2, federated_channel_t *channel, err_t *err)
{
    user_t *u = context;
    (void)err;
    pthread_mutex_lock(&u->lock);
    const uint64_t frames = u->frames;
    const double v = fmin(fmax(u->noise, 1e-9), 1.0 - 1e-9);
    pthread_mutex_unlock(&u->lock);
    if (frames < MEASURED_FROM) {
        return 1;
    }
    const double n = v / (1.0 - v), h = sqrt(sigma2 / n);
    channel->rows = channel->antennas = 1;
    channel->h[0] = h;
    channel->h[1] = 0.0;
    channel->scale = h * (1.0 + n);
    log_info("measured: Es/N0 %.2f dB over %llu frames", -10.0 * log10(n),
             (unsigned long long)frames);
    return 0;
}

static void armed(void *context, uint16_t tag, const adapter_t *adapter)
{
    user_t *u = context;
    err_t err = ERR_INIT;
    if (maps_set(u->maps, tag, adapter, &err) < 0) {
        log_error("%s", err.text);
    }
}

/* ---- life ------------------------------------------------------------------- */

static int open_user(user_t *u, err_t *err)
{
    radio_config_t radio = radio_config_from_options(u->options);
    receiver_config_t receiver = receiver_default();
    federated_station_config_t station;
    align_user_read(u->options, &station);
    station.y = u->latents->x;
    station.measure = measure;
    station.armed = armed;
    station.context = u;
    const char *folder = options_string(u->options, "user.store");
    if (*folder && !(u->store = store_open(folder, err))) {
        return -1;
    }
    station.store = u->store;
    receiver.max_symbols = 65536;
    receiver.on_frame = on_frame;
    receiver.context = u;
    u->maps = maps_create(MOST_MESSAGES, err);
    u->receiver = u->maps ? receiver_create(&receiver, err) : NULL;
    u->symbols = calloc(65536, sizeof *u->symbols);
    u->noise_var = calloc(65536, sizeof *u->noise_var);
    u->estimate = calloc((size_t)u->latents->half * MOST_MESSAGES, sizeof *u->estimate);
    u->scratch = calloc((size_t)u->latents->features, sizeof *u->scratch);
    if (!u->receiver || !u->symbols || !u->noise_var || !u->estimate || !u->scratch) {
        return u->receiver ? err_set(err, ERR_MEMORY, "no memory for frames") : -1;
    }
    u->station = federated_station_create(&station, err);
    u->radio = u->station ? radio_open(&radio, err) : NULL;
    return u->radio && radio_start(u->radio, err) == 0 ? 0 : -1;
}

static json_t *tally_json(const user_t *u, const tally_of_t *t)
{
    json_t *object = json_pack("{s:I}", "messages", (json_int_t)t->messages);
    if (t->messages > 0) {
        json_object_set_new(object, "nmse",
                            json_real(t->error / (double)t->messages / u->latents->energy));
    }
    if (t->judged > 0) {
        json_object_set_new(object, "accuracy", json_real((double)t->right / (double)t->judged));
    }
    return object;
}

static int tell(user_t *u, err_t *err)
{
    const char *path = options_string(u->options, "watch.summary");
    const double v = fmin(fmax(u->noise, 1e-9), 1.0 - 1e-9);
    if (u->frames == 0) {
        log_warn("no frame was heard: is the access point on this air, or the channel in a deep fade?");
    }
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I}", "name",
                  options_string(u->options, "user.name"), "frames", (json_int_t)u->frames, "lost",
                  (json_int_t)u->lost, "not_held", (json_int_t)u->not_held, "samples_lost",
                  (json_int_t)intake_lost(u->intake), "snr_db",
                  u->frames > 0 ? json_real(-10.0 * log10(v / (1.0 - v))) : json_null(), "before",
                  tally_json(u, &u->tally[0]), "after", tally_json(u, &u->tally[1]), "armed",
                  (json_int_t)federated_station_armed(u->station));
    if (u->aligned_ns != 0) {
        json_object_set_new(object, "seconds_to_aligned",
                            json_real(1e-9 * (double)(u->aligned_ns - u->first_frame_ns)));
    }
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    int code = 0;
    if (text) {
        printf("%s\n", text);
    }
    if (*path && (!object || json_dump_file(object, path, JSON_COMPACT) != 0)) {
        code = err_set(err, ERR_IO, "cannot write %s", path);
    }
    free(text);
    json_decref(object);
    return code;
}

static int run(user_t *u, err_t *err)
{
    const double duration_s = options_real(u->options, "watch.duration_s");
    const uint64_t start_ns = clock_now_ns();
    int code = 0;
    if ((u->intake = intake_start(u->radio, err)) == NULL) {
        return -1;
    }
    if (pthread_create(&u->thread, NULL, receive, u) != 0) {
        return err_set(err, ERR_MEMORY, "cannot start a thread");
    }
    while (code == 0 && !program_stopped(0) &&
           (duration_s == 0.0 || 1e-9 * (double)(clock_now_ns() - start_ns) < duration_s)) {
        code = federated_station_step(u->station, err);
    }
    atomic_store(&u->stop, true);
    pthread_join(u->thread, NULL);
    return tell(u, code == 0 ? err : NULL) < 0 ? -1 : code;
}

static void close_all(user_t *u)
{
    intake_stop(u->intake);
    radio_close(u->radio);
    receiver_destroy(u->receiver);
    federated_station_destroy(u->station);
    store_close(u->store);
    maps_destroy(u->maps);
    latents_destroy(u->latents);
    free(u->symbols);
    free(u->noise_var);
    free(u->estimate);
    free(u->scratch);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

int broadcast_user_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {align_user_table, broadcast_user_options,
                                             radio_options,    radio_rx_options,
                                             program_options,  NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    int code = program_begin("semradio-broadcast user", "LATENTS.safetensors",
                             "one of the many users of an access point's latents", tables, argc,
                             argv, &options);
    if (!options) {
        return code;
    }
    user_t *u = calloc(1, sizeof *u);
    code = PROGRAM_FAILED;
    if (u) {
        pthread_mutex_init(&u->lock, NULL);
        u->options = options;
        program_catch_signals();
        if (!options_positional(options, 0)) {
            err_set(&err, ERR_ARGUMENT, "which latents?  user LATENTS.safetensors");
        } else {
            u->latents = latents_load(options_positional(options, 0), &err);
        }
        if (u->latents && open_user(u, &err) == 0) {
            code = run(u, &err) == 0          ? (int)PROGRAM_OK
                   : err.code == ERR_ARGUMENT ? (int)ALIGN_FEDERATED_LEFT_OUT
                                              : (int)PROGRAM_FAILED;
        } else {
            code = err.code == ERR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED;
        }
        close_all(u);
    }
    if (err.code != ERR_NONE) {
        log_error("%s", err.text);
    }
    options_destroy(options);
    return code;
}
