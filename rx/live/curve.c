/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "live/curve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static curve_series_t *series_of(curve_t *curve, const frame_report_t *r)
{
    curve_series_t *oldest = &curve->series[0];
    for (int i = 0; i < CURVE_SERIES; i++) {
        curve_series_t *s = &curve->series[i];
        if (s->used > 0 && s->numerator == r->rate_numerator &&
            s->denominator == r->rate_denominator && strcmp(s->codec, r->codec) == 0 &&
            strcmp(s->adapter, r->adapter) == 0) {
            return s;
        }
        if (s->used < oldest->used) {
            oldest = s;
        }
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->numerator = r->rate_numerator;
    oldest->denominator = r->rate_denominator;
    snprintf(oldest->codec, sizeof oldest->codec, "%s", r->codec);
    snprintf(oldest->adapter, sizeof oldest->adapter, "%s", r->adapter);
    return oldest;
}

static void add(tally_mean_t *mean, double value)
{
    if (isfinite(value)) {
        mean->sum += value;
        mean->count++;
    }
}

void curve_add(curve_t *curve, const frame_report_t *r)
{
    if (r->status != REPORT_OK || !isfinite(r->snr_db)) {
        return;
    }
    const double at = floor(r->snr_db + 0.5) - CURVE_FIRST_DB;
    if (at < 0 || at >= CURVE_STEPS) {
        return;
    }
    curve_series_t *s = series_of(curve, r);
    s->used = ++curve->adds;
    add(&s->step[(int)at].snr_db, r->snr_db);
    add(&s->step[(int)at].mse, r->mse);
    add(&s->step[(int)at].psnr_db, r->psnr_db);
    add(&s->step[(int)at].correct, r->correct < 0 ? (double)NAN : r->correct);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static double psnr_db(double mse)
{
    return mse > 0 ? 10.0 * log10(255.0 * 255.0 / mse) : mse == 0 ? 100.0 : (double)NAN;
}

static json_t *points_of(const curve_series_t *s)
{
    json_t *points = json_array();
    for (int i = 0; i < CURVE_STEPS; i++) {
        if (s->step[i].snr_db.count > 0) {
            json_array_append_new(points, json_pack("[o, o, o, o, I]",
                                                    number(tally_mean(&s->step[i].snr_db)),
                                                    number(psnr_db(tally_mean(&s->step[i].mse))),
                                                    number(tally_mean(&s->step[i].psnr_db)),
                                                    number(tally_mean(&s->step[i].correct)),
                                                    (json_int_t)s->step[i].snr_db.count));
        }
    }
    return points;
}

json_t *curve_json(const curve_t *curve)
{
    json_t *all = json_array();
    for (int i = 0; i < CURVE_SERIES; i++) {
        const curve_series_t *s = &curve->series[i];
        char name[128];
        if (s->used > 0) {
            snprintf(name, sizeof name, "%s %d/%d%s%.6s", s->codec, s->numerator, s->denominator,
                     s->adapter[0] != 0 ? " +" : "", s->adapter);
            json_array_append_new(all,
                                  json_pack("{s:s, s:o}", "name", name, "points", points_of(s)));
        }
    }
    return all;
}
