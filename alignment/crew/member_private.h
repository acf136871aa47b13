/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of member.h: member.c (options, life, loop), member_commands.c, member_fetch.c. */
#ifndef CREW_MEMBER_PRIVATE_H
#define CREW_MEMBER_PRIVATE_H

#include "control/control_options.h"
#include "control/control_peer.h"
#include "control/endpoint.h"
#include "control/transfer.h"
#include "crew/ledger.h"
#include "crew/member.h"

enum { MEMBER_FETCHES = 64, MEMBER_SOURCES = 256, MEMBER_WINDOW = 2 };

typedef struct {
    knowledge_t knowledge;
    int held[KNOWLEDGE_LEVELS];       /* 0, 1, 2; verified when found, written by us since */
    double seconds[KNOWLEDGE_LEVELS]; /* that the last fetch took; 0: none since the start */
} member_task_t;

/* Another agent that we fetch from. */
typedef struct {
    char name[MEMBER_NAME], endpoint[ENDPOINT_SIZE], key[ENDPOINT_SIZE];
    control_peer_t *peer; /* NULL: free */
    uint64_t free_ns;     /* its emulated link is busy until then */
} member_source_t;

typedef struct {
    member_t *member;
    member_task_t *task; /* NULL: free */
    int level;           /* 1 ... */
    bool keep;
    member_source_t *source;
    double rate;              /* bytes a second of the emulated link; 0: as fast as it goes */
    store_partial_t *partial; /* NULL: waits, or failed */
    uint64_t next;            /* to ask for */
    int under_way;
    uint64_t asked[MEMBER_WINDOW];
    uint64_t due_ns,
        begun_ns; /* due: when the emulated link lets the next chunk through; 0: none */
    bool here;    /* it failed here (disk), not at the source */
    err_t error;  /* code NONE: it goes on */
} member_fetch_t;

struct member {
    options_t *options;
    char name[MEMBER_NAME], bind[ENDPOINT_SIZE];
    void *zmq;
    store_t *store;
    transfer_t *transfer;
    ledger_t *ledger;
    control_server_t *server;
    control_settings_t settings;
    const member_skill_t *skills;
    void *skill;
    control_command_t commands[48];
    member_task_t task[MEMBER_TASKS];
    int tasks;
    member_source_t source[MEMBER_SOURCES];
    member_fetch_t fetch[MEMBER_FETCHES];
};

member_task_t *member_find(member_t *member, const char *task);
/* Learns a task and looks what of it is in the store. */
int member_learn(member_t *member, const knowledge_t *knowledge, err_t *err);
/* An expert takes a level out of its adapter's file again.  ERR_ARGUMENT: it has no such file. */
int member_restore(member_t *member, member_task_t *task, int level, err_t *err);
bool member_is_expert(const member_t *member, const char *task);
/* Reads every increment; how many were damaged (and are gone now). */
int member_verify(member_t *member);

void member_commands(member_t *member);

/* Begins, goes on, or turns to another source. */
int member_fetch(member_t *member, member_task_t *task, int level, bool keep,
                 const member_source_t *source, double rate, err_t *err);
member_fetch_t *member_fetching(member_t *member, const member_task_t *task, int level);
void member_fetch_forget(member_fetch_t *fetch);
/* Sends and takes what is due; when the next thing happens, in seconds. */
double member_fetch_step(member_t *member);
void member_fetch_close(member_t *member);

#endif
