/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crew_orders: from what is to what the plan wants.
 *
 * For each increment the agents that lack it are ordered as by Dijkstra: holders have it at 0, an
 * agent i could have it at min over h of (h's time + S/R_hi), and h is then its source.  So an
 * agent whose best link comes from another that is still waiting waits for that one, when that is
 * sooner.  All is worked out anew from the agents' states at each step: deaths, returns and
 * failures need no other treatment.  What is fetched already stays with its source as long as that
 * one lives.
 *
 * Dropping begins when all agents hold what they shall.
 */
#include "crew/crew_private.h"

#include "clock.h"
#include "log.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FAILURES = 6 };

double crew_rate(const crew_t *crew, int h, int i)
{
    const allocation_input_t *in = network_input(crew->network);
    const size_t n = (size_t)in->agents;
    if (h < crew->agents && i < crew->agents) {
        const double rate = in->rate[(size_t)h * n + (size_t)i];
        return rate > 0 ? rate : 0.0;
    }
    double least = INFINITY;
    for (size_t k = 0; k < n * n; k++) {
        if (k / n != k % n && in->rate[k] > 0) {
            least = fmin(least, in->rate[k]);
        }
    }
    return isfinite(least) ? least : 1.0;
}

static bool wants(const crew_t *crew, int i, int l)
{
    return i < crew->agents && crew->planned[i * crew_levels(crew) + l] != 0;
}

/* source[i] of increment (t, l) for all that shall get it; -1: none (it has it, or can't). */
static void find_sources(const crew_t *crew, int t, int l, int source[CREW_MATES],
                         double at[CREW_MATES])
{
    bool done[CREW_MATES] = {false};
    const double size = network_input(crew->network)->size[l];
    for (int i = 0; i < crew->mates; i++) {
        source[i] = -1;
        at[i] = crew->mate[i].held[t][l] > 0 && mate_alive(&crew->mate[i]) ? 0.0 : INFINITY;
    }
    for (;;) {
        int best = -1;
        for (int i = 0; i < crew->mates; i++) {
            best = !done[i] && isfinite(at[i]) && (best < 0 || at[i] < at[best]) ? i : best;
        }
        if (best < 0) {
            return;
        }
        done[best] = true;
        for (int i = 0; i < crew->agents; i++) {
            const double rate = crew_rate(crew, best, i);
            if (!done[i] && rate > 0 && wants(crew, i, l) && !crew->mate[i].given_up &&
                at[best] + size / rate < at[i]) {
                at[i] = at[best] + size / rate;
                source[i] = best;
            }
        }
    }
}

static void order_get(crew_t *crew, int i, int t, int l, int h)
{
    mate_t *mate = &crew->mate[i], *from = &crew->mate[h];
    const double unit = options_real(crew->options, "run.rate_bytes_s");
    json_t *args = json_pack("{s:s, s:i, s:i, s:s, s:s, s:f}", "task", crew->task[t].task, "level",
                             l + 1, "keep", 1, "name", from->name, "endpoint", from->endpoint,
                             "rate", unit > 0 && h != i ? unit * crew_rate(crew, h, i) : 0.0);
    if (*from->key != 0) {
        json_object_set_new(args, "key", json_string(from->key));
    }
    mate_order(mate, "agent.get", args);
}

/* The expert, when nobody has this increment any more but the file it came from. */
static int find_expert(const crew_t *crew, int t)
{
    for (int i = 0; i < crew->mates; i++) {
        if (crew->mate[i].expert[t] && mate_alive(&crew->mate[i])) {
            return i;
        }
    }
    return -1;
}

/* How many agents still lack this increment; *stuck: some have no way to it. */
static int give_orders(crew_t *crew, int t, int l, int *stuck)
{
    int source[CREW_MATES], lacking = 0, holders = 0;
    double at[CREW_MATES];
    find_sources(crew, t, l, source, at);
    for (int i = 0; i < crew->mates; i++) {
        holders += at[i] == 0.0;
    }
    for (int i = 0; i < crew->agents; i++) {
        mate_t *mate = &crew->mate[i];
        if (!wants(crew, i, l) || mate->held[t][l] == 2 || mate->given_up) {
            continue;
        }
        lacking++;
        mate->verified = false;
        if (!mate_alive(mate) || mate->asking || !mate->knows[t]) {
            continue;
        }
        const int now = mate->from[t][l];
        if (mate->held[t][l] == 1) {
            order_get(crew, i, t, l, i);
        } else if (now >= 0 && mate_alive(&crew->mate[now]) && crew->mate[now].held[t][l] > 0) {
            continue; /* on its way */
        } else if (source[i] >= 0 && at[source[i]] == 0.0) {
            order_get(crew, i, t, l, source[i]);
        } else if (source[i] < 0) {
            *stuck += 1;
        }
    }
    const int expert = lacking > 0 && holders == 0 ? find_expert(crew, t) : -1;
    if (expert >= 0 && !crew->mate[expert].asking) {
        order_get(crew, expert, t, l, expert);
    }
    return lacking;
}

static void teach(crew_t *crew)
{
    for (int i = 0; i < crew->agents; i++) {
        for (int t = 0; t < crew->tasks; t++) {
            mate_t *mate = &crew->mate[i];
            if (mate_alive(mate) && !mate->knows[t] && !mate->asking) {
                mate_order(mate, "agent.task", knowledge_json(&crew->task[t]));
            }
        }
    }
}

/* What nobody shall hold goes; how much is still there. */
static int drop(crew_t *crew)
{
    int left = 0;
    for (int i = 0; i < crew->agents; i++) {
        mate_t *mate = &crew->mate[i];
        for (int t = 0; t < crew->tasks; t++) {
            for (int l = 0; l < crew_levels(crew); l++) {
                if (mate->held[t][l] == 0 || wants(crew, i, l)) {
                    continue;
                }
                left++;
                mate->verified = false;
                if (mate_alive(mate) && !mate->asking) {
                    mate_order(mate, "agent.drop",
                               json_pack("{s:s, s:i}", "task", crew->task[t].task, "level", l + 1));
                }
            }
        }
    }
    return left;
}

static int verify(crew_t *crew)
{
    int left = 0;
    for (int i = 0; i < crew->agents; i++) {
        mate_t *mate = &crew->mate[i];
        if (mate->given_up || (mate->verified && mate_alive(mate))) {
            continue;
        }
        left++;
        if (mate_alive(mate) && !mate->asking) {
            mate_order(mate, "agent.verify", json_object());
        }
    }
    return left;
}

/* Agents that fail again and again at their own end (a full disk) don't hold up the others. */
static void give_up(crew_t *crew)
{
    for (int i = 0; i < crew->agents; i++) {
        mate_t *mate = &crew->mate[i];
        if (!mate->given_up && mate->failures >= MOST_FAILURES) {
            mate->given_up = true;
            log_error("%s can't take what the plan gives it: %s", mate->name, mate->failure);
        }
    }
}

static int settled(const crew_t *crew, err_t *err)
{
    for (int i = 0; i < crew->agents; i++) {
        if (crew->mate[i].given_up) {
            return err_set(err, ERR_STATE, "%s can't take what the plan gives it: %s",
                           crew->mate[i].name, crew->mate[i].failure);
        }
    }
    return 0;
}

/* The differences: what the plan wants and was not there at first. */
static void count_needed(crew_t *crew)
{
    if (crew->counted) {
        return;
    }
    crew->counted = true;
    for (int i = 0; i < crew->agents; i++) {
        for (int t = 0; t < crew->tasks; t++) {
            for (int l = 0; l < crew_levels(crew); l++) {
                if (wants(crew, i, l) && crew->mate[i].held[t][l] == 0) {
                    crew->needed++;
                    crew->needed_bytes += crew->task[t].level[l].size;
                    crew->needed_matrices += crew->task[t].level[l].matrices;
                }
            }
        }
    }
}

static int who_is_missing(const crew_t *crew, err_t *err)
{
    for (int i = 0; i < crew->mates; i++) {
        const mate_t *mate = &crew->mate[i];
        if (mate->first == NULL) {
            static const char *const why[] = {"nobody listens", "it refuses our key",
                                              "no answer in time", "it has not answered"};
            return err_set(err, ERR_TIMEOUT, "%s at %s: %s", mate->name, mate->endpoint,
                           why[control_peer_state(mate->peer)]);
        }
    }
    return 0;
}

static int interrupted(const crew_t *crew, err_t *err)
{
    if (crew->error.code != ERR_NONE) {
        return err_set(err, crew->error.code, "%s", crew->error.text);
    }
    return program_stopped(0) ? err_set(err, ERR_CLOSED, "stopped; start it again to go on") : 0;
}

int crew_gather(crew_t *crew, err_t *err)
{
    const uint64_t patience = (uint64_t)(options_real(crew->options, "run.patience_s") * 1e9);
    const uint64_t end = clock_now_ns() + patience;
    while (who_is_missing(crew, NULL) != 0) {
        if (interrupted(crew, err) != 0) {
            return -1;
        }
        if (clock_now_ns() > end) {
            return who_is_missing(crew, err);
        }
        crew_mates_step(crew, 0.1);
    }
    if (interrupted(crew, err) != 0) {
        return -1;
    }
    return crew->tasks > 0 ? 0
                           : err_set(err, ERR_STATE,
                                     "no agent knows a task (agent.knowledge, "
                                     "run.knowledge)");
}

int crew_settle(crew_t *crew, err_t *err)
{
    const uint64_t patience = (uint64_t)(options_real(crew->options, "run.patience_s") * 1e9);
    const uint64_t begin = clock_now_ns();
    count_needed(crew);
    crew->progress_ns = begin;
    for (;;) {
        int lacking = 0, stuck = 0, left = 0;
        if (interrupted(crew, err) != 0) {
            return -1;
        }
        teach(crew);
        for (int t = 0; t < crew->tasks; t++) {
            for (int l = 0; l < crew_levels(crew); l++) {
                lacking += give_orders(crew, t, l, &stuck);
            }
        }
        give_up(crew);
        left = lacking > 0 ? 1 : drop(crew);
        if (left == 0 && verify(crew) == 0) {
            crew->settle_s = 1e-9 * (double)(clock_now_ns() - begin);
            return settled(crew, err);
        }
        const uint64_t now = clock_now_ns();
        if (now > crew->deadline_ns) {
            return err_set(err, ERR_TIMEOUT, "not in time: %d increments are still missing",
                           lacking);
        }
        if (stuck > 0 && stuck == lacking && now - crew->progress_ns > patience) {
            return err_set(err, ERR_STATE,
                           "%d increments can't reach those that shall hold them: nobody who has "
                           "them has a way there",
                           stuck);
        }
        crew_mates_step(crew, 0.1);
    }
}
