/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench_phy.h"

const bench_row_t *const bench_phy_rows[] = {
    &bench_transmit,      &bench_receive,       &bench_receive_wide,
    &bench_frame_latency, &bench_search_wide,   &bench_search_narrow,
    &bench_air,           &bench_air_varying,   &bench_noise,
    &bench_fft,           &bench_fft_batch,     &bench_mmse,
    &bench_header_encode, &bench_header_decode, NULL};
