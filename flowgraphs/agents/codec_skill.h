/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_skill: an agent's semantic links, with a codec of semantic/codec and the increments that
 * the agent holds (member.h).  Commands; pictures and features are blobs:
 *
 *     agent.sample {"task","index"}                     -> {"width","height"} + rgb, of its own
 *     agent.encode {"task","level","width","height"} + rgb      -> {"symbols"} + features
 *     agent.decode {"task","level","width","height"} + features -> {} + rgb
 *                  with "snr_db": the features come over the waveform (carried.h) with that Es/N0;
 *                  the answer then has "snr_db" and "evm_db" as the receiver measured them
 *     agent.expert {"task","width","height"} + rgb      -> {} + rgb, as the task's expert has it
 *
 * level 0 is the codec without knowledge.  Features: one byte a symbol, 8 i + j of the 64-QAM point
 * (2i-7, 2j-7).  rgb: [height][width][3], at most CONTROL_CHUNK bytes.
 *
 * The expert of a task is the file named by skill.expert: a whole codec with the expert's weights,
 * or an adapter; without one, the adapter of agent.knowledge at its highest level.
 */
#ifndef AGENTS_CODEC_SKILL_H
#define AGENTS_CODEC_SKILL_H

#include "crew/member.h"

extern const member_skill_t codec_skill;

#endif
