/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent: DeKAP's agents (agent_net.h), "agent" in codec.h: picture -> 9-bit codes -> symbols and
 * back.
 *
 * One rate: two complex channels on a grid of height/4 x width/4 places, k/n = 1/24; agent_codes.h
 * tells how a code becomes two symbols and what the receiver makes of noise.
 *
 * Where a reliable link carries the codes themselves, the two functions below leave symbols out.
 * Same threads and variants as codec.h: an agent that does another's task uses its adapter at both
 * ends.
 */
#ifndef SEMANTIC_CODEC_AGENT_H
#define SEMANTIC_CODEC_AGENT_H

#include "codec/codec.h"

enum { AGENT_BITS_PER_CODE = 9 };

/* Codes of a picture, height/4 x width/4 rounded up, row by row; 0 if out of range or not an agent
 * codec. */
size_t agent_codes(const codec_t *codec, int width, int height);

/* rgb[height][width][3] -> code[agent_codes], each 0 .. 511.  0 or -1. */
int agent_encode(codec_t *codec, const uint8_t *rgb, int width, int height, uint16_t *code,
                 err_t *err);

/* code[agent_codes] -> rgb.  ERR_ARGUMENT for a code above 511. */
int agent_decode(codec_t *codec, const uint16_t *code, int width, int height, uint8_t *rgb,
                 err_t *err);

#endif
