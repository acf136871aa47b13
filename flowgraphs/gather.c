/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gather.h"

#include <math.h>

static const double z95 = 1.959963984540054; /* normal quantile of 0.975 */

void gather_add(gather_t *gather, double sum, double count)
{
    if (!(count > 0.0)) {
        return;
    }
    gather->frames++;
    gather->sum += sum;
    gather->count += count;
    gather->sum_sum += sum * sum;
    gather->sum_count += sum * count;
    gather->count_count += count * count;
}

double gather_mean(const gather_t *gather)
{
    return gather->count > 0.0 ? gather->sum / gather->count : NAN;
}

/* Student's quantile of 0.975, Cornish-Fisher (Abramowitz and Stegun 26.7.5). */
static double student95(double degrees)
{
    double z = z95, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees * degrees) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees * degrees * degrees);
}

double gather_half_width(const gather_t *gather)
{
    if (gather->frames < 2) {
        return NAN;
    }
    double mean = gather_mean(gather);
    double frames = (double)gather->frames;
    double squares =
        gather->sum_sum - 2 * mean * gather->sum_count + mean * mean * gather->count_count;
    double variance = fmax(squares, 0.0) * frames / (frames - 1) / (gather->count * gather->count);
    return student95(frames - 1) * sqrt(variance);
}

void gather_wilson_interval(double hits, double trials, double *middle, double *half_width)
{
    *middle = *half_width = NAN;
    if (trials > 0.0) {
        double share = hits / trials, weight = z95 * z95 / trials;
        *middle = (share + weight / 2) / (1 + weight);
        *half_width = z95 / (1 + weight) * sqrt((share * (1 - share) + weight / 4) / trials);
    }
}

double gather_wilson(uint64_t hits, uint64_t trials)
{
    double middle, half_width;
    gather_wilson_interval((double)hits, (double)trials, &middle, &half_width);
    return half_width;
}
