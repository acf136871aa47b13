/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "estimate.h"

#include "probe.h"
#include "radio/correction.h"
#include "rng.h"
#include "tones.h"

#include <math.h>
#include <stdlib.h>

enum {
    BLOCK = 1024,  /* for powers */
    MARGIN = 4096, /* kept away from the tones' ends */
    SEARCH = 6144, /* how far from its expected place the sync is looked for, either side */
};

#define LEAST_SNR_DB 10.0
#define LEAST_BINS   16.0 /* between two lines */

typedef struct {
    const float complex *y;
    size_t count;
    size_t first, end; /* of the tones */
    tones_t *tones;
    double a, b;           /* their frequencies */
    double complex ca, cb; /* amplitudes */
    estimate_t *e;
    err_t *err;
} work_t;

static double block_power(const work_t *w, size_t block)
{
    double sum = 0.0;
    for (size_t i = block * BLOCK; i < (block + 1) * BLOCK; i++) {
        sum += creal((double complex)w->y[i] * conj((double complex)w->y[i]));
    }
    return sum / BLOCK;
}

/* The longest stretch of nearly steady power: the tones.  Everything is relative to the strongest
   blocks, of which there must be enough. */
static int find_tones(work_t *w)
{
    const size_t blocks = w->count / BLOCK;
    double *power = malloc((blocks + 1) * sizeof *power), most = 0.0;
    if (power == NULL) {
        return err_set(w->err, ERR_MEMORY, "no memory for %zu samples", w->count);
    }
    for (size_t i = 0; i < blocks; i++) {
        power[i] = block_power(w, i);
        most = fmax(most, power[i]);
    }
    size_t best = 0, start = 0;
    for (size_t i = 0; i <= blocks; i++) {
        if (i == blocks || power[i] < 0.25 * most) {
            if (i - start > best) {
                best = i - start;
                w->first = start * BLOCK + MARGIN;
                w->end = i * BLOCK - MARGIN;
            }
            start = i + 1;
        }
    }
    free(power);
    const size_t length = best * BLOCK;
    if (!(most > 0.0) || length < PROBE_TONES * 9 / 10 || length > PROBE_TONES * 11 / 10) {
        return err_set(w->err, ERR_FORMAT,
                       "the receiver does not hear the probe: %zu samples of steady power, not %d",
                       length, PROBE_TONES);
    }
    return 0;
}

/* Both tones, the clock and the carrier. */
static int measure_tones(work_t *w)
{
    w->tones = tones_create(w->y, w->first, w->end - w->first, w->err);
    if (w->tones == NULL) {
        return -1;
    }
    const double apart = PROBE_FREQ_A - PROBE_FREQ_B;
    w->a = tones_refine(w->tones, tones_strongest(w->tones));
    w->b = tones_refine(w->tones, w->a - apart);
    w->ca = tones_amplitude(w->tones, w->a);
    w->cb = tones_amplitude(w->tones, w->b);
    const double ratio = (w->a - w->b) / apart;
    const double levels = 20.0 * log10(cabs(w->ca) / cabs(w->cb) * PROBE_LEVEL_B / PROBE_LEVEL_A);
    if (!(fabs(ratio - 1.0) < 1e-3) || !(fabs(levels) < 3.0)) {
        return err_set(
            w->err, ERR_FORMAT,
            "the receiver hears something else than the probe: a second tone of %+.1f dB "
            "where there should be one",
            levels);
    }
    w->e->clock_ppm = (ratio - 1.0) * 1e6;
    w->e->carrier = w->a - PROBE_FREQ_A * ratio;
    const double bins = 2.0 * fabs(w->e->carrier) * (double)(w->end - w->first);
    if (bins < LEAST_BINS) {
        return err_set(w->err, ERR_ARGUMENT,
                       "the two carriers differ by %.3g of the sample rate: too little to tell "
                       "whose images these are; tune the receiver away from the transmitter",
                       fabs(w->e->carrier));
    }
    return 0;
}

static double dbc(double complex line, double complex tone)
{
    return 20.0 * log10(cabs(line) / cabs(tone));
}

static void measure_receiver(work_t *w)
{
    estimate_t *e = w->e;
    const double complex image_a = tones_amplitude(w->tones, -w->a);
    const double complex image_b = tones_amplitude(w->tones, -w->b);
    /* Least squares over both tones: sum image * tone / sum |tone|^2. */
    e->rx_image = (image_a * w->ca + image_b * w->cb) /
                  (creal(w->ca * conj(w->ca)) + creal(w->cb * conj(w->cb)));
    e->rx_dc = tones_amplitude(w->tones, 0.0);
    e->rx_image_dbc = 20.0 * log10(cabs(e->rx_image));
    e->rx_dc_dbc = dbc(e->rx_dc, w->ca);
}

enum { LINES = 11, ROTOR = 512 };

/* Mean power of what is left of the tones' stretch when the lines are taken away. */
static double rest_of(const work_t *w, const double freq[LINES], const double complex line[LINES])
{
    double sum = 0.0;
    for (size_t i = w->first; i < w->end; i += ROTOR) {
        double complex x[ROTOR];
        const size_t n = w->end - i < ROTOR ? w->end - i : ROTOR;
        for (size_t k = 0; k < n; k++) {
            x[k] = w->y[i + k];
        }
        for (int l = 0; l < LINES; l++) {
            const double turns = freq[l] * (double)i;
            const double complex step = cexp(2.0 * M_PI * I * freq[l]);
            double complex at = line[l] * cexp(2.0 * M_PI * I * (turns - floor(turns)));
            for (size_t k = 0; k < n; k++) {
                x[k] -= at;
                at *= step;
            }
        }
        for (size_t k = 0; k < n; k++) {
            sum += creal(x[k] * conj(x[k]));
        }
    }
    return sum / (double)(w->end - w->first);
}

static int measure_noise(work_t *w)
{
    const double delta = 2.0 * w->e->carrier;
    /* Tones, images of each side, images of images, DC of each side and its image. */
    const double freq[LINES] = {w->a,         w->b,         -w->a,        -w->b,
                                delta - w->a, delta - w->b, w->a - delta, w->b - delta,
                                0.0,          0.5 * delta,  -0.5 * delta};
    double complex line[LINES];
    for (int i = 0; i < LINES; i++) {
        line[i] = tones_amplitude(w->tones, freq[i]);
    }
    const double tone = creal(w->ca * conj(w->ca));
    w->e->snr_db = 10.0 * log10(tone / fmax(rest_of(w, freq, line), 1e-14 * tone));
    return w->e->snr_db >= LEAST_SNR_DB
               ? 0
               : err_set(w->err, ERR_FORMAT, "the probe is too weak: %.1f dB over the noise",
                         w->e->snr_db);
}

/* Where the sync lies, to about a sample: correlation after taking the receiver's part back. */
static int find_sync(work_t *w, double *delay)
{
    const correction_side_t rx = {.known = true, .dc = w->e->rx_dc, .image = w->e->rx_image};
    const size_t expected = w->first - MARGIN - PROBE_GUARD - PROBE_SYNC;
    const size_t from =
        w->first > MARGIN + PROBE_GUARD + PROBE_SYNC + SEARCH ? expected - SEARCH : 0;
    const size_t window = 2 * SEARCH;
    float complex *sync = malloc(PROBE_SYNC * sizeof *sync);
    float complex *x = malloc((window + PROBE_SYNC) * sizeof *x);
    if (sync == NULL || x == NULL || w->first < MARGIN + PROBE_GUARD + PROBE_SYNC) {
        free(sync);
        free(x);
        return err_set(w->err, ERR_FORMAT, "the beginning of the probe was not received");
    }
    probe_make_sync(sync);
    correction_apply(&rx, w->y + from, x, window + PROBE_SYNC);
    for (size_t i = 0; i < window + PROBE_SYNC; i++) {
        const double turns = w->e->carrier * (double)(from + i);
        x[i] *= (float complex)cexp(-2.0 * M_PI * I * (turns - floor(turns)));
    }
    double best = -1.0;
    for (size_t at = 0; at < window; at++) {
        float complex sum = 0.0f;
        for (size_t i = 0; i < PROBE_SYNC; i++) {
            sum += x[at + i] * conjf(sync[i]);
        }
        if ((double)cabsf(sum) > best) {
            best = (double)cabsf(sum);
            *delay = (double)(from + at);
        }
    }
    free(sync);
    free(x);
    /* What the tones' gain lets expect; half of it is lost when that is no sync. */
    const double gain = cabs(w->ca) / PROBE_LEVEL_A;
    const double level = (double)PROBE_LEVEL_SYNC;
    return best > 0.5 * gain * level * level * PROBE_SYNC
               ? 0
               : err_set(w->err, ERR_FORMAT, "the beginning of the probe was not received");
}

/* The tones' phases know the delay modulo 4 samples, far better than the sync does. */
static void refine_delay(const work_t *w, double *delay)
{
    const double apart = w->a - w->b, period = 1.0 / apart;
    const double fraction = -carg(w->ca * conj(w->cb)) / (2.0 * M_PI * apart);
    *delay = fraction + period * round((*delay - fraction) / period);
}

static void measure_transmitter(work_t *w)
{
    estimate_t *e = w->e;
    const double delta = e->carrier;
    /* exp(j theta): by how much the tone's phase at n = 0 lags, apart from h. */
    const double complex lag_a = cexp(2.0 * M_PI * I * (w->a - delta) * e->delay);
    const double complex lag_b = cexp(2.0 * M_PI * I * (w->b - delta) * e->delay);
    const double complex ha = w->ca * lag_a, hb = w->cb * lag_b; /* h times the level */
    const double complex h = (ha * PROBE_LEVEL_A + hb * PROBE_LEVEL_B) /
                             (PROBE_LEVEL_A * PROBE_LEVEL_A + PROBE_LEVEL_B * PROBE_LEVEL_B);
    const double complex image_a = tones_amplitude(w->tones, 2.0 * delta - w->a) * conj(lag_a);
    const double complex image_b = tones_amplitude(w->tones, 2.0 * delta - w->b) * conj(lag_b);
    e->tx_image =
        (image_a * conj(ha) + image_b * conj(hb)) / (creal(ha * conj(ha)) + creal(hb * conj(hb)));
    e->tx_dc = tones_amplitude(w->tones, delta) / h;
    e->gain_db = 20.0 * log10(cabs(h));
    e->tx_image_dbc = 20.0 * log10(cabs(e->tx_image));
    e->tx_dc_dbc = dbc(e->tx_dc, PROBE_LEVEL_A);
}

int estimate_probe(const float complex *y, size_t count, estimate_t *estimate, err_t *err)
{
    work_t w = {.y = y, .count = count, .e = estimate, .err = err};
    *estimate = (estimate_t){.carrier = 0.0};
    int code = find_tones(&w) != 0 || measure_tones(&w) != 0 ? -1 : 0;
    if (code == 0) {
        measure_receiver(&w);
        code = measure_noise(&w) != 0 || find_sync(&w, &estimate->delay) != 0 ? -1 : 0;
    }
    if (code == 0) {
        refine_delay(&w, &estimate->delay);
        measure_transmitter(&w);
    }
    tones_destroy(w.tones);
    return code;
}
