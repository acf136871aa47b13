/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch: reports as they come, until Ctrl-C. */
#include "align/align.h"
#include "control/endpoint.h"
#include "control/subscriber.h"
#include "log.h"
#include "program.h"

#include <stdio.h>
#include <string.h>

static void print(const align_t *align, const report_t *report)
{
    if (align->json) {
        json_t *line = json_pack("{s:s, s:I, s:O}", "topic", report->topic, "seq",
                                 (json_int_t)report->seq, "report", report->body);
        align_print_json(line);
        json_decref(line);
    } else {
        printf("%s %llu\n", report->topic, (unsigned long long)report->seq);
        align_print_fields(report->body, " ");
        fflush(stdout);
    }
}

static void join_topics(const align_t *align, char topics[256])
{
    const char *word;
    size_t used = 0;
    *topics = 0;
    for (size_t i = 0; (word = align_argument(align, i)) != NULL; i++) {
        const int wrote = snprintf(topics + used, 256 - used, "%s%s", used > 0 ? "," : "", word);
        used += wrote > 0 && used + (size_t)wrote < 256 ? (size_t)wrote : 0;
    }
}

align_exit_t align_watch(align_t *align)
{
    char reports[ENDPOINT_SIZE], topics[256];
    err_t err = ERR_INIT;
    const uint64_t limit = (uint64_t)options_int(align->options, "align.count");
    uint64_t count = 0, told = 0;
    const align_exit_t connected = align_connect(align);
    if (connected != ALIGN_OK) {
        return connected;
    }
    if (control_client_hello(align->client, align->target, align->timeout_s, NULL, reports,
                             sizeof reports, &err) != 0) {
        return align_error(&err, false);
    }
    join_topics(align, topics);
    program_catch_signals();
    subscriber_t *subscriber = subscriber_create(control_client_zmq(align->client), reports, topics,
                                                 control_client_peer(align->client), &err);
    if (subscriber == NULL) {
        return align_error(&err, true);
    }
    while (!program_stopped(0) && (limit == 0 || count < limit)) {
        zmq_pollitem_t item = {.socket = subscriber_socket(subscriber), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, 100);
        report_t report;
        while ((limit == 0 || count < limit) && subscriber_next(subscriber, &report)) {
            print(align, &report);
            report_free(&report);
            count++;
        }
        const subscriber_counts_t counts = subscriber_counts(subscriber);
        if (counts.missed > told) {
            log_warn("%llu reports missed", (unsigned long long)(counts.missed - told));
            told = counts.missed;
        }
    }
    subscriber_destroy(subscriber);
    return ALIGN_OK;
}
