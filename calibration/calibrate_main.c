/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-calibrate: two radios measure each other; what is wrong with each goes into its file. */
#include "calibrate.h"
#include "log.h"
#include "program.h"

#include <string.h>

static const option_t *const tables[] = {calibrate_options, radio_options, program_options, NULL};

static int run(const options_t *options, err_t *err)
{
    calibrate_t c;
    const char *word = options_positional(options, 0);
    const bool verify = word != NULL && strcmp(word, "verify") == 0;
    if ((word != NULL && !verify && strcmp(word, "measure") != 0) ||
        (word != NULL && options_positional(options, 1) != NULL)) {
        return err_set(err, ERR_ARGUMENT, "one word: measure (the default) or verify");
    }
    if (calibrate_from_options(&c, options, err) != 0) {
        return -1;
    }
    return verify ? calibrate_verify(&c, err) : calibrate_measure(&c, err);
}

int main(int argc, char *argv[])
{
    options_t *options;
    int code = program_begin("semradio-calibrate", "[measure|verify]",
                             "measures radios and writes their correction files", tables, argc,
                             argv, &options);
    if (options == NULL) {
        return code;
    }
    program_catch_signals();
    err_t err = ERR_INIT;
    code = PROGRAM_OK;
    if (run(options, &err) != 0) {
        log_error("%s", err.text);
        code = PROGRAM_FAILED;
    }
    options_destroy(options);
    return code;
}
