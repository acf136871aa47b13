/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Per block: bytes and CRC to bits (most significant first), LDPC, interleaver, scrambler,
 * mapper; and back.  The CRC is sent inverted, or the word of all zeros would be a valid block,
 * and that is what a decoder makes of no signal.
 *
 * Symbols that do not divide by the blocks go to the first blocks, one more each; so there
 * are two codes that differ in coded_bits alone.
 */
#include "modem/modem.h"

#include "coding/crc24.h"
#include "modem/scrambler.h"

#include <stdlib.h>
#include <string.h>

enum { CRC_BYTES = 3, CRC_MASK = 0xffffff };

/* Any dense number: from 0 the sequence has long sparse stretches. */
static const uint32_t default_scrambling = 0x39d2c6a5;

struct modem {
    modem_config_t config;
    modem_plan_t plan;
    size_t least_symbols; /* of a block */
    int longer;           /* so many blocks have one more */
    ldpc_t *code[2];      /* coded_bits of least_symbols, and of one more */
    uint8_t *scramble;    /* [coded bits of all blocks] */
    uint8_t *bytes;       /* [block_bytes + CRC_BYTES] */
    uint8_t *info;        /* [info_bits] */
    uint8_t *coded;       /* [coded bits of a block] in the order of the code */
    uint8_t *mapped;      /* and in the order of the symbols */
    float *llr, *ordered; /* likewise on the way back */
    long iterations;
};

static int create_codes(modem_t *m, err_t *err)
{
    int bits = modulation_bits(m->config.modulation);
    for (int more = 0; more < 2; more++) {
        ldpc_config_t c = {
            .info_bits = m->plan.info_bits,
            .coded_bits = ((int)m->least_symbols + more) * bits,
            .base_graph = m->plan.base_graph,
            .iterations = m->config.iterations,
            .algorithm = m->config.algorithm,
        };
        m->code[more] = ldpc_create(&c, err);
        if (m->code[more] == NULL) {
            return -1;
        }
    }
    return 0;
}

static int allocate(modem_t *m, err_t *err)
{
    size_t bits = (size_t)modulation_bits(m->config.modulation);
    size_t block = (m->least_symbols + 1) * bits;
    m->scramble = malloc(m->plan.symbols * bits);
    m->bytes = malloc((size_t)m->plan.block_bytes + CRC_BYTES);
    m->info = malloc((size_t)m->plan.info_bits);
    m->coded = malloc(block);
    m->mapped = malloc(block);
    m->llr = malloc(block * sizeof(*m->llr));
    m->ordered = malloc(block * sizeof(*m->ordered));
    if (m->scramble == NULL || m->bytes == NULL || m->info == NULL || m->coded == NULL ||
        m->mapped == NULL || m->llr == NULL || m->ordered == NULL) {
        return err_set(err, ERR_MEMORY, "modem: no memory for %zu symbols", m->plan.symbols);
    }
    uint32_t start = m->config.scrambling == 0 ? default_scrambling : m->config.scrambling;
    scrambler_sequence(start, m->scramble, m->plan.symbols * bits);
    return 0;
}

modem_t *modem_create(const modem_config_t *config, err_t *err)
{
    modem_plan_t plan;
    if (modem_plan(config->modulation, config->payload_bytes, config->symbols, &plan, err) != 0) {
        return NULL;
    }
    if (config->scrambling > 0x7fffffff) {
        err_set(err, ERR_ARGUMENT, "modem: scrambling %u is not below 2^31", config->scrambling);
        return NULL;
    }
    modem_t *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        err_set(err, ERR_MEMORY, "modem: no memory");
        return NULL;
    }
    m->config = *config;
    m->plan = plan;
    m->least_symbols = plan.symbols / (size_t)plan.blocks;
    m->longer = (int)(plan.symbols % (size_t)plan.blocks);
    if (create_codes(m, err) != 0 || allocate(m, err) != 0) {
        modem_destroy(m);
        return NULL;
    }
    return m;
}

void modem_destroy(modem_t *m)
{
    if (m == NULL) {
        return;
    }
    ldpc_destroy(m->code[0]);
    ldpc_destroy(m->code[1]);
    free(m->scramble);
    free(m->bytes);
    free(m->info);
    free(m->coded);
    free(m->mapped);
    free(m->llr);
    free(m->ordered);
    free(m);
}

const modem_plan_t *modem_get_plan(const modem_t *m)
{
    return &m->plan;
}

long modem_get_iterations(const modem_t *m)
{
    return m->iterations;
}

/* Payload bytes that block b has; the last may have fewer than the others. */
static size_t bytes_of(const modem_t *m, int b)
{
    size_t whole = (size_t)m->plan.block_bytes;
    size_t left = m->plan.payload_bytes - (size_t)b * whole;
    return left < whole ? left : whole;
}

static void put_crc(const modem_t *m)
{
    uint32_t crc = crc24(m->bytes, (size_t)m->plan.block_bytes) ^ CRC_MASK;
    uint8_t *end = m->bytes + m->plan.block_bytes;
    end[0] = (uint8_t)(crc >> 16);
    end[1] = (uint8_t)(crc >> 8);
    end[2] = (uint8_t)crc;
}

static bool crc_holds(const modem_t *m)
{
    const uint8_t *end = m->bytes + m->plan.block_bytes;
    uint32_t said = (uint32_t)end[0] << 16 | (uint32_t)end[1] << 8 | end[2];
    return (crc24(m->bytes, (size_t)m->plan.block_bytes) ^ CRC_MASK) == said;
}

static size_t symbols_of(const modem_t *m, int b)
{
    return m->least_symbols + (b < m->longer);
}

void modem_encode(modem_t *m, const uint8_t *payload, float complex *symbols)
{
    int bits = modulation_bits(m->config.modulation);
    const uint8_t *scramble = m->scramble;
    for (int b = 0; b < m->plan.blocks; b++) {
        size_t bytes = bytes_of(m, b), count = symbols_of(m, b);
        memset(m->bytes, 0, (size_t)m->plan.block_bytes);
        memcpy(m->bytes, payload + (size_t)b * (size_t)m->plan.block_bytes, bytes);
        put_crc(m);
        for (int i = 0; i < m->plan.info_bits; i++) {
            m->info[i] = (uint8_t)(m->bytes[i / 8] >> (7 - i % 8) & 1);
        }
        ldpc_encode(m->code[b < m->longer], m->info, m->coded);
        for (size_t s = 0, to = 0; s < count; s++) {
            for (int bit = 0; bit < bits; bit++, to++) {
                m->mapped[to] = m->coded[(size_t)bit * count + s] ^ *scramble++;
            }
        }
        modulation_map(m->config.modulation, m->mapped, count, symbols);
        symbols += count;
    }
}

static void demap(modem_t *m, const float complex *soft, const float *noise_var, size_t count,
                  const uint8_t *scramble)
{
    int bits = modulation_bits(m->config.modulation);
    (m->config.unbiased ? demapper_unbiased : demapper_mmse)(
        m->config.modulation, m->config.demapper, soft, noise_var, count, m->llr);
    for (size_t s = 0, from = 0; s < count; s++) {
        for (int bit = 0; bit < bits; bit++, from++) {
            float llr = m->llr[from];
            m->ordered[(size_t)bit * count + s] = scramble[from] ? -llr : llr;
        }
    }
}

int modem_decode(modem_t *m, const float complex *soft, const float *noise_var, uint8_t *payload,
                 bool *block_ok)
{
    size_t bits = (size_t)modulation_bits(m->config.modulation), done = 0;
    int failed = 0;
    m->iterations = 0;
    for (int b = 0; b < m->plan.blocks; b++) {
        size_t count = symbols_of(m, b);
        int iterations;
        demap(m, soft + done, noise_var + done, count, m->scramble + done * bits);
        bool ok = ldpc_decode(m->code[b < m->longer], m->ordered, m->info, &iterations);
        memset(m->bytes, 0, (size_t)m->plan.block_bytes + CRC_BYTES);
        for (int i = 0; i < m->plan.info_bits; i++) {
            m->bytes[i / 8] = (uint8_t)(m->bytes[i / 8] | m->info[i] << (7 - i % 8));
        }
        ok = ok && crc_holds(m);
        memcpy(payload + (size_t)b * (size_t)m->plan.block_bytes, m->bytes, bytes_of(m, b));
        if (block_ok != NULL) {
            block_ok[b] = ok;
        }
        m->iterations += iterations;
        failed += !ok;
        done += count;
    }
    return failed;
}
