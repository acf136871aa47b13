/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waveform/transmitter.h"

#include "sync/preamble.h"
#include "waveform/fft.h"
#include "waveform/symbols.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The plain inverse FFT to samples: unitary (1/16) times the amplitude. */
static const float to_samples = NUMEROLOGY_AMPLITUDE / 16.0f;

struct transmitter {
    numerology_t numerology;
    fft_t *fft;
    float complex preamble[NUMEROLOGY_PREAMBLE];
    float complex known[NUMEROLOGY_KNOWN][NUMEROLOGY_USED];
    float complex pilots[NUMEROLOGY_PILOTS];
    float complex filler[NUMEROLOGY_DATA];
    int data[NUMEROLOGY_DATA], pilot[NUMEROLOGY_PILOTS];
};

/* 132 used carriers -> 256 samples without prefix. */
static void inverse(transmitter_t *tx, const float complex *used, float complex *out)
{
    numerology_scatter(used, fft_in(tx->fft));
    fft_execute(tx->fft);
    const float complex *time = fft_out(tx->fft);
    for (int i = 0; i < NUMEROLOGY_FFT; i++) {
        out[i] = to_samples * time[i];
    }
}

static float complex *put_symbol(transmitter_t *tx, const float complex *used, float complex *out)
{
    size_t cp = (size_t)tx->numerology.cp;
    inverse(tx, used, out + cp);
    memcpy(out, out + NUMEROLOGY_FFT, cp * sizeof(*out));
    return out + cp + NUMEROLOGY_FFT;
}

static void make_tables(transmitter_t *tx)
{
    float complex used[NUMEROLOGY_USED], segment[PREAMBLE_SEGMENT];
    preamble_spectrum(used);
    inverse(tx, used, segment);
    for (int i = 0; i < NUMEROLOGY_PREAMBLE; i++) {
        tx->preamble[i] = preamble_sign[i / PREAMBLE_SEGMENT] * segment[i % PREAMBLE_SEGMENT];
    }
    for (int i = 0; i < NUMEROLOGY_KNOWN; i++) {
        symbols_known(i, tx->known[i]);
    }
    symbols_pilots(tx->pilots);
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        tx->data[d] = numerology_data(d);
        tx->filler[d] = symbols_filler(d);
    }
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        tx->pilot[p] = numerology_pilot(p);
    }
}

transmitter_t *transmitter_create(const numerology_t *numerology, err_t *err)
{
    if (numerology_check(numerology, err) != 0) {
        return NULL;
    }
    transmitter_t *tx = calloc(1, sizeof(*tx));
    if (tx == NULL) {
        err_set(err, ERR_MEMORY, "transmitter: out of memory");
        return NULL;
    }
    tx->numerology = *numerology;
    tx->fft = fft_create(NUMEROLOGY_FFT, FFT_BACKWARD, err);
    if (tx->fft == NULL) {
        transmitter_destroy(tx);
        return NULL;
    }
    make_tables(tx);
    return tx;
}

void transmitter_destroy(transmitter_t *tx)
{
    if (tx != NULL) {
        fft_destroy(tx->fft);
        free(tx);
    }
}

size_t transmitter_frame_samples(const transmitter_t *tx, const frame_header_t *header)
{
    return numerology_frame_samples(&tx->numerology, header_payload(header));
}

/* OFDM symbol t with these data points (fewer than 120: the filler takes the rest). */
static float complex *put_data(transmitter_t *tx, size_t t, const float complex *points,
                               size_t count, float complex *out)
{
    float complex used[NUMEROLOGY_USED];
    float sign = symbols_pilot_sign(t);
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        used[tx->pilot[p]] = sign * tx->pilots[p];
    }
    for (size_t d = 0; d < NUMEROLOGY_DATA; d++) {
        used[tx->data[d]] = d < count ? points[d] : tx->filler[d];
    }
    return put_symbol(tx, used, out);
}

void transmitter_modulate(transmitter_t *tx, const frame_header_t *header,
                          const float complex *symbols, float complex *samples)
{
    assert(header_check(header, NULL) == 0);
    size_t t = 0, count = header_payload(header);
    float complex *out = samples;
    memcpy(out, tx->preamble, sizeof(tx->preamble));
    out += NUMEROLOGY_PREAMBLE;
    for (; t < NUMEROLOGY_KNOWN; t++) {
        out = put_symbol(tx, tx->known[t], out);
    }
    float complex points[HEADER_SYMBOLS];
    header_encode(header, points);
    for (size_t i = 0; i < NUMEROLOGY_HEADER; i++, t++) {
        out = put_data(tx, t, points + i * NUMEROLOGY_DATA, NUMEROLOGY_DATA, out);
    }
    size_t every = (size_t)tx->numerology.retrain_every;
    for (size_t i = 0; i * NUMEROLOGY_DATA < count; i++, t++) {
        if (every > 0 && i > 0 && i % every == 0) {
            out = put_symbol(tx, tx->known[0], out);
            t++;
        }
        size_t left = count - i * NUMEROLOGY_DATA;
        out = put_data(tx, t, symbols + i * NUMEROLOGY_DATA,
                       left < NUMEROLOGY_DATA ? left : NUMEROLOGY_DATA, out);
    }
    assert(out == samples + transmitter_frame_samples(tx, header));
}
