/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_zmq: the inside of radio=zmq, samples as ZeroMQ messages of cf32, as GNU Radio and srsRAN
 * speak them: radio_zmq.c (opening), _config.c (the address), _push.c, _plan.c and _tx.c (sending),
 * _rx.c and _pull.c (receiving), _peers.c (who is there), _tags.c (GNU Radio's header).
 *
 * The address is a list of key=value:
 *
 *     tx_port, rx_port   endpoint (tcp://HOST:PORT or ipc://PATH); without one: no such side
 *     tx_type            rep (default), push, pub
 *     rx_type            req (default), pull, sub
 *     tx_bind, rx_bind   yes: bind, no: connect; default: the sender binds, the receiver connects
 *     allow_remote       yes: bind may listen beyond this machine (default no)
 *     pace               clock (default): sending follows the sample rate; free: the peer's demand
 *     tx_tags            yes: write GNU Radio's tag header (default no)
 *     rx_tags            auto (default), yes, no: read it
 *     tx_key, rx_key     a frame of its own before the samples
 *     rx_request         samples asked for at a time (rx_type=req); 0 (default): any number
 *
 * Each side has one thread, which alone touches that side's socket; rings of sample blocks join it
 * to push and pull.
 *
 * Time is the count of samples: of those sent when there is a sending side, else of those
 * received.  Sent samples form one stream without holes: silence between bursts.  REP and
 * PUSH never lose a sample: a slow or absent peer stops the time.  PUB does not wait (pace=clock):
 * what no queue has room for is lost, bursts as a whole, each a `late` event.
 */
#ifndef RADIO_RADIO_ZMQ_H
#define RADIO_RADIO_ZMQ_H

#include "radio/radio_args.h"
#include "radio/radio_backend.h"
#include "radio/radio_events.h"
#include "ring.h"

#include <stdatomic.h>

enum {
    RADIO_ZMQ_BLOCK = 4096, /* samples in a slot of a ring */
    RADIO_ZMQ_TX_BLOCKS = 512,
    RADIO_ZMQ_RX_BLOCKS = 1024,
    RADIO_ZMQ_MAX_SEND = 1 << 20,    /* samples in a message of ours; longer bursts are split */
    RADIO_ZMQ_MAX_SAMPLES = 3072000, /* in a message that is accepted (srsRAN's limit) */
    RADIO_ZMQ_MAX_TAGS = 65536,      /* bytes of a tag header that is accepted */
    RADIO_ZMQ_MAX_BYTES = 32 << 20,  /* beyond: ZeroMQ itself hangs up on the sender */
    RADIO_ZMQ_SILENCE = 16384,       /* longest message of silence */
    RADIO_ZMQ_LEAD = 1024,           /* pace=free: silence before the very first burst, if it is */
                                     /* ASAP: filters behind us swallow the first samples */
    RADIO_ZMQ_TAIL = 8192,           /* silence at the very end, for filters behind */
    RADIO_ZMQ_QUEUE = 32,            /* messages in a socket's own queue */
};

typedef enum { RADIO_ZMQ_DEMAND, RADIO_ZMQ_PIPE, RADIO_ZMQ_SPREAD } radio_zmq_type_t;
typedef enum { RADIO_ZMQ_TAGS_AUTO, RADIO_ZMQ_TAGS_YES, RADIO_ZMQ_TAGS_NO } radio_zmq_tags_t;

typedef struct {
    bool used, bind;
    char endpoint[256], key[64];
    radio_zmq_type_t type;
} radio_zmq_end_t;

typedef struct {
    radio_zmq_end_t tx, rx;
    bool paced, tx_tags;
    radio_zmq_tags_t rx_tags;
    uint32_t request; /* samples; 0: any */
} radio_zmq_config_t;

/* Reads and checks an address. */
int radio_zmq_config(radio_zmq_config_t *config, const char *address, err_t *err);

/* A socket and who is at its other end.  Owned by one thread. */
typedef struct {
    void *socket, *monitor;
    const char *file; /* ipc: the socket that bind made */
    int peers;        /* connected now */
    int strangers;    /* of whom we wait for the end of a connection that never was one */
    bool ever;        /* there was one before */
    uint64_t gone_ns; /* since when there is none */
} radio_zmq_peers_t;

int radio_zmq_peers_open(radio_zmq_peers_t *peers, void *context, int type,
                         const radio_zmq_end_t *end, err_t *err);
void radio_zmq_peers_close(radio_zmq_peers_t *peers);

typedef enum { RADIO_ZMQ_SAME, RADIO_ZMQ_LOST_SOME, RADIO_ZMQ_RETURNED } radio_zmq_change_t;
/* Takes what the monitor tells; adds events.  LOST_SOME: a connection broke; RETURNED: the first
   one after there was none. */
radio_zmq_change_t radio_zmq_peers_look(radio_zmq_peers_t *peers, radio_events_t *events,
                                        uint64_t now);

/* Waits until the socket can be read (or written); false: not within timeout_ms. */
bool radio_zmq_ready(void *socket, bool writing, long timeout_ms);

typedef struct {
    bool start, end;
    uint64_t timestamp; /* with start */
    size_t count;
    float complex samples[RADIO_ZMQ_BLOCK];
} radio_zmq_tx_block_t;

/* The plan: what is to be sent next (radio_zmq_plan.c).  The sending thread's. */
typedef struct {
    ring_t *ring;
    bool paced;
    double rate_hz;
    float complex *burst; /* [RADIO_ZMQ_MAX_SEND]: what is gathered of the burst under way */
    size_t count, taken;
    uint64_t blocks;                /* taken from the ring for it */
    bool has_burst;                 /* a burst has begun to come in (or is being sent) */
    bool whole;                     /* its end is in `burst` */
    bool begun;                     /* some of it has been sent */
    bool dropping;                  /* the rest of it is thrown away */
    uint64_t timestamp;             /* when it shall begin */
    uint64_t length;                /* samples of it so far */
    bool hole;                      /* its samples are overdue, and that was said */
    uint64_t waiting_ns;            /* since when more of it is due; 0: not */
    uint64_t now;                   /* samples sent */
    uint64_t origin_ns, origin_now; /* pace: the clock's and the stream's zero */
    _Atomic uint64_t done;          /* blocks sent or dropped */
} radio_zmq_plan_t;

typedef struct {
    const float complex *samples; /* NULL: silence */
    size_t count;                 /* 0: nothing to send yet (a little time was spent waiting) */
} radio_zmq_piece_t;

int radio_zmq_plan_init(radio_zmq_plan_t *plan, bool paced, double rate_hz, err_t *err);
void radio_zmq_plan_free(radio_zmq_plan_t *plan);
/* At most `most` samples of what comes next. */
radio_zmq_piece_t radio_zmq_plan_next(radio_zmq_plan_t *plan, size_t most, radio_events_t *events);
/* The piece has left: time moves on. */
void radio_zmq_plan_sent(radio_zmq_plan_t *plan, const radio_zmq_piece_t *piece);
/* The piece could not leave and is lost: a burst with all of its rest.  Time moves on. */
void radio_zmq_plan_lost(radio_zmq_plan_t *plan, const radio_zmq_piece_t *piece,
                         radio_events_t *events);

typedef struct {
    uint64_t timestamp, lost;
    bool discontinuous;
    uint32_t epoch; /* of radio_start: older blocks are dropped */
    size_t count;
    float complex samples[RADIO_ZMQ_BLOCK];
} radio_zmq_rx_block_t;

typedef struct {
    radio_zmq_config_t config;
    double rate_hz;
    float tx_gain, rx_gain;
    void *context;
    radio_events_t events;
    _Atomic bool stopping;
    _Atomic uint64_t now;

    /* sending */
    pthread_t tx_thread;
    bool tx_running;
    radio_zmq_peers_t tx;
    radio_zmq_plan_t plan;
    int subscriptions;       /* PUB: topics somebody asked for */
    bool in_burst;           /* the pushing thread's */
    _Atomic uint64_t pushed; /* blocks */

    /* receiving */
    pthread_t rx_thread;
    bool rx_running;
    radio_zmq_peers_t rx;
    ring_t *blocks;
    _Atomic uint32_t epoch; /* odd: receiving */
    uint32_t rx_epoch;      /* of the last block */
    uint64_t rx_time;       /* of the next sample */
    uint64_t rx_lost;
    bool rx_asked, rx_synced, rx_discontinuous; /* a request is out; rx_time is known */
    /* the pulling thread's */
    size_t block_used;
} radio_zmq_t;

void *radio_zmq_tx_run(void *self);
void *radio_zmq_rx_run(void *self);
ssize_t radio_zmq_push(void *self, const float complex *const x[], size_t count,
                       const radio_push_t *burst, double timeout_s, err_t *err);
bool radio_zmq_drained(void *self, double timeout_s);
ssize_t radio_zmq_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                       radio_pull_t *info, err_t *err);

#endif
