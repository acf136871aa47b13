/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon_trial.h"

#include "clock.h"
#include "control/control_client.h"
#include "control/endpoint.h"
#include "control/subscriber.h"
#include "daemon_set.h"
#include "log.h"
#include "step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double start_s = 60.0, ask_s = 10.0; /* to wait for a daemon that starts, that runs */

typedef struct {
    const trial_config_t *trial;
    const daemon_link_t *link;
    daemon_set_t set;
    control_client_t *client[DAEMON_KINDS];
    subscriber_t *reports;
    double sent_before; /* frames, by the transmitter's count */
    uint64_t measure_from_ns, last_report_ns;
    step_t step;
    bool any;             /* a report was measured */
    double symbols, side; /* of an image: symbols and source values */
    result_t now;
} over_t;

static const char *const kinds[DAEMON_KINDS] = {"air", "receiver", "transmitter"};

int daemon_trial_check(const trial_config_t *trial, const daemon_link_t *link, err_t *err)
{
    if (strcmp(trial->scheme.codec, "digital") == 0) {
        return err_set(err, ERR_ARGUMENT, "codec=digital does not go over link=daemons");
    }
    if (trial->link.genie) {
        return err_set(err, ERR_ARGUMENT, "receiver=genie does not go over link=daemons");
    }
    bool foreign = link->air[0] != '\0' && strcmp(link->air, "none") != 0;
    if (link->air[0] == '\0' && (link->tx[0] != '\0' || link->rx[0] != '\0')) {
        return err_set(err, ERR_ARGUMENT, "daemons that run are not in an air that is started now: "
                                          "say daemons.air=ENDPOINT, or none for real radios");
    }
    if (foreign && ((link->tx[0] == '\0' && link->tx_options[0] == '\0') ||
                    (link->rx[0] == '\0' && link->rx_options[0] == '\0'))) {
        return err_set(err, ERR_ARGUMENT, "daemons that are started do not know the air at %s: say "
                                          "tx_options and rx_options=--radio.address=NAME",
                       link->air);
    }
    return 0;
}

/* The answer's result (to be freed), or NULL.  Takes args. */
static json_t *ask(over_t *over, daemon_kind_t kind, const char *command, json_t *args,
                   double deadline_s, err_t *err)
{
    control_result_t got;
    int status = control_client_ask(over->client[kind], command, "", args, NULL, 0, deadline_s,
                                    &got, err);
    json_t *result = status == 0 ? json_incref(got.result) : NULL;
    control_result_free(&got);
    json_decref(args);
    if (result == NULL) {
        err_prefix(err, "the %s at %s", kinds[kind], over->set.endpoint[kind]);
    }
    return result;
}

/* Waits until it answers, or has ended. */
static int reach(over_t *over, daemon_kind_t kind, err_t *err)
{
    const daemon_link_t *link = over->link;
    const control_peer_config_t config = {
        .endpoint = over->set.endpoint[kind],
        .server_key = kind == DAEMON_TX ? link->tx_key : kind == DAEMON_RX ? link->rx_key : "",
        .key = kind == DAEMON_AIR || over->set.process[kind] > 0 ? "" : link->key};
    over->client[kind] = control_client_create(&config, err);
    if (over->client[kind] == NULL) {
        return -1;
    }
    double patience_s = over->set.process[kind] > 0 ? start_s : link->patience_s;
    uint64_t deadline = clock_now_ns() + (uint64_t)(patience_s * 1e9);
    while (daemon_set_check(&over->set, err) == 0) {
        json_t *answer = ask(over, kind, "ping", NULL, 1.0, err);
        json_decref(answer);
        if (answer != NULL || clock_now_ns() > deadline) {
            return answer != NULL ? 0 : -1;
        }
        clock_sleep_s(0.05);
    }
    return -1;
}

static int set_values(over_t *over, daemon_kind_t kind, json_t *values, err_t *err)
{
    json_t *answer = ask(over, kind, "set", json_pack("{s:o}", "values", values), ask_s, err);
    json_decref(answer);
    return answer != NULL ? 0 : -1;
}

/* The channel, option by option; its seed and its kind of block only change with a new air. */
static int set_air(over_t *over, err_t *err)
{
    json_t *values = json_object();
    const option_t *option;
    for (size_t i = 0; (option = options_at(over->link->options, i)) != NULL; i++) {
        char key[128];
        snprintf(key, sizeof key, "channel.%s", option->name);
        const char *value = strcmp(option->section, "channel") == 0
                                ? options_text(over->link->options, key)
                                : "";
        if (value[0] != '\0' && (option->flags & OPTION_RUNTIME) != 0) {
            json_object_set_new(values, key, json_string(value));
        }
    }
    return set_values(over, DAEMON_AIR, values, err);
}

static int set_tx(over_t *over, err_t *err)
{
    const scheme_config_t *scheme = &over->trial->scheme;
    char rate[32];
    snprintf(rate, sizeof rate, "%d/%d", scheme->rate_numerator, scheme->rate_denominator);
    return set_values(over, DAEMON_TX,
                      json_pack("{s:s, s:f, s:i}", "codec.rate", rate, "codec.design_snr_db",
                                scheme->design_snr_db, "frame.images", over->trial->frame_images),
                      err);
}

/* A daemon that was running has its codec and waveform since its start. */
static int check_fixed(over_t *over, daemon_kind_t kind, err_t *err)
{
    static const char *const keys[] = {"waveform.cp", "waveform.retrain_every", "codec.name"};
    if (over->set.process[kind] > 0) {
        return 0;
    }
    json_t *answer = ask(over, kind, "get", NULL, ask_s, err);
    int status = answer != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < sizeof keys / sizeof keys[0]; i++) {
        const char *is = json_string_value(json_object_get(json_object_get(answer, "values"),
                                                           keys[i]));
        const char *wanted = i == 2 ? over->trial->scheme.codec
                                    : options_text(over->link->options, keys[i]);
        if (is == NULL || strcmp(is, wanted) != 0) {
            status = err_set(err, ERR_STATE, "the %s at %s runs with %s=%s, this point needs %s",
                             kinds[kind], over->set.endpoint[kind], keys[i], is != NULL ? is : "?",
                             wanted);
        }
    }
    json_decref(answer);
    return status;
}

static double status_number(over_t *over, daemon_kind_t kind, const char *key)
{
    err_t err = ERR_INIT;
    json_t *status = ask(over, kind, "status", NULL, ask_s, &err);
    const json_t *value = json_object_get(status, key);
    double number = json_is_number(value) ? json_number_value(value) : (double)NAN;
    json_decref(status);
    return number;
}

/* Until every thread of the transmitter works with the settings. */
static int wait_in_use(over_t *over, err_t *err)
{
    uint64_t deadline = clock_now_ns() + (uint64_t)(over->link->patience_s * 1e9);
    double wanted = status_number(over, DAEMON_TX, "settings");
    while (!(status_number(over, DAEMON_TX, "settings_in_use") >= wanted)) {
        if (clock_now_ns() > deadline) {
            return err_set(err, ERR_TIMEOUT, "the transmitter's settings are not in use after "
                                             "%g s: is it sending?",
                           over->link->patience_s);
        }
        clock_sleep_s(0.02);
    }
    return 0;
}

static int subscribe(over_t *over, err_t *err)
{
    char endpoint[ENDPOINT_SIZE];
    control_client_t *rx = over->client[DAEMON_RX];
    if (control_client_hello(rx, "", ask_s, NULL, endpoint, sizeof endpoint, err) != 0) {
        return -1;
    }
    over->reports = subscriber_create(control_client_zmq(rx), endpoint, "frame",
                                      control_client_peer(rx), err);
    return over->reports != NULL ? 0 : -1;
}

/* The air first, the transmitter last: what it sends is then all this point's. */
static int open_all(over_t *over, err_t *err)
{
    const trial_config_t *trial = over->trial;
    bool air = over->set.endpoint[DAEMON_AIR][0] != '\0';
    if ((air && (daemon_set_start(&over->set, DAEMON_AIR, trial, over->link, err) != 0 ||
                 reach(over, DAEMON_AIR, err) != 0 || set_air(over, err) != 0)) ||
        daemon_set_start(&over->set, DAEMON_RX, trial, over->link, err) != 0 ||
        reach(over, DAEMON_RX, err) != 0 || check_fixed(over, DAEMON_RX, err) != 0 ||
        subscribe(over, err) != 0) {
        return -1;
    }
    clock_sleep_s(0.1); /* a subscription travels */
    if (daemon_set_start(&over->set, DAEMON_TX, trial, over->link, err) != 0 ||
        reach(over, DAEMON_TX, err) != 0 || check_fixed(over, DAEMON_TX, err) != 0 ||
        set_tx(over, err) != 0) {
        return -1;
    }
    bool ours = over->set.process[DAEMON_TX] > 0 && over->set.process[DAEMON_RX] > 0;
    if (!ours && wait_in_use(over, err) != 0) {
        return -1;
    }
    over->sent_before = ours ? 0.0 : status_number(over, DAEMON_TX, "frames");
    over->last_report_ns = clock_now_ns();
    over->measure_from_ns =
        over->last_report_ns + (ours ? 0 : (uint64_t)(over->link->settle_s * 1e9));
    return 0;
}

static void measure(over_t *over, const report_t *report)
{
    frame_report_t frame;
    char *line = json_dumps(report->body, JSON_COMPACT);
    int status = line != NULL ? report_from_json(line, &frame, NULL) : -1;
    free(line);
    over->last_report_ns = clock_now_ns();
    const scheme_config_t *scheme = &over->trial->scheme;
    bool other = status == 0 && frame.status == REPORT_OK &&
                 frame.rate_numerator * scheme->rate_denominator !=
                     frame.rate_denominator * scheme->rate_numerator;
    if (status != 0 || other || over->last_report_ns < over->measure_from_ns) {
        return;
    }
    over->any = true;
    step_add(&over->step, &frame);
    if (frame.status == REPORT_OK) {
        over->symbols += (double)frame.symbols;
        over->side += 3.0 * frame.width * frame.height;
    }
}

static void fill(over_t *over, const step_t *step, result_t *result)
{
    const tally_t *tally = &step->tally;
    double frames = (double)tally_frames(tally), lost = (double)tally_frames_lost(tally);
    result_clear(result);
    result->images_received = (double)tally->images;
    result->images = (double)tally->images + lost * over->trial->frame_images;
    result->frames_sent = frames;
    result->frames_lost = lost;
    result->images_undecodable = result->images_over_budget = 0.0;
    result->psnr_mse_db = tally_psnr_of_mean_mse_db(tally);
    result->psnr_mean_db = tally_mean_psnr_db(tally);
    result->ssim = tally_mean(&tally->ssim);
    result->accuracy = tally_accuracy(tally);
    result->psnr_ci_db =
        10.0 / log(10.0) * gather_half_width(&step->mse) / gather_mean(&step->mse);
    result->psnr_mean_ci_db = gather_half_width(&step->psnr_db);
    result->accuracy_ci =
        fmax(gather_wilson((uint64_t)step->correct.sum, (uint64_t)step->correct.count),
             gather_half_width(&step->correct));
    result->loss_ci = gather_wilson((uint64_t)lost, (uint64_t)frames);
    result->snr_measured_db = step_snr_db(step);
    result->compression = over->symbols / over->side;
}

static bool enough(over_t *over)
{
    step_t so_far = over->step;
    step_end(&so_far); /* the frame under way counts as it is */
    fill(over, &so_far, &over->now);
    return over->now.images >= (double)over->trial->images ||
           trial_precise(over->trial, &over->now);
}

/* Nobody heard anything: either nothing was sent, or all of it was lost. */
static int all_lost(over_t *over, err_t *err)
{
    double sent = status_number(over, DAEMON_TX, "frames") - over->sent_before;
    if (!(sent > 0.0)) {
        return err_set(err, ERR_TIMEOUT, "no report in %g s, and the transmitter sends nothing",
                       over->link->patience_s);
    }
    result_clear(&over->now);
    double frames = fmin(sent, (double)over->trial->images / over->trial->frame_images);
    over->now.frames_sent = over->now.frames_lost = fmax(1.0, floor(frames));
    over->now.images = over->now.frames_sent * over->trial->frame_images;
    over->now.images_received = 0.0;
    over->now.images_undecodable = over->now.images_over_budget = 0.0;
    over->now.loss_ci =
        gather_wilson((uint64_t)over->now.frames_sent, (uint64_t)over->now.frames_sent);
    return 0;
}

static int collect(over_t *over, err_t *err)
{
    const trial_config_t *trial = over->trial;
    while (!(over->any && enough(over))) {
        zmq_pollitem_t item = {.socket = subscriber_socket(over->reports), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, 100);
        report_t report;
        while (!(over->any && over->now.images >= (double)trial->images) &&
               subscriber_next(over->reports, &report)) {
            measure(over, &report);
            report_free(&report);
            if (over->any && enough(over)) {
                break;
            }
        }
        if (trial->on_progress != NULL && over->any) {
            trial->on_progress(trial->context, (uint64_t)over->now.images);
        }
        if (daemon_set_check(&over->set, err) != 0) {
            return -1;
        }
        double silence_s = (double)(clock_now_ns() - over->last_report_ns) * 1e-9;
        if (silence_s > over->link->patience_s) {
            return over->any ? 0 : all_lost(over, err);
        }
    }
    return 0;
}

static void close_all(over_t *over)
{
    subscriber_destroy(over->reports);
    for (int kind = 0; kind < DAEMON_KINDS; kind++) {
        if (over->client[kind] != NULL) {
            control_client_destroy(over->client[kind]);
        }
    }
    daemon_set_close(&over->set);
}

int daemon_trial_run(const trial_config_t *trial, const daemon_link_t *link,
                     const dataset_t *dataset, result_t *result, err_t *err)
{
    double started = clock_cpu_s();
    over_t *over = calloc(1, sizeof *over);
    if (over == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a trial");
    }
    (void)dataset;
    over->trial = trial;
    over->link = link;
    step_begin(&over->step);
    int status = daemon_set_open(&over->set, link, err);
    if (status == 0 && open_all(over, err) == 0) {
        status = collect(over, err);
    } else {
        status = -1;
    }
    if (over->reports != NULL && subscriber_counts(over->reports).missed > 0) {
        log_warn("%llu reports were missed: the point has fewer images than were sent",
                 (unsigned long long)subscriber_counts(over->reports).missed);
    }
    *result = over->now;
    result->cpu_s = clock_cpu_s() - started;
    close_all(over);
    free(over);
    return status;
}
