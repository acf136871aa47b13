/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/agent_codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float level(int i)
{
    return (float)(2 * i - (AGENT_LEVELS - 1)) / sqrtf(42.0f);
}

/* The coordinate of largest variance among `count` codes. */
static int widest(const float *codebook, int size, const uint16_t *code, int count)
{
    int best = 0;
    double most = -1.0;
    for (int c = 0; c < size; c++) {
        double sum = 0.0, sum2 = 0.0;
        for (int k = 0; k < count; k++) {
            double x = (double)codebook[code[k] * size + c];
            sum += x;
            sum2 += x * x;
        }
        double variance = sum2 / count - sum / count * (sum / count);
        if (variance > most) {
            most = variance;
            best = c;
        }
    }
    return best;
}

typedef struct {
    float x;
    uint16_t code;
} entry_t;

static int compare(const void *a, const void *b)
{
    const entry_t *p = a, *q = b;
    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (int)p->code - (int)q->code;
}

static void split(const float *codebook, int size, uint16_t *code, int count)
{
    entry_t entry[AGENT_CODES];
    int along = widest(codebook, size, code, count);
    for (int k = 0; k < count; k++) {
        entry[k] = (entry_t){codebook[code[k] * size + along], code[k]};
    }
    qsort(entry, (size_t)count, sizeof(*entry), compare);
    for (int k = 0; k < count; k++) {
        code[k] = entry[k].code;
    }
    int part = count / AGENT_LEVELS;
    for (int i = 0; part > 1 && i < AGENT_LEVELS; i++) {
        split(codebook, size, code + i * part, part);
    }
}

void agent_order(agent_order_t *order, const float *codebook, int size)
{
    for (int k = 0; k < AGENT_CODES; k++) {
        order->code[k] = (uint16_t)k;
    }
    split(codebook, size, order->code, AGENT_CODES);
    for (int k = 0; k < AGENT_CODES; k++) {
        order->place[order->code[k]] = (uint16_t)k;
    }
}

void agent_codes_point(const agent_order_t *order, int code, float *point)
{
    int place = order->place[code];
    point[0] = level(place / 64);
    point[1] = level(place / 8 % 8);
    point[2] = level(place % 8);
    point[3] = point[0];
}

float agent_order_power(const agent_order_t *order, const float *usage)
{
    double power = 0.0, all = 0.0;
    for (int k = 0; k < AGENT_CODES; k++) {
        float point[AGENT_AXES];
        agent_codes_point(order, k, point);
        for (int i = 0; i < AGENT_AXES; i++) {
            power += (double)(usage[k] * point[i] * point[i]) / AGENT_CHANNELS;
        }
        all += (double)usage[k];
    }
    return all > 0.0 ? (float)(power / all) : 1.0f;
}

/* p[AGENT_LEVELS] times the likelihood of each level. */
static void weigh(float *p, float received, float variance)
{
    if (!(variance > 0.0f) || !isfinite(variance) || !isfinite(received)) {
        return;
    }
    float distance[AGENT_LEVELS], nearest = INFINITY;
    for (int i = 0; i < AGENT_LEVELS; i++) {
        distance[i] = (received - level(i)) * (received - level(i));
        nearest = fminf(nearest, distance[i]);
    }
    for (int i = 0; i < AGENT_LEVELS; i++) {
        p[i] *= expf(0.5f * (nearest - distance[i]) / variance);
    }
}

void agent_codes_mean(const agent_order_t *order, const float *codebook, const float *usage,
                      int size, const float *received, const float *variance, float *vector)
{
    float p[3][AGENT_LEVELS], sum = 0.0f;
    for (int i = 0; i < 3 * AGENT_LEVELS; i++) {
        p[i / AGENT_LEVELS][i % AGENT_LEVELS] = 1.0f;
    }
    for (int axis = 0; axis < AGENT_AXES; axis++) {
        weigh(p[axis % 3], received[axis], variance[axis]);
    }
    memset(vector, 0, (size_t)size * sizeof(*vector));
    for (int place = 0; place < AGENT_CODES; place++) {
        float likely = p[0][place / 64] * p[1][place / 8 % 8] * p[2][place % 8];
        if (likely < 1e-6f) { /* the likeliest levels have 1 each, or nearly */
            continue;
        }
        int code = order->code[place];
        float weight = likely * (usage[code] + 1e-6f);
        sum += weight;
        for (int c = 0; c < size; c++) {
            vector[c] += weight * codebook[code * size + c];
        }
    }
    for (int c = 0; c < size && sum > 0.0f; c++) {
        vector[c] /= sum;
    }
}
