/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Per symbol: the points go straight to their places in the transform's input,
 * whose other bins stay zero, and the transform writes straight to the frame; the
 * prefix is copied from there.  The transform is most of the time.  Known symbols
 * and the preamble are made once, at create.
 *
 * Data carriers lie in 24 blocks of five neighbours each (a pilot stands between every
 * other pair of blocks), which is what the copying loop knows.
 */
#include "waveform/transmitter.h"

#include "sync/preamble.h"
#include "waveform/fft.h"
#include "waveform/symbols.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 5,
    BLOCKS = NUMEROLOGY_DATA / BLOCK,
    LONGEST = NUMEROLOGY_FFT + NUMEROLOGY_CP_EXTENDED,
};

/* The plain inverse FFT to samples: unitary (1/16) times the amplitude. */
static const float to_samples = NUMEROLOGY_AMPLITUDE / 16.0f;

struct transmitter {
    numerology_t numerology;
    fft_t *fft; /* its input: zero but for the used carriers */
    float complex preamble[NUMEROLOGY_PREAMBLE];
    float complex known[NUMEROLOGY_KNOWN][LONGEST]; /* samples, with prefix */
    float complex pilots[NUMEROLOGY_PILOTS];        /* times to_samples */
    float complex filler[NUMEROLOGY_DATA];
    int block[BLOCKS], pilot[NUMEROLOGY_PILOTS]; /* their bins: a block's first */
};

static size_t symbol_length(const transmitter_t *tx)
{
    return NUMEROLOGY_FFT + (size_t)tx->numerology.cp;
}

/* The symbol whose carriers are in place -> out[symbol_length]. */
static void put_symbol(transmitter_t *tx, float complex *out)
{
    size_t cp = (size_t)tx->numerology.cp;
    fft_execute_to(tx->fft, out + cp);
    memcpy(out, out + NUMEROLOGY_FFT, cp * sizeof(*out));
}

/* 132 used carriers to their places. */
static void place_used(transmitter_t *tx, const float complex *used)
{
    float complex *in = fft_in(tx->fft);
    numerology_scatter(used, in);
    for (int i = 0; i < NUMEROLOGY_FFT; i++) {
        in[i] *= to_samples;
    }
}

/* 120 data points to their places: scaled in one go, then moved in blocks of known size. */
static void place_data(transmitter_t *tx, const float complex *points)
{
    float complex scaled[NUMEROLOGY_DATA], *in = fft_in(tx->fft);
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        scaled[d] = to_samples * points[d];
    }
    for (int b = 0; b < BLOCKS; b++) {
        memcpy(in + tx->block[b], scaled + BLOCK * b, BLOCK * sizeof(*in));
    }
}

static void place_pilots(transmitter_t *tx, size_t t)
{
    float complex *in = fft_in(tx->fft);
    float sign = symbols_pilot_sign(t);
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        in[tx->pilot[p]] = sign * tx->pilots[p];
    }
}

static void make_tables(transmitter_t *tx)
{
    float complex used[NUMEROLOGY_USED], segment[PREAMBLE_SEGMENT];
    preamble_spectrum(used);
    place_used(tx, used);
    fft_execute_to(tx->fft, segment);
    for (int i = 0; i < NUMEROLOGY_PREAMBLE; i++) {
        tx->preamble[i] = preamble_sign[i / PREAMBLE_SEGMENT] * segment[i % PREAMBLE_SEGMENT];
    }
    for (int i = 0; i < NUMEROLOGY_KNOWN; i++) {
        symbols_known(i, used);
        place_used(tx, used);
        put_symbol(tx, tx->known[i]);
    }
    symbols_pilots(tx->pilots);
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        tx->pilots[p] *= to_samples;
        tx->pilot[p] = numerology_bin(numerology_pilot(p));
    }
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        tx->filler[d] = symbols_filler(d);
        tx->block[d / BLOCK] = numerology_bin(numerology_data(d)) - d % BLOCK;
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
static void put_data(transmitter_t *tx, size_t t, const float complex *points, size_t count,
                     float complex *out)
{
    float complex filled[NUMEROLOGY_DATA];
    if (count < NUMEROLOGY_DATA) {
        memcpy(filled, tx->filler, sizeof(filled));
        memcpy(filled, points, count * sizeof(*filled));
        points = filled;
    }
    place_data(tx, points);
    place_pilots(tx, t);
    put_symbol(tx, out);
}

void transmitter_modulate(transmitter_t *tx, const frame_header_t *header,
                          const float complex *symbols, float complex *samples)
{
    assert(header_check(header, NULL) == 0);
    size_t t = 0, count = header_payload(header), length = symbol_length(tx);
    float complex *out = samples + NUMEROLOGY_PREAMBLE;
    memcpy(samples, tx->preamble, sizeof(tx->preamble));
    for (; t < NUMEROLOGY_KNOWN; t++, out += length) {
        memcpy(out, tx->known[t], length * sizeof(*out));
    }
    float complex points[HEADER_SYMBOLS];
    header_encode(header, points);
    for (size_t i = 0; i < NUMEROLOGY_HEADER; i++, t++, out += length) {
        put_data(tx, t, points + i * NUMEROLOGY_DATA, NUMEROLOGY_DATA, out);
    }
    size_t every = (size_t)tx->numerology.retrain_every;
    for (size_t i = 0; i * NUMEROLOGY_DATA < count; i++, t++, out += length) {
        if (every > 0 && i > 0 && i % every == 0) {
            memcpy(out, tx->known[0], length * sizeof(*out));
            out += length;
            t++;
        }
        size_t left = count - i * NUMEROLOGY_DATA;
        put_data(tx, t, symbols + i * NUMEROLOGY_DATA,
                 left < NUMEROLOGY_DATA ? left : NUMEROLOGY_DATA, out);
    }
    assert(out == samples + transmitter_frame_samples(tx, header));
}
