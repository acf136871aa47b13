/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * modem: bytes to complex symbols and back, coded.  A payload is cut into blocks of
 * equal length (the last padded with zeros), each block gets a CRC of 24 bits and is
 * encoded on its own (coding/ldpc.h), interleaved over the bits of its symbols (3GPP
 * TS 38.212 section 5.4.2.2), scrambled and mapped; the blocks' symbols follow one another.
 *
 * Three numbers fix everything: modulation, payload_bytes, symbols.  Both ends must have
 * the same.  With a code rate instead of one of them:
 *
 *     size_t symbols = modem_symbols(MODULATION_QAM64, bytes, 2.0 / 3.0);
 *     size_t bytes = modem_payload_bytes(MODULATION_QAM64, symbols, 2.0 / 3.0);
 *
 * The code rate counts CRC and padding as information: rate = info bits / coded bits.
 *
 *     modem_t *m = modem_create(&(modem_config_t){.modulation = MODULATION_QAM64,
 *                               .payload_bytes = bytes, .symbols = symbols}, &err);
 *     modem_encode(m, payload, symbols);
 *     int lost = modem_decode(m, soft, noise_var, payload, NULL);
 *
 * One thread at a time.  Only modem_create allocates or fails.
 */
#ifndef MODEM_MODEM_H
#define MODEM_MODEM_H

#include "coding/ldpc.h"
#include "modem/demapper.h"

#include <stdbool.h>

enum {
    MODEM_MAX_BYTES = 16 << 20,
    MODEM_MAX_SYMBOLS = 128 << 20,
};

typedef struct modem modem_t;

typedef struct {
    modulation_t modulation;
    size_t payload_bytes; /* 1 ... MODEM_MAX_BYTES */
    size_t symbols;       /* so many that the code rate is 1/32 ... 0.95 */
    bool unbiased;        /* modem_decode gets y = s + w; else the receiver's MMSE symbols */
    demapper_algorithm_t demapper;
    ldpc_algorithm_t algorithm;
    int iterations;      /* most iterations of the LDPC decoder; 0: 20 */
    uint32_t scrambling; /* start value of the scrambler, below 2^31; 0: a fixed one */
} modem_config_t;

typedef struct {
    size_t payload_bytes, symbols;
    int blocks;      /* CRC and code each */
    int block_bytes; /* payload bytes of a block; the last may have fewer */
    int info_bits;   /* of a block: 8 (block_bytes + 3) */
    int base_graph;  /* 1 or 2, chosen by payload size and rate as in NR */
    double rate;     /* info bits over coded bits, all blocks together */
} modem_plan_t;

/* How that payload lies in that many symbols.  An error when the rate is out of range. */
int modem_plan(modulation_t modulation, size_t payload_bytes, size_t symbols, modem_plan_t *plan,
               err_t *err);

/* The fewest symbols that carry the payload at a code rate of at most `rate`; 0: impossible. */
size_t modem_symbols(modulation_t modulation, size_t payload_bytes, double rate);

/* The most bytes that the symbols carry at a code rate of at most `rate`; 0: not one. */
size_t modem_payload_bytes(modulation_t modulation, size_t symbols, double rate);

modem_t *modem_create(const modem_config_t *config, err_t *err);
void modem_destroy(modem_t *modem);

const modem_plan_t *modem_get_plan(const modem_t *modem);

/* payload[payload_bytes] -> symbols[symbols], E|s|^2 = 1. */
void modem_encode(modem_t *modem, const uint8_t *payload, float complex *symbols);

/*
 * soft[symbols] with noise_var[symbols] -> payload[payload_bytes], and block_ok[blocks]
 * unless NULL.  Returns how many blocks failed: their parity checks or CRC do not hold, and
 * their bytes are the decoder's last guess, for counting errors and nothing else.  Any
 * floats are taken (demapper.h); symbols that carry no signal make blocks that fail.
 */
int modem_decode(modem_t *modem, const float complex *soft, const float *noise_var,
                 uint8_t *payload, bool *block_ok);

/* LDPC iterations that the last modem_decode took, all blocks together. */
long modem_get_iterations(const modem_t *modem);

#endif
