/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may change while the daemon runs.  One struct holds all of it; the control thread checks and
 * publishes it whole, each stage takes it over between two frames (tx->live).
 */
#include "log.h"
#include "tx.h"

#include <math.h>

int tx_settings_read(const tx_t *tx, const options_t *o, tx_settings_t *s, err_t *err)
{
    const double frame_rate = options_real(o, "tx.frame_rate");
    const codec_t *codec = tx->encoders[0].codec;
    int numerator, denominator;
    options_fraction(o, "codec.rate", &numerator, &denominator);
    const int p = codec_find_rate(codec, numerator, denominator, err);
    *s = (tx_settings_t){
        .loop = options_bool(o, "source.loop"),
        .stop_when_gone = options_choice(o, "tx.on_gone") == 1,
        .rate = {numerator, denominator},
        .mode = p < 0 ? p : codec_mode(codec, p, options_real(o, "codec.design_snr_db")),
        .source = (uint8_t)options_int(o, "frame.source"),
        .destination = (uint8_t)options_int(o, "frame.destination"),
        .frame_images = (int)options_int(o, "frame.images"),
        .max_symbols = (size_t)options_int(o, "frame.max_symbols"),
        .gap_samples =
            (size_t)(options_real(o, "frame.gap_us") * 1e-6 * radio_rate_hz(tx->radio) + 0.5),
        .frame_period_s = frame_rate > 0 ? 1.0 / frame_rate : 0,
        .duration_s = options_real(o, "tx.duration_s"),
        .frame_limit = (uint64_t)options_int(o, "tx.frames"),
        .tx_gain_db = options_real(o, "radio.tx_gain_db"),
        .table = options_choice(o, "report.table")};
    return s->mode < 0 ? err_prefix(err, "codec.rate") : 0;
}

int tx_settings_accept(void *context, const options_t *options, err_t *err)
{
    tx_t *tx = context;
    tx_settings_t settings;
    if (tx_settings_read(tx, options, &settings, err) != 0) {
        return -1;
    }
    log_set_level((log_level_t)options_choice(options, "log.level"));
    live_publish(tx->live, &settings);
    return 0;
}
