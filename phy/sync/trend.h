/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trend: a value that runs along a line, and the line bends a little: a Kalman
 * filter with two states, value and slope per step.  In its steady state this
 * is the classic second-order loop; its gains follow from the noise, so weak
 * measurements move it little and a fresh estimate is believed at once.
 *
 * phase.h follows a carrier's phase with it, the demodulator the sample clock.
 */
#ifndef SYNC_TREND_H
#define SYNC_TREND_H

typedef struct {
    double value, slope; /* as predicted for the present step */
    double vv, vs, ss;   /* their covariance */
} trend_t;

/* A measurement that is `off` from the predicted value, with this variance. */
static inline void trend_correct(trend_t *d, double off, double variance)
{
    double gain = 1.0 / (d->vv + variance), kv = d->vv * gain, ks = d->vs * gain;
    d->value += kv * off;
    d->slope += ks * off;
    d->ss -= ks * d->vs;
    d->vs -= kv * d->vs;
    d->vv -= kv * d->vv;
}

/* One step on; the walks are the variances that value and slope gain by themselves. */
static inline void trend_step(trend_t *d, double value_walk, double slope_walk)
{
    d->value += d->slope;
    d->vv += 2.0 * d->vs + d->ss + value_walk;
    d->vs += d->ss;
    d->ss += slope_walk;
}

#endif
