/* SPDX-License-Identifier: GPL-3.0-or-later */
/* align_fit: the command around fit_create. */
#include "fit/align_fit.h"

#include "fit/pilots.h"
#include "store/store.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static bool given(const char *text)
{
    return text && text[0];
}

static double db(double ratio)
{
    return 10.0 * log10(ratio > 1e-30 ? ratio : 1e-30);
}

/* ---- output --------------------------------------------------------------- */

static int print_json(const fit_result_t *r, const adapter_t *adapter, FILE *text, err_t *err)
{
    char hex[DIGEST_TEXT];
    size_t size;
    digest_t id = adapter_id(adapter);
    adapter_bytes(adapter, &size);
    json_t *o =
        json_pack("{s:s,s:i,s:i,s:i,s:i,s:f,s:f,s:s,s:s,s:I}", "method", fit_method_name(r->method),
                  "pairs", r->pairs, "places", r->places, "kernel", r->kernel, "folds", r->folds,
                  "nmse_before_db", db(r->nmse_before), "nmse_fit_db", db(r->nmse_fit), "kind",
                  adapter_kind_name(adapter_info(adapter)->kind), "id", digest_text(&id, hex),
                  "bytes", (json_int_t)size);
    if (!isnan(r->ridge)) {
        json_object_set_new(o, "ridge", json_real(r->ridge));
    }
    if (r->steps > 0) {
        json_object_set_new(o, "steps", json_integer(r->steps));
    }
    if (!isnan(r->nmse_validated)) {
        json_object_set_new(o, "nmse_db", json_real(db(r->nmse_validated)));
    }
    int code = o ? json_dumpf(o, text, JSON_COMPACT | JSON_REAL_PRECISION(7)) : -1;
    json_decref(o);
    return code < 0 || fputc('\n', text) == EOF ? err_set(err, ERR_IO, "cannot write the result")
                                                : 0;
}

static int print_lines(const fit_result_t *r, const adapter_t *adapter, FILE *text, err_t *err)
{
    char hex[DIGEST_TEXT];
    size_t size;
    digest_t id = adapter_id(adapter);
    adapter_bytes(adapter, &size);
    fprintf(text, "%d pilots of %d places\n", r->pairs, r->places / r->pairs);
    fprintf(text, "error before        %7.2f dB\n", db(r->nmse_before));
    fprintf(text, "error after         %7.2f dB on the pilots themselves\n", db(r->nmse_fit));
    if (!isnan(r->nmse_validated)) {
        fprintf(text, "error after         %7.2f dB on pilots left out (%d groups)\n",
                db(r->nmse_validated), r->folds);
    }
    fprintf(text, "method              %s", fit_method_name(r->method));
    if (r->kernel > 1) {
        fprintf(text, ", %d x %d", r->kernel, r->kernel);
    }
    if (!isnan(r->ridge)) {
        fprintf(text, ", ridge %.2g", r->ridge);
    }
    if (r->steps > 0) {
        fprintf(text, ", %d steps", r->steps);
    }
    fprintf(text, "\nadapter             %s, %s, %zu bytes\n", digest_text(&id, hex),
            adapter_kind_name(adapter_info(adapter)->kind), size);
    return fflush(text) != 0 || ferror(text) ? err_set(err, ERR_IO, "cannot write the result") : 0;
}

/* ---- the command ---------------------------------------------------------- */

static int save(const align_fit_options_t *options, const adapter_t *adapter, err_t *err)
{
    if (given(options->out) && adapter_save(adapter, options->out, err) < 0) {
        return -1;
    }
    if (!given(options->store)) {
        return 0;
    }
    store_t *store = store_open(options->store, err);
    int code = store ? store_put_adapter(store, adapter, err) : -1;
    if (code == 0 && options->info.name[0]) {
        digest_t id = adapter_id(adapter);
        code = store_set_name(store, options->info.name, &id, err);
    }
    store_close(store);
    return code;
}

static int finish(const align_fit_options_t *options, const fit_t *fit, const adapter_info_t *info,
                  FILE *text, err_t *err)
{
    adapter_t *adapter = fit_adapter(fit, info, options->channels, err);
    if (!adapter) {
        return -1;
    }
    int code = save(options, adapter, err);
    if (code == 0) {
        code = options->json ? print_json(fit_result(fit), adapter, text, err)
                             : print_lines(fit_result(fit), adapter, text, err);
    }
    adapter_destroy(adapter);
    return code;
}

int align_fit_command(const align_fit_options_t *options, FILE *text, err_t *err)
{
    adapter_info_t info = options->info;
    if (info.name[0] && store_name_check(info.name, err) < 0) {
        return -1;
    }
    pilots_t *pilots = pilots_load(options->pilots, err);
    if (!pilots) {
        return -1;
    }
    info.base = info.base ? info.base : pilots->base;
    info.from = info.from ? info.from : pilots->from;
    info.rate = info.rate ? info.rate : pilots->rate;
    int code = -1;
    if (info.base == 0) {
        err_set(err, ERR_ARGUMENT,
                "%s does not say for which codec (pilots.base): give the receiver's hash "
                "with --fit.base",
                options->pilots);
    } else {
        fit_t *fit = fit_create(&pilots->pairs, &options->fit, err);
        code =
            fit ? finish(options, fit, &info, text, err) : err_prefix(err, "%s", options->pilots);
        fit_destroy(fit);
    }
    pilots_destroy(pilots);
    return code;
}
