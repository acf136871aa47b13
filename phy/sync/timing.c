/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First the earliest path that stands out of the noise of the tapered response.
 * Weak paths before it and late ones behind the prefix are what this may miss: so
 * time zero then moves, as little as needed, to where the prefix catches nearly as much
 * energy as it can (less sharp a taper: a path at the edge counts on its side).
 */
#include "sync/timing.h"

#include <math.h>

enum {
    SEG = PREAMBLE_SEGMENT,
    FIRST_REACH = 24, /* most samples before the strongest path that may hold an earlier one */
    CP_SPARE = 8,     /* of the prefix, kept for the paths after the strongest */
    QUIET_FROM = 96,  /* delays that hold no path */
    QUIET_TO = 224,
};

#define SLACK 0.002f /* of the energy, that the prefix need not catch */
#define SURE  10.0f  /* times the noise at one delay: what a window may catch by chance */

/* The tapered response's power, and its noise. */
static float profile(segments_t *s, segments_taper_t taper, float power[SEG])
{
    float noise = 0.0f;
    segments_profile(s, taper, power);
    for (int d = QUIET_FROM; d < QUIET_TO; d++) {
        noise += power[d] / (QUIET_TO - QUIET_FROM);
    }
    return noise;
}

/* First delay, up to `reach` before the strongest, at which the response shows a path. */
static int first_path(const float power[SEG], float noise, int reach)
{
    int peak = 0;
    for (int d = -4; d <= 4; d++) {
        peak = power[d & (SEG - 1)] > power[peak & (SEG - 1)] ? d : peak;
    }
    /* Noise passes twelve times its mean once in 160,000: no early path where there is none. */
    float threshold = fmaxf(0.03f * power[peak & (SEG - 1)], 12.0f * noise);
    int first = peak;
    for (int d = peak; d >= peak - reach; d--) {
        first = power[d & (SEG - 1)] >= threshold ? d : first;
    }
    return first;
}

/*
 * The start nearest to `wish` from which the prefix catches nearly all energy
 * that it can: all but 0.2 % and what noise may add.
 */
static int best_covered(const float power[SEG], float noise, int wish, int cp)
{
    enum { FROM = -TIMING_REACH, TO = TIMING_REACH };
    float caught[TO - FROM + 1], most = 0.0f;
    for (int s = FROM; s <= TO; s++) {
        float sum = 0.0f;
        for (int d = s; d <= s + cp; d++) {
            sum += power[d & (SEG - 1)];
        }
        caught[s - FROM] = sum;
        most = fmaxf(most, sum);
    }
    float enough = most - fmaxf(SLACK * most, SURE * noise);
    for (int away = 0; away <= TO - FROM; away++) {
        int low = wish - away, high = wish + away;
        if (low >= FROM && caught[low - FROM] >= enough) {
            return low;
        }
        if (high <= TO && caught[high - FROM] >= enough) {
            return high;
        }
    }
    return wish;
}

int timing_find(segments_t *s, int cp)
{
    int reach = cp - CP_SPARE < FIRST_REACH ? cp - CP_SPARE : FIRST_REACH;
    float power[SEG], noise = profile(s, SEGMENTS_HANN, power);
    /* A lone path crosses the threshold up to three samples before its peak (the taper's width). */
    int wish = first_path(power, noise, reach) - 1;
    noise = profile(s, SEGMENTS_SINE, power);
    return best_covered(power, noise, wish < -TIMING_REACH ? -TIMING_REACH : wish, cp);
}
