/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/codec_pictures.h"

#include <stddef.h>

static int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

void codec_put_picture(const uint8_t *rgb, int width, int height, int rows, int columns, float *out)
{
    for (int y = 0; y < rows; y++) {
        const uint8_t *row = rgb + (size_t)at_most(y, height - 1) * (size_t)width * 3;
        for (int x = 0; x < columns; x++) {
            const uint8_t *pixel = row + 3 * (size_t)at_most(x, width - 1);
            for (int c = 0; c < 3; c++) {
                *out++ = (float)pixel[c] * (1.0f / 255.0f);
            }
        }
    }
}

void codec_take_picture(const float *in, int columns, int width, int height, uint8_t *rgb)
{
    size_t stride = (size_t)columns * 3, row = (size_t)width * 3;
    for (size_t y = 0; y < (size_t)height; y++) {
        for (size_t x = 0; x < row; x++) {
            float value = in[y * stride + x];
            value = value > 0.0f ? value : 0.0f; /* NaN too */
            value = value < 1.0f ? value : 1.0f;
            rgb[y * row + x] = (uint8_t)(value * 255.0f + 0.5f);
        }
    }
}
