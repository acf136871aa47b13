/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MSE, PSNR, and SSIM (Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli,
 * "Image quality assessment: from error visibility to structural similarity",
 * IEEE TIP 13(4), 2004).  The Gaussian window is separable: for each row of
 * windows, a strip of columns is summed vertically onto the stack, then each
 * window horizontally.  Nothing is allocated.
 */
#include "quality/quality.h"

#include <math.h>

enum { WINDOW_MAX = 11, STRIP = 32, STRIP_COLUMNS = STRIP + WINDOW_MAX - 1 };

static const double sigma = 1.5;
static const double c1 = (0.01 * 255.0) * (0.01 * 255.0);
static const double c2 = (0.03 * 255.0) * (0.03 * 255.0);

double quality_mse(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int d = (int)a[i] - (int)b[i];
        sum += (uint64_t)(d * d);
    }
    return (double)sum / (double)count;
}

double quality_psnr_db(double mse)
{
    double psnr_db = 10.0 * log10(255.0 * 255.0 / mse); /* mse 0: infinite */
    return psnr_db < QUALITY_PSNR_MAX_DB ? psnr_db : QUALITY_PSNR_MAX_DB;
}

static int make_window(double *weight, int side)
{
    int length = side < WINDOW_MAX ? side : WINDOW_MAX;
    double sum = 0.0;
    for (int i = 0; i < length; i++) {
        double x = i - 0.5 * (length - 1);
        weight[i] = exp(-x * x / (2.0 * sigma * sigma));
        sum += weight[i];
    }
    for (int i = 0; i < length; i++) {
        weight[i] /= sum;
    }
    return length;
}

/* The five weighted moments of the two pictures under a window. */
typedef struct {
    double a, b, aa, bb, ab;
} moments_t;

static double ssim_of(const moments_t *m)
{
    double va = m->aa - m->a * m->a, vb = m->bb - m->b * m->b, cov = m->ab - m->a * m->b;
    return (2.0 * m->a * m->b + c1) * (2.0 * cov + c2) /
           ((m->a * m->a + m->b * m->b + c1) * (va + vb + c2));
}

/* Vertical sums of `columns` columns; a and b point at the strip's first value. */
static void sum_columns(const uint8_t *a, const uint8_t *b, int columns, size_t stride,
                        const double *wy, int rows, moments_t *out)
{
    for (int x = 0; x < columns; x++) {
        moments_t m = {0};
        for (int y = 0; y < rows; y++) {
            size_t at = (size_t)y * stride + 3 * (size_t)x;
            double va = a[at], vb = b[at], w = wy[y];
            m.a += w * va;
            m.b += w * vb;
            m.aa += w * va * va;
            m.bb += w * vb * vb;
            m.ab += w * va * vb;
        }
        out[x] = m;
    }
}

static double sum_strip(const moments_t *column, int positions, const double *wx, int length)
{
    double sum = 0.0;
    for (int p = 0; p < positions; p++) {
        moments_t m = {0};
        for (int x = 0; x < length; x++) {
            const moments_t *c = &column[p + x];
            m.a += wx[x] * c->a;
            m.b += wx[x] * c->b;
            m.aa += wx[x] * c->aa;
            m.bb += wx[x] * c->bb;
            m.ab += wx[x] * c->ab;
        }
        sum += ssim_of(&m);
    }
    return sum;
}

double quality_ssim(const uint8_t *a, const uint8_t *b, int width, int height)
{
    double wx[WINDOW_MAX], wy[WINDOW_MAX], sum = 0.0;
    moments_t column[STRIP_COLUMNS];
    int lx = make_window(wx, width), ly = make_window(wy, height);
    int across = width - lx + 1, down = height - ly + 1;
    size_t stride = 3 * (size_t)width;
    for (int y = 0; y < down; y++) {
        for (int x = 0; x < across; x += STRIP) {
            int positions = across - x < STRIP ? across - x : STRIP;
            for (size_t c = 0; c < 3; c++) {
                size_t at = (size_t)y * stride + 3 * (size_t)x + c;
                sum_columns(a + at, b + at, positions + lx - 1, stride, wy, ly, column);
                sum += sum_strip(column, positions, wx, lx);
            }
        }
    }
    return sum / (3.0 * across * down);
}

double quality_sum_add(quality_sum_t *sum, const uint8_t *a, const uint8_t *b, int width,
                       int height)
{
    double mse = quality_mse(a, b, 3 * (size_t)width * (size_t)height);
    sum->count++;
    sum->mse += mse;
    sum->psnr_db += quality_psnr_db(mse);
    sum->ssim += quality_ssim(a, b, width, height);
    return mse;
}

void quality_sum_judge(quality_sum_t *sum, int label, int predicted)
{
    if (label >= 0) {
        sum->judged++;
        sum->correct += predicted == label;
    }
}

void quality_sum_merge(quality_sum_t *sum, const quality_sum_t *other)
{
    sum->count += other->count;
    sum->mse += other->mse;
    sum->psnr_db += other->psnr_db;
    sum->ssim += other->ssim;
    sum->judged += other->judged;
    sum->correct += other->correct;
}

static double ratio(double value, size_t count)
{
    return count > 0 ? value / (double)count : (double)NAN;
}

double quality_sum_psnr_db(const quality_sum_t *sum)
{
    return sum->count > 0 ? quality_psnr_db(ratio(sum->mse, sum->count)) : (double)NAN;
}

double quality_sum_mean_psnr_db(const quality_sum_t *sum)
{
    return ratio(sum->psnr_db, sum->count);
}

double quality_sum_mean_ssim(const quality_sum_t *sum)
{
    return ratio(sum->ssim, sum->count);
}

double quality_sum_accuracy(const quality_sum_t *sum)
{
    return ratio((double)sum->correct, sum->judged);
}
