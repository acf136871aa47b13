/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of crew.h:
 *
 *     crew_command.c   options, the order of things
 *     crew_mates.c     the agents: names, connections, questions
 *     crew_processes.c those that are started here
 *     crew_states.c    what they say of themselves
 *     crew_orders.c    who fetches what from whom, what is dropped, when all is in place
 *     crew_links.c     depths of links and the parts of the objective, for plan and measurement
 *     crew_pictures.c  one picture over one link, and what that needs
 *     crew_levels.c    losses of levels, measured
 *     crew_measure.c   losses of links, measured
 *     crew_report.c    the report
 */
#ifndef CREW_CREW_PRIVATE_H
#define CREW_CREW_PRIVATE_H

#include "allocation/network.h"
#include "control/control_peer.h"
#include "control/endpoint.h"
#include "crew/crew.h"
#include "crew/member.h"

#include <sys/types.h>

enum { CREW_MATES = 256, CREW_TASKS = MEMBER_TASKS, CREW_PATH = 1024 };

typedef struct crew crew_t;

/* One agent, as we know it. */
typedef struct {
    crew_t *crew;
    int index;
    char name[MEMBER_NAME], endpoint[ENDPOINT_SIZE], key[CREW_PATH];
    bool leaving; /* not in the network any more: only a source */
    control_peer_t *peer;
    pid_t pid; /* of a process of ours; 0: none */
    uint64_t start_ns;
    int starts;

    char session[SESSION_LENGTH + 1];
    uint64_t heard_ns, poll_ns; /* last state; next question */
    bool asking;                /* a question or order is under way */
    bool knows[CREW_TASKS], expert[CREW_TASKS], skilled;
    int held[CREW_TASKS][KNOWLEDGE_LEVELS];
    int from[CREW_TASKS][KNOWLEDGE_LEVELS]; /* whom it fetches from; -1: doesn't */
    double seconds[CREW_TASKS][KNOWLEDGE_LEVELS];
    bool verified; /* in this session, after the last order */
    int failures;  /* fetches that failed at its own end */
    bool given_up;
    char failure[256];    /* the last one */
    int damaged, lives;   /* damaged increments found; sessions seen */
    json_t *first, *last; /* whole states: before anything, and after */
} mate_t;

struct crew {
    options_t *options;
    network_t *network;
    const uint8_t *planned; /* s[N][L]; NULL: not yet */
    void *zmq;
    int agents, mates; /* in the network; with those that leave */
    mate_t *mate;
    int tasks;
    knowledge_t task[CREW_TASKS];
    uint64_t begun_ns, deadline_ns, progress_ns;
    double settle_s;
    uint64_t needed_bytes, needed_matrices; /* the differences, from what was held at first */
    int needed;
    bool counted;
    err_t error; /* code NONE: goes on */
};

static inline int crew_levels(const crew_t *crew)
{
    return network_input(crew->network)->levels;
}

/* Rate from h to i; 0: no way.  Who leaves is as slow as the slowest link. */
double crew_rate(const crew_t *crew, int h, int i);

/* ---- mates ---- */
void crew_processes_step(crew_t *crew, uint64_t now);
void crew_processes_end(crew_t *crew);
void mate_take_state(mate_t *mate, const json_t *state);
int crew_mates_open(crew_t *crew, err_t *err);
/* Starts what died, takes answers, asks again; waits at most timeout_s. */
void crew_mates_step(crew_t *crew, double timeout_s);
void crew_mates_close(crew_t *crew);
bool mate_alive(const mate_t *mate);
/* An order without a result, when nothing is under way there.  Takes args. */
void mate_order(mate_t *mate, const char *command, json_t *args);
/* Asks and waits.  ERR_TIMEOUT, ERR_CLOSED, or what the agent said.  Takes args; *result and *blob
   (may be NULL) are the caller's. */
int mate_ask(mate_t *mate, const char *command, json_t *args, const void *blob, size_t blob_size,
             json_t **result, uint8_t **answer, size_t *answer_size, err_t *err);
/* The state, with traffic, into *keep. */
int mate_look(mate_t *mate, json_t **keep, err_t *err);

/* ---- orders ---- */
/* Until the plan is in place and verified.  ERR_TIMEOUT, ERR_STATE (what can't be). */
int crew_settle(crew_t *crew, err_t *err);
/* Until each agent was heard; ERR_TIMEOUT names who wasn't. */
int crew_gather(crew_t *crew, err_t *err);

/* ---- links ---- */
typedef struct {
    double alignment, transmission, storage; /* with their weights: J is the sum */
    double *fetch;                           /* T[N][L], INFINITY: can't */
    int *depth;                              /* [N][N], 1 ... L; 0: the link isn't used */
} crew_links_t;
/* For `held`; ERR_MEMORY. */
int crew_links(const network_t *network, const uint8_t *held, crew_links_t *links, err_t *err);
void crew_links_free(crew_links_t *links);

/* ---- pictures ---- */
typedef struct {
    uint8_t *rgb, *wanted; /* what is sent, what the expert makes of it */
    size_t size;
    int width, height;
    double unaligned; /* loss without alignment, sum of squares a byte; NAN: not asked yet */
} picture_t;
int crew_picture_get(crew_t *crew, int i, int t, int index, picture_t *picture, err_t *err);
void crew_picture_free(picture_t *picture);
int crew_picture_send(crew_t *crew, int i, int j, int t, int level, const picture_t *picture,
                      double *loss, err_t *err);
int crew_find_skilled_expert(const crew_t *crew, int t);
int crew_check_skills(const crew_t *crew, err_t *err);
int crew_get_increment(crew_t *crew, int i, int t, int l, int h, bool keep, err_t *err);

/* ---- measure ---- */
typedef struct {
    double alignment, transmission, storage; /* as crew_links_t, measured; NAN: not */
    double *loss;  /* [N][N] residual loss of each link; NAN: not measured */
    double *level; /* [L] mean over the links that use it; NAN: none does */
    int images, links;
    double seconds;
} crew_measured_t;
/* J_A and S out of real losses and sizes, put into the network. */
int crew_measure_levels(crew_t *crew, err_t *err);
int crew_measure(crew_t *crew, const crew_links_t *links, crew_measured_t *measured, err_t *err);
void crew_measured_free(crew_measured_t *measured);

/* ---- report ---- */
json_t *crew_report(const crew_t *crew, const crew_links_t *links, const crew_measured_t *measured);
void crew_print(const json_t *report);

#endif
