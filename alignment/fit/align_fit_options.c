/* SPDX-License-Identifier: GPL-3.0-or-later */
/* align_fit_options: the words of `semradio-align fit`. */
#include "fit/align_fit.h"

#include "clock.h"
#include "log.h"
#include "program.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const option_t align_fit_table[] = {
    {.section = "fit",
     .name = "method",
     .type = OPTION_CHOICE,
     .choices = FIT_METHOD_CHOICES,
     .fallback = "auto",
     .help = "kind of map; auto: the best on pilots left out"},
    {.section = "fit",
     .name = "kernel",
     .type = OPTION_INT,
     .fallback = "5",
     .min = 3,
     .max = 15,
     .help = "side of the convolutions, odd"},
    {.section = "fit",
     .name = "ridge",
     .type = OPTION_REAL,
     .fallback = "-1",
     .min = -1,
     .max = 1e6,
     .help = "regularisation, relative to an input's mean energy; -1: chosen on pilots left out"},
    {.section = "fit",
     .name = "steps",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 100000,
     .help = "steps of conv_gradient; 0: chosen on pilots left out"},
    {.section = "fit", .name = "out", .type = OPTION_STRING, .help = "file for the adapter"},
    {.section = "fit",
     .name = "store",
     .type = OPTION_STRING,
     .help = "folder of the store to put it in"},
    {.section = "fit",
     .name = "name",
     .type = OPTION_STRING,
     .help = "its name, also in the store"},
    {.section = "fit", .name = "author", .type = OPTION_STRING, .help = "who made it"},
    {.section = "fit",
     .name = "base",
     .type = OPTION_STRING,
     .help = "hash of the receiver's codec, 16 hexadecimal digits; empty: the pilots say"},
    {.section = "fit",
     .name = "rate",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 255,
     .help = "rate p that it is for; 0: the pilots say, or every rate"},
    {.section = "fit",
     .name = "channels",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 256,
     .help = "complex channels of the codec at its highest rate; 0: those of the pilots"},
    {.section = "fit",
     .name = "snr_low_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "-100",
     .min = -100,
     .max = 100,
     .help = "SNR group that it is for: from (-100: every SNR)"},
    {.section = "fit",
     .name = "snr_high_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "100",
     .min = -100,
     .max = 100,
     .help = "SNR group that it is for: to"},
    {.section = "fit",
     .name = "json",
     .type = OPTION_BOOL,
     .alias = "json",
     .fallback = "false",
     .help = "the result as one line of JSON"},
    {0}};

static int read_base(const char *text, uint64_t *base, err_t *err)
{
    for (size_t i = 0; text[i]; i++) {
        if (!isxdigit((unsigned char)text[i]) || i >= 16) {
            return err_set(err, ERR_ARGUMENT, "fit.base=%.40s is not 16 hexadecimal digits", text);
        }
    }
    *base = strtoull(text, NULL, 16);
    return text[0] == 0 || strlen(text) == 16
               ? 0
               : err_set(err, ERR_ARGUMENT, "fit.base=%.40s is not 16 hexadecimal digits", text);
}

static int copy_text(const options_t *options, const char *key, char *out, err_t *err)
{
    const char *text = options_string(options, key);
    if (strlen(text) >= ADAPTER_TEXT_MAX) {
        return err_set(err, ERR_ARGUMENT, "%s is longer than %d letters", key,
                       ADAPTER_TEXT_MAX - 1);
    }
    strcpy(out, text);
    return 0;
}

int align_fit_read(const options_t *options, align_fit_options_t *out, err_t *err)
{
    *out =
        (align_fit_options_t){.pilots = options_positional(options, 0), .info = ADAPTER_INFO_INIT};
    out->out = options_string(options, "fit.out");
    out->store = options_string(options, "fit.store");
    out->json = options_bool(options, "fit.json");
    out->fit =
        (fit_options_t){(fit_method_t)options_choice(options, "fit.method"),
                        (int)options_int(options, "fit.kernel"), options_real(options, "fit.ridge"),
                        (int)options_int(options, "fit.steps")};
    if (out->fit.ridge < 0.0) {
        out->fit.ridge = NAN;
    }
    out->channels = (int)options_int(options, "fit.channels");
    out->info.rate = (int)options_int(options, "fit.rate");
    double low = options_real(options, "fit.snr_low_db"),
           high = options_real(options, "fit.snr_high_db");
    if (low > -100.0 || high < 100.0) {
        out->info.snr_low_db = (float)low;
        out->info.snr_high_db = (float)high;
    }
    if (!out->pilots || options_positional(options, 1)) {
        return err_set(err, ERR_ARGUMENT, "fit takes one file of pilots");
    }
    if (low > high) {
        return err_set(err, ERR_ARGUMENT, "fit.snr_low_db is above fit.snr_high_db");
    }
    return read_base(options_string(options, "fit.base"), &out->info.base, err) < 0 ||
                   copy_text(options, "fit.name", out->info.name, err) < 0 ||
                   copy_text(options, "fit.author", out->info.author, err) < 0
               ? -1
               : 0;
}

int align_fit_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {align_fit_table, program_options, NULL};
    options_t *options = NULL;
    align_fit_options_t fit;
    err_t err = ERR_INIT;
    int code =
        program_begin("semradio-align fit", "PILOTS", "fits a map between two codecs' symbols",
                      tables, argc, argv, &options);
    if (!options) {
        return code;
    }
    code = PROGRAM_OK;
    if (align_fit_read(options, &fit, &err) < 0) {
        code = PROGRAM_USAGE;
    } else {
        clock_wall_text(clock_wall_ns(), fit.info.created, sizeof fit.info.created);
        code = align_fit_command(&fit, stdout, &err) < 0 ? PROGRAM_FAILED : PROGRAM_OK;
    }
    if (code != PROGRAM_OK) {
        log_error("%s", err.text);
    }
    options_destroy(options);
    return code;
}
