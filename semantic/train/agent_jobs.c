/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/agent_jobs.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 4 };

static float clamped(float x)
{
    return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
}

static void noise(size_t count, float *x, rng_t *rng)
{
    enum { CHUNK = 256 };
    float draws[CHUNK];
    for (size_t first = 0; first < count; first += CHUNK) {
        size_t chunk = count - first < CHUNK ? count - first : CHUNK;
        rng_normal(rng, draws, chunk);
        for (size_t i = 0; i < chunk; i++) {
            x[first + i] = clamped(x[first + i] + 0.1f * draws[i]);
        }
    }
}

static void fade(size_t pixels, float *x, rng_t *rng)
{
    float gain[3] = {1.05f, 0.9f, 0.65f};
    for (int c = 0; c < 3; c++) {
        gain[c] *= 0.9f + 0.2f * rng_uniform(rng);
    }
    for (size_t i = 0; i < pixels; i++, x += 3) {
        float grey = 0.299f * x[0] + 0.587f * x[1] + 0.114f * x[2];
        for (int c = 0; c < 3; c++) {
            x[c] = clamped(gain[c] * powf(0.55f * x[c] + 0.45f * grey, 0.8f));
        }
    }
}

static void coarsen(int side, float *x)
{
    size_t row = (size_t)side * 3;
    for (int y = 0; y < side; y += BLOCK) {
        for (size_t at = 0; at < row; at += BLOCK * 3) {
            for (size_t c = 0; c < 3; c++) {
                float *corner = x + (size_t)y * row + at + c, sum = 0.0f;
                for (size_t k = 0; k < BLOCK * BLOCK; k++) {
                    sum += corner[k / BLOCK * row + k % BLOCK * 3];
                }
                for (size_t k = 0; k < BLOCK * BLOCK; k++) {
                    corner[k / BLOCK * row + k % BLOCK * 3] = sum / (BLOCK * BLOCK);
                }
            }
        }
    }
}

static float between(rng_t *rng, float low, float high)
{
    return low + (high - low) * rng_uniform(rng);
}

/* An ellipse, or a bar as long as the crop allows. */
static void foreign_shape(int side, float *x, rng_t *rng)
{
    bool bar = rng_below(rng, 2) == 1;
    float angle = between(rng, 0.0f, 3.14159265f), cx = between(rng, 0.1f, 0.9f) * (float)side;
    float cy = between(rng, 0.1f, 0.9f) * (float)side;
    float along = bar ? 28.0f : between(rng, 4.0f, 10.0f);
    float across = bar ? between(rng, 1.0f, 2.5f) : between(rng, 4.0f, 10.0f);
    float colour[3] = {rng_uniform(rng), rng_uniform(rng), rng_uniform(rng)};
    for (int y = 0; y < side; y++) {
        for (int column = 0; column < side; column++) {
            float dx = (float)column - cx, dy = (float)y - cy;
            float u = (dx * cosf(angle) + dy * sinf(angle)) / along;
            float v = (dy * cosf(angle) - dx * sinf(angle)) / across;
            if (bar ? fabsf(u) < 0.5f && fabsf(v) < 0.5f : u * u + v * v < 1.0f) {
                memcpy(x + 3 * ((size_t)y * (size_t)side + (size_t)column), colour, sizeof(colour));
            }
        }
    }
}

void agent_job_apply(agent_job_t job, int side, const float *clean, float *out, rng_t *rng)
{
    size_t pixels = (size_t)side * (size_t)side;
    if (out != clean) {
        memcpy(out, clean, 3 * pixels * sizeof(*out));
    }
    switch (job) {
    case AGENT_RECONSTRUCT:
        break;
    case AGENT_DENOISE:
        noise(3 * pixels, out, rng);
        break;
    case AGENT_COLOUR:
        fade(pixels, out, rng);
        break;
    case AGENT_SUPERRES:
        coarsen(side, out);
        break;
    case AGENT_ANOMALY:
        for (uint32_t k = 0, count = 1 + rng_below(rng, 2); k < count; k++) {
            foreign_shape(side, out, rng);
        }
        break;
    }
}
