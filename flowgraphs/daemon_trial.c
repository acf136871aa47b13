/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon_trial.h"

#include "clock.h"
#include "daemon_open.h"
#include "log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
        return err_set(err, ERR_ARGUMENT,
                       "daemons that run are not in an air that is started now: "
                       "say daemons.air=ENDPOINT, or none for real radios");
    }
    if (foreign && ((link->tx[0] == '\0' && link->tx_options[0] == '\0') ||
                    (link->rx[0] == '\0' && link->rx_options[0] == '\0'))) {
        return err_set(err, ERR_ARGUMENT,
                       "daemons that are started do not know the air at %s: say "
                       "tx_options and rx_options=--radio.address=NAME",
                       link->air);
    }
    return 0;
}

/* Whether the point's own frames have come.  When none does for long, what comes are losses, and
   they are its own too. */
static bool begun(over_t *over, const frame_report_t *frame)
{
    uint16_t after = (uint16_t)(frame->frame - over->first_frame);
    uint64_t late_ns = over->measure_from_ns + (uint64_t)(over->link->patience_s * 1e9);
    over->begun = over->begun || (frame->frame >= 0 && after < UINT16_MAX / 2) ||
                  over->last_report_ns > late_ns;
    return over->begun && over->last_report_ns >= over->measure_from_ns;
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
    if (status != 0 || other || !begun(over, &frame)) {
        return;
    }
    over->any = true;
    step_add(&over->step, &frame);
    if (frame.status == REPORT_OK) {
        over->symbols += (double)frame.symbols;
        over->values += 3.0 * frame.width * frame.height;
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
    result->psnr_ci_db = 10.0 / log(10.0) * gather_half_width(&step->mse) / gather_mean(&step->mse);
    result->psnr_mean_ci_db = gather_half_width(&step->psnr_db);
    result->accuracy_ci =
        fmax(gather_wilson((uint64_t)step->correct.sum, (uint64_t)step->correct.count),
             gather_half_width(&step->correct));
    result->loss_ci = gather_wilson((uint64_t)lost, (uint64_t)frames);
    result->snr_measured_db = step_snr_db(step);
    result->compression = over->symbols / over->values;
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
    double sent = daemon_status(over, DAEMON_TX, "frames") - over->sent_before;
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
    if (status == 0 && daemon_open(over, err) == 0) {
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
