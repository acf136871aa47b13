/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon_waveform.h"

#include "clock.h"
#include "rng.h"

const option_t daemon_waveform_options[] = {
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

int daemon_numerology(const options_t *options, double rate_hz, numerology_t *numerology,
                      err_t *err)
{
    *numerology = numerology_default();
    numerology->spacing_hz = rate_hz / NUMEROLOGY_FFT;
    numerology->cp = options_choice(options, "waveform.cp") == 0 ? NUMEROLOGY_CP_NORMAL
                                                                 : NUMEROLOGY_CP_EXTENDED;
    numerology->retrain_every = (int)options_int(options, "waveform.retrain_every");
    return numerology_check(numerology, err);
}

uint8_t daemon_new_session(void)
{
    rng_t rng;
    rng_seed(&rng, clock_wall_ns(), clock_now_ns());
    return (uint8_t)rng_below(&rng, DAEMON_SESSION_MASK + 1);
}
