/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chest/profile.h"

#include <math.h>

typedef struct {
    double delay, power_db;
} cluster_t;

/* TR 38.901 v16.1 table 7.7.2-1: delays in units of the rms spread. */
static const cluster_t tdl_a[] = {
    {0.0000, -13.4}, {0.3819, 0.0},   {0.4025, -2.2},  {0.5868, -4.0},  {0.4610, -6.0},
    {0.5375, -8.2},  {0.6708, -9.9},  {0.5750, -10.5}, {0.7618, -7.5},  {1.5375, -15.9},
    {1.8978, -6.6},  {2.2242, -16.7}, {2.1718, -12.4}, {2.4942, -15.2}, {2.5119, -10.8},
    {3.0582, -11.3}, {4.0810, -12.7}, {4.4579, -16.2}, {4.5695, -18.3}, {4.7966, -18.9},
    {5.0066, -16.6}, {5.3043, -19.9}, {9.6586, -29.7},
};

/* TR 38.901 v16.1 table 7.7.2-3. */
static const cluster_t tdl_c[] = {
    {0.0000, -4.4},  {0.2099, -1.2},  {0.2219, -3.5},  {0.2329, -5.2},  {0.2176, -2.5},
    {0.6366, 0.0},   {0.6448, -2.2},  {0.6560, -3.9},  {0.6584, -7.4},  {0.7935, -7.1},
    {0.8213, -10.7}, {0.9336, -11.1}, {1.2285, -5.1},  {1.3083, -6.8},  {2.1704, -8.7},
    {2.7105, -13.2}, {4.2589, -13.9}, {4.6003, -13.9}, {5.4902, -15.8}, {5.6077, -17.1},
    {6.3065, -16.0}, {6.6374, -15.7}, {7.0427, -21.6}, {8.6523, -22.8},
};

static void add(profile_t *p, double delay, double power, double reach)
{
    if (delay <= reach && p->count < PROFILE_MAX_PATHS) {
        p->delay[p->count] = delay;
        p->power[p->count] = power;
        p->count++;
    }
}

static void add_clusters(profile_t *p, const cluster_t *c, int count, double spread, double reach)
{
    for (int i = 0; i < count; i++) {
        add(p, c[i].delay * spread, pow(10.0, c[i].power_db / 10.0), reach);
    }
}

/* A continuous profile by midpoints, closer than the band can tell apart (about 2 samples). */
static void add_steps(profile_t *p, double length, double decay, double reach)
{
    double end = fmin(length, reach), step = end / PROFILE_MAX_PATHS;
    for (int i = 0; i < PROFILE_MAX_PATHS; i++) {
        double delay = (i + 0.5) * step;
        add(p, delay, exp(-delay * decay), reach);
    }
}

static void normalise(profile_t *p)
{
    double sum = 0.0, square = 0.0;
    p->mean = 0.0;
    for (int i = 0; i < p->count; i++) {
        sum += p->power[i];
    }
    for (int i = 0; i < p->count; i++) {
        p->power[i] /= sum;
        p->mean += p->power[i] * p->delay[i];
        square += p->power[i] * p->delay[i] * p->delay[i];
    }
    p->spread = sqrt(fmax(square - p->mean * p->mean, 0.0));
}

void profile_make(profile_t *p, profile_shape_t shape, double spread, double reach)
{
    p->count = 0;
    switch (shape) {
    case PROFILE_EXPONENTIAL:
        add_steps(p, 9.0 * spread, 1.0 / spread, reach);
        break;
    case PROFILE_UNIFORM:
        add_steps(p, sqrt(12.0) * spread, 0.0, reach);
        break;
    case PROFILE_TDL_A:
        add_clusters(p, tdl_a, sizeof(tdl_a) / sizeof(tdl_a[0]), spread, reach);
        break;
    case PROFILE_TDL_C:
        add_clusters(p, tdl_c, sizeof(tdl_c) / sizeof(tdl_c[0]), spread, reach);
        break;
    case PROFILE_LONE:
    case PROFILE_SHAPES:
        add(p, 0.0, 1.0, reach);
        break;
    }
    normalise(p);
}
