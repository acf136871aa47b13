/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channel_sums: one sum per channel over all rows (n, y, x) of an NHWC tensor.
 * Float within a block of rows, double across blocks: as exact as double for our
 * sizes and as fast as float.  One row range per thread, added up in thread order.
 */
#include "nn/op.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

enum { SUM_BLOCK = 128, SUM_WIDTH = 64 };

typedef void (*sum_block_t)(const float *restrict a, const float *restrict b, size_t rows,
                            size_t stride, size_t width, float *restrict sum);

static void block_plain(const float *restrict a, const float *restrict b, size_t rows,
                        size_t stride, size_t width, float *restrict sum)
{
    (void)b;
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < width; c++) {
            sum[c] += a[r * stride + c];
        }
    }
}

static void block_product(const float *restrict a, const float *restrict b, size_t rows,
                          size_t stride, size_t width, float *restrict sum)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < width; c++) {
            sum[c] += a[r * stride + c] * b[r * stride + c];
        }
    }
}

static void block_negative(const float *restrict x, const float *restrict dy, size_t rows,
                           size_t stride, size_t width, float *restrict sum)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < width; c++) {
            float v = x[r * stride + c];
            sum[c] += (v < 0.0f ? v : 0.0f) * dy[r * stride + c];
        }
    }
}

static void sum_rows(sum_block_t block, const float *a, const float *b, size_t first, size_t end,
                     size_t channels, double *restrict into)
{
    for (size_t r = first; r < end; r += SUM_BLOCK) {
        size_t rows = end - r < SUM_BLOCK ? end - r : SUM_BLOCK;
        for (size_t c = 0; c < channels; c += SUM_WIDTH) {
            float sum[SUM_WIDTH] = {0.0f};
            size_t width = channels - c < SUM_WIDTH ? channels - c : SUM_WIDTH;
            size_t at = r * channels + c;
            block(a + at, b ? b + at : NULL, rows, channels, width, sum);
            for (size_t k = 0; k < width; k++) {
                into[c + k] += (double)sum[k];
            }
        }
    }
}

void add_channel_sums(const float *a, const float *b, size_t rows, size_t channels, double *into)
{
    sum_rows(b ? block_product : block_plain, a, b, 0, rows, channels, into);
}

static void sum_all(graph_t *graph, sum_block_t block, const float *a, const float *b, size_t rows,
                    size_t channels, double *sum)
{
    size_t width = graph->partial_width;
    assert(channels <= width);
    memset(graph->partial, 0, zu(graph->threads) * width * sizeof(double));
#pragma omp parallel
    {
        size_t thread = zu(omp_get_thread_num()), threads = zu(omp_get_num_threads());
        sum_rows(block, a, b, rows * thread / threads, rows * (thread + 1) / threads, channels,
                 graph->partial + thread * width);
    }
    memcpy(sum, graph->partial, channels * sizeof(double));
    for (size_t t = 1; t < zu(graph->threads); t++) {
        for (size_t c = 0; c < channels; c++) {
            sum[c] += graph->partial[t * width + c];
        }
    }
}

void graph_channel_sums(graph_t *graph, const float *a, const float *b, size_t rows,
                        size_t channels, double *sum)
{
    sum_all(graph, b ? block_product : block_plain, a, b, rows, channels, sum);
}

void graph_negative_sums(graph_t *graph, const float *x, const float *dy, size_t rows,
                         size_t channels, double *sum)
{
    sum_all(graph, block_negative, x, dy, rows, channels, sum);
}
