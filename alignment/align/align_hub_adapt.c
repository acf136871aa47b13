/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What to want: what arm said, what the ladder says for the reported SNR, or what a script says. */
#include "align/align_hub.h"

#include "clock.h"
#include "file.h"
#include "log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ---- */

static int read_line(char *line, hub_step_t *step, int number, const char *path, err_t *err)
{
    char name[128];
    if (sscanf(line, "%lf %127s", &step->at_s, name) != 2 || !(step->at_s >= 0) ||
        ladder_parse_rung(&step->rung, name, NULL) != 0) {
        return err_set(err, ERR_FORMAT, "%s:%d: a line is \"SECONDS NAME[:RATE][@DB]\"", path,
                       number);
    }
    return 0;
}

static int read_script(const char *path, hub_step_t **script, int *count, err_t *err)
{
    uint8_t *text;
    size_t size;
    *script = NULL;
    *count = 0;
    if (file_read_all(path, 1 << 20, &text, &size, err) != 0) {
        return -1;
    }
    *script = calloc(HUB_SCRIPT, sizeof **script);
    int code = *script != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for %s", path), number = 1;
    char *save = NULL;
    for (char *line = strtok_r((char *)text, "\n", &save); line != NULL && code == 0;
         line = strtok_r(NULL, "\n", &save), number++) {
        if (*line == '#' || line[strspn(line, " \t\r")] == 0) {
            continue;
        }
        if (*count == HUB_SCRIPT) {
            code = err_set(err, ERR_FORMAT, "%s has more than %d steps", path, HUB_SCRIPT);
            break;
        }
        code = read_line(line, &(*script)[*count], number, path, err);
        if (code == 0 && *count > 0 && (*script)[*count].at_s < (*script)[*count - 1].at_s) {
            code = err_set(err, ERR_FORMAT, "%s:%d: time runs backwards", path, number);
        }
        ++*count;
    }
    free(text);
    if (code != 0) {
        free(*script);
        *script = NULL;
    }
    return code;
}

int hub_adapt_accept(void *context, const options_t *o, err_t *err)
{
    align_hub_t *hub = context;
    ladder_t ladder = {.hysteresis_db = options_real(o, "hub.hysteresis_db"),
                       .dwell_s = options_real(o, "hub.dwell_s"),
                       .smooth_s = options_real(o, "hub.smooth_s")};
    hub_step_t *script = NULL;
    int count = 0;
    const hub_adapt_t adapt = (hub_adapt_t)options_choice(o, "hub.adapt");
    const char *path = options_string(o, "hub.script");
    if (adapt == HUB_AUTO && ladder_parse(&ladder, options_string(o, "hub.ladder"), err) != 0) {
        return err_prefix(err, "hub.ladder");
    }
    if (adapt == HUB_SCRIPTED && read_script(path, &script, &count, err) != 0) {
        return err_prefix(err, "hub.script");
    }
    free(hub->script);
    hub->script = script;
    hub->script_count = count;
    hub->script_next = 0;
    hub->start_ns = adapt != hub->adapt ? clock_now_ns() : hub->start_ns;
    hub->adapt = adapt;
    hub->ladder = ladder;
    return 0;
}

/* ---- acting ---- */

static void on_mode(void *context, const control_answer_t *given)
{
    (void)context;
    if (!given->answer->ok) {
        log_warn("the transmitter does not take it: %s", given->answer->error.text);
    }
}

static void use(align_hub_t *hub, const rung_t *rung, const char *why)
{
    digest_t id;
    err_t err = ERR_INIT;
    const bool base = strcmp(rung->name, "base") == 0;
    if (!base && (hub->store == NULL || store_resolve(hub->store, rung->name, &id, &err) != 0)) {
        log_warn("adapt: %s", hub->store == NULL ? "names of adapters need hub.store" : err.text);
        return;
    }
    json_t *values = json_object();
    if (*rung->rate != 0) {
        json_object_set_new(values, "codec.rate", json_string(rung->rate));
    }
    if (isfinite(rung->design_snr_db)) {
        json_object_set_new(values, "codec.design_snr_db", json_real(rung->design_snr_db));
    }
    hub->adapted++;
    char *text = json_dumps(values, JSON_COMPACT | JSON_REAL_PRECISION(6));
    log_info("adapt: %s %s (%s)", rung->name, text != NULL ? text : "", why);
    free(text);
    json_t *event = json_pack("{s:s, s:s, s:s, s:s}", "kind", "adapt", "name", rung->name, "rate",
                              rung->rate, "why", why);
    if (isfinite(rung->design_snr_db)) {
        json_object_set_new(event, "design_snr_db", json_real(rung->design_snr_db));
    }
    hub_event(hub, CONTROL_ADAPTER, event);
    hub_swap_want(hub, base ? NULL : &id);
    if (json_object_size(values) > 0 && hub->link[SWAP_TX].peer != NULL) {
        json_t *args = json_pack("{s:O}", "values", values);
        (void)control_peer_ask(hub->link[SWAP_TX].peer, "set", "", args, NULL, 0, 5.0, on_mode, hub,
                               NULL);
        json_decref(args);
    }
    json_decref(values);
}

void hub_adapt_measure(align_hub_t *hub, double snr_db, uint64_t now_ns)
{
    if (hub->adapt == HUB_AUTO && ladder_measure(&hub->ladder, snr_db, now_ns)) {
        char why[64];
        snprintf(why, sizeof why, "SNR %.1f dB", hub->ladder.average_db);
        use(hub, ladder_rung(&hub->ladder), why);
    }
}

void hub_adapt_step(align_hub_t *hub, uint64_t now_ns)
{
    const double time_s = 1e-9 * (double)(now_ns - hub->start_ns);
    while (hub->adapt == HUB_SCRIPTED && hub->script_next < hub->script_count &&
           hub->script[hub->script_next].at_s <= time_s) {
        use(hub, &hub->script[hub->script_next++].rung, "script");
    }
}

json_t *hub_adapt_status(const align_hub_t *hub)
{
    static const char *const names[] = {"fixed", "auto", "script"};
    const rung_t *rung = hub->adapt == HUB_AUTO ? ladder_rung(&hub->ladder) : NULL;
    json_t *object =
        json_pack("{s:s, s:I}", "mode", names[hub->adapt], "changes", (json_int_t)hub->adapted);
    if (rung != NULL) {
        json_object_set_new(object, "name", json_string(rung->name));
        json_object_set_new(object, "rate", json_string(rung->rate));
        if (isfinite(rung->design_snr_db)) {
            json_object_set_new(object, "design_snr_db", json_real(rung->design_snr_db));
        }
        json_object_set_new(object, "snr_db", json_real(hub->ladder.average_db));
    }
    return object;
}
