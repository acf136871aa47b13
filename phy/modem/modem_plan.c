/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segmentation (in the spirit of TS 38.212 section 5.2.2): as few blocks as the base
 * graph allows, all equally long in whole bytes.
 */
#include "modem/modem.h"

#include <math.h>

enum { CRC_BYTES = 3 };

static const double least_rate = 1.0 / 32.0, most_rate = 0.95;

/* Fills the plan; the rate may be out of range. */
static void lay_out(modulation_t modulation, size_t payload_bytes, size_t symbols, modem_plan_t *p)
{
    double coded = (double)symbols * modulation_bits(modulation);
    double net = 8.0 * (double)payload_bytes;
    int graph = net <= 8448.0 ? ldpc_base_graph((int)net, net / coded)
                              : ldpc_base_graph(LDPC_MAX_INFO_1, net / coded);
    size_t most = (size_t)(graph == 1 ? LDPC_MAX_INFO_1 : LDPC_MAX_INFO_2) / 8 - CRC_BYTES;
    size_t blocks = (payload_bytes + most - 1) / most;
    size_t block_bytes = (payload_bytes + blocks - 1) / blocks;
    blocks = (payload_bytes + block_bytes - 1) / block_bytes; /* no block all padding */
    *p = (modem_plan_t){
        .payload_bytes = payload_bytes,
        .symbols = symbols,
        .blocks = (int)blocks,
        .block_bytes = (int)block_bytes,
        .info_bits = 8 * ((int)block_bytes + CRC_BYTES),
        .base_graph = graph,
    };
    p->rate = (double)p->blocks * p->info_bits / coded;
}

/* The shortest and the longest block's rates are both in range. */
static bool feasible(modulation_t modulation, const modem_plan_t *p)
{
    int bits = modulation_bits(modulation);
    size_t fewest = p->symbols / (size_t)p->blocks;
    double shortest = (double)fewest * bits, longest = (double)(fewest + 1) * bits;
    return fewest > 0 && p->info_bits <= most_rate * shortest &&
           p->info_bits >= least_rate * longest;
}

int modem_plan(modulation_t modulation, size_t payload_bytes, size_t symbols, modem_plan_t *plan,
               err_t *err)
{
    if (modulation < 0 || modulation >= MODULATION_COUNT) {
        return err_set(err, ERR_ARGUMENT, "modem: no modulation %d", (int)modulation);
    }
    if (payload_bytes < 1 || payload_bytes > MODEM_MAX_BYTES) {
        return err_set(err, ERR_ARGUMENT, "modem: a payload of %zu bytes is not in 1 ... %d",
                       payload_bytes, MODEM_MAX_BYTES);
    }
    if (symbols < 1 || symbols > MODEM_MAX_SYMBOLS) {
        return err_set(err, ERR_ARGUMENT, "modem: %zu symbols are not in 1 ... %d", symbols,
                       MODEM_MAX_SYMBOLS);
    }
    modem_plan_t p;
    lay_out(modulation, payload_bytes, symbols, &p);
    if (!feasible(modulation, &p)) {
        return err_set(err, ERR_ARGUMENT,
                       "modem: %zu bytes in %zu symbols of %s is a code rate of %.3f, not 1/32 ... "
                       "0.95",
                       payload_bytes, symbols, modulation_name(modulation), p.rate);
    }
    *plan = p;
    return 0;
}

size_t modem_symbols(modulation_t modulation, size_t payload_bytes, double rate)
{
    if (payload_bytes < 1 || payload_bytes > MODEM_MAX_BYTES ||
        !(rate >= least_rate && rate <= most_rate)) {
        return 0;
    }
    double per_symbol = rate * modulation_bits(modulation);
    modem_plan_t p;
    /* More symbols may mean the smaller base graph and more blocks: again until it holds. */
    size_t symbols = (size_t)ceil(8.0 * (double)payload_bytes / per_symbol);
    for (;;) {
        lay_out(modulation, payload_bytes, symbols, &p);
        size_t need = (size_t)ceil((double)p.blocks * p.info_bits / per_symbol - 1e-9);
        if (need <= symbols && feasible(modulation, &p)) {
            return symbols <= MODEM_MAX_SYMBOLS ? symbols : 0;
        }
        if (need <= symbols && p.rate < least_rate) {
            return 0;
        }
        symbols = need > symbols ? need : symbols + 1;
    }
}

size_t modem_payload_bytes(modulation_t modulation, size_t symbols, double rate)
{
    if (symbols < 1 || symbols > MODEM_MAX_SYMBOLS || !(rate >= least_rate && rate <= most_rate)) {
        return 0;
    }
    double coded = (double)symbols * modulation_bits(modulation);
    double room = rate * coded + 1e-6;
    size_t bytes = (size_t)(room / 8.0);
    bytes = bytes < MODEM_MAX_BYTES ? bytes : MODEM_MAX_BYTES;
    for (; bytes > 0; bytes--) {
        modem_plan_t p;
        lay_out(modulation, bytes, symbols, &p);
        double over = (double)p.blocks * p.info_bits - room;
        if (over <= 0.0 && feasible(modulation, &p)) {
            return bytes;
        }
    }
    return 0;
}
