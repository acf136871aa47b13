/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * member: one agent of a network as a process, "semradio-align agent" (docs/AGENTS.md).
 *
 * It keeps increments of tasks' knowledge (knowledge.h) in a store of its own, gives them to other
 * agents (the control plane's `fetch`), and fetches from them what it is told to hold.  What it
 * can do with knowledge, encode and decode, is a skill that the program brings along: this room
 * knows no codec.
 *
 *     agent.state  {"traffic":1?}      -> name, tasks (knowledge, held, seconds), fetches, skill
 *     agent.task   {knowledge}         -> {}         learns what a task's increments are
 *     agent.get    {"task","level","keep","name","endpoint","key"?,"rate"} -> {"held"}
 *                  fetches an increment; says at once what is here, goes on by itself; with its
 *                  own name an expert takes it out of its adapter's file again
 *     agent.drop   {"task","level"}    -> {}
 *     agent.verify {}                  -> {"damaged"}  reads every increment anew
 *
 * "held" is 0: not here, 1: here for a use, 2: kept.  All may be repeated.
 */
#ifndef CREW_MEMBER_H
#define CREW_MEMBER_H

#include "control/control_server.h"
#include "crew/knowledge.h"
#include "options.h"

enum { MEMBER_NAME = 48, MEMBER_TASKS = 16 };

typedef struct member member_t;

/* What a program adds.  NULL members: nothing there. */
typedef struct {
    const option_t *options;
    /* *skill NULL with 0: the options ask for none. */
    int (*open)(member_t *member, const options_t *options, void **skill, err_t *err);
    void (*close)(void *skill);
    const control_command_t *commands; /* their context is the skill; refused without one */
    json_t *(*describe)(void *skill);  /* for agent.state */
} member_skill_t;

extern const option_t member_options[]; /* section "agent" */

/* What the program's agents can do; before member_main.  Without: they keep and share only. */
void member_equip(const member_skill_t *skill);

/* argv[0] is the word.  The exit code. */
int member_main(int argc, char *const argv[]);

/* For skills: the adapter of a task's level out of the increments that are here (the caller's).
   ERR_ARGUMENT: no such task or level; an increment is missing. */
adapter_t *member_adapter(member_t *member, const char *task, int level, digest_t *id, err_t *err);

#endif
