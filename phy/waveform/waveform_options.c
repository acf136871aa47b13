/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waveform/waveform_options.h"

const option_t waveform_options[] = {
    {.section = "waveform",
     .name = "cp",
     .type = OPTION_CHOICE,
     .fallback = "normal",
     .choices = "normal|extended",
     .help = "cyclic prefix: 18 samples, or 64 for delay spreads near 1 us; the same at both ends"},
    {.section = "waveform",
     .name = "retrain_every",
     .type = OPTION_INT,
     .unit = "symbols",
     .fallback = "0",
     .min = 0,
     .max = 10000,
     .help = "a known symbol before every n-th payload symbol (0: none); the same at both ends"},
    {0}};

int numerology_from_options(const options_t *options, double rate_hz, numerology_t *numerology,
                            err_t *err)
{
    *numerology = numerology_default();
    numerology->spacing_hz = rate_hz / NUMEROLOGY_FFT;
    numerology->cp = options_choice(options, "waveform.cp") == 0 ? NUMEROLOGY_CP_NORMAL
                                                                 : NUMEROLOGY_CP_EXTENDED;
    numerology->retrain_every = (int)options_int(options, "waveform.retrain_every");
    return numerology_check(numerology, err);
}
