/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_phy: the rows of the radio layer.  Each file below has one or a few;
 * docs/BENCH.md tells what they measure.
 */
#ifndef BENCH_BENCH_PHY_H
#define BENCH_BENCH_PHY_H

#include "bench.h"

enum { BENCH_PHY_MAX_ROWS = 32 };

extern const bench_row_t *const bench_phy_rows[]; /* NULL after the last */

extern const bench_row_t bench_transmit;
extern const bench_row_t bench_receive, bench_receive_wide, bench_frame_latency;
extern const bench_row_t bench_search_wide, bench_search_narrow;
extern const bench_row_t bench_air, bench_air_varying, bench_noise;
extern const bench_row_t bench_fft, bench_fft_batch, bench_mmse;
extern const bench_row_t bench_header_encode, bench_header_decode;

#endif
