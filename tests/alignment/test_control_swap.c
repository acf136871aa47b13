/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The swap of adapters under everything that can happen to its messages and its ends: random loss,
 * delay, doubling, restarts.  The model's clock ticks in milliseconds; frames fly while it runs.
 */
#include "adapter/tags.h"
#include "check.h"
#include "control/swap_hub.h"
#include "rng.h"

#include <stdlib.h>

enum {
    ADAPTERS = 40,
    MESSAGES = 192,
    FRAMES = 96,
    TICK = 1000000, /* ns */
    LEASE_MS = 1000,
    LINGER_MS = 300, /* frames fly at most so long */
    DELAY_MS = 150,  /* messages */
    TIMEOUT_MS = 400,
};

typedef struct {
    uint64_t at_ms; /* 0: free */
    bool answer;
    swap_end_t end;
    swap_action_t action;
    swap_answer_t content;
} message_t;

typedef struct {
    uint64_t at_ms; /* delivery; 0: free */
    uint64_t sent_ms;
    uint64_t life; /* of the transmitter */
    bool left;
    uint16_t tag;
    digest_t id;
    uint64_t rx_session;
    bool held; /* by that receiver, when it was stamped */
} frame_t;

typedef struct {
    rng_t rng;
    uint64_t now_ms;
    double loss, twice, restart; /* chances; restart per ms and end */
    int held, values;
    digest_t adapters[ADAPTERS];
    swap_tx_t *tx;
    swap_rx_t *rx;
    swap_hub_t *hub;
    bool staged[SWAP_ENDS][ADAPTERS];
    uint64_t sessions, tx_life, rx_session, rx_since_ms;
    message_t messages[MESSAGES];
    frame_t frames[FRAMES];
    uint64_t pending[16], pending_ms[16]; /* the hub's requests and when they were sent */
    bool wants;
    digest_t wanted;
    /* what happened */
    uint64_t swaps, stamped, decoded, not_held, wrong, unheld, late_unheld, lost_by_swap, falls;
} world_t;

static bool chance(world_t *w, double p)
{
    return rng_uniform(&w->rng) < p;
}

static uint64_t now_ns(const world_t *w)
{
    return w->now_ms * TICK;
}

static int index_of(const world_t *w, const digest_t *id)
{
    for (int i = 0; i < ADAPTERS; i++) {
        if (digest_equal(&w->adapters[i], id)) {
            return i;
        }
    }
    return -1;
}

static void start_tx(world_t *w)
{
    swap_tx_destroy(w->tx);
    const swap_tx_config_t config = {++w->sessions, (uint64_t)LEASE_MS * TICK,
                                     (uint64_t)LINGER_MS * TICK};
    w->tx = swap_tx_create(&config, now_ns(w), NULL);
    w->tx_life++;
    memset(w->staged[SWAP_TX], 0, sizeof w->staged[SWAP_TX]);
    for (int i = 0; i < FRAMES; i++) { /* what had not left is gone */
        if (!w->frames[i].left) {
            w->frames[i].at_ms = 0;
        }
    }
}

static void start_rx(world_t *w)
{
    swap_rx_destroy(w->rx);
    w->rx_session = ++w->sessions;
    w->rx_since_ms = w->now_ms;
    const swap_rx_config_t config = {w->rx_session, w->held, (uint64_t)LINGER_MS * TICK};
    w->rx = swap_rx_create(&config, NULL);
    memset(w->staged[SWAP_RX], 0, sizeof w->staged[SWAP_RX]);
}

static void want(world_t *w)
{
    swap_hub_want(w->hub, w->wants ? &w->wanted : NULL);
}

static void start_hub(world_t *w)
{
    swap_hub_destroy(w->hub);
    const swap_hub_config_t config = {100 * (uint64_t)TICK, 50 * (uint64_t)TICK};
    w->hub = swap_hub_create(&config, NULL);
    memset(w->pending, 0, sizeof w->pending);
    for (int i = 0; i < MESSAGES; i++) { /* its answers reach nobody; its requests fly on */
        if (w->messages[i].answer) {
            w->messages[i].at_ms = 0;
        }
    }
    want(w);
}

static void post(world_t *w, const message_t *message)
{
    const int copies = chance(w, w->loss) ? 0 : 1 + chance(w, w->twice);
    for (int c = 0; c < copies; c++) {
        for (int i = 0; i < MESSAGES; i++) {
            if (w->messages[i].at_ms == 0) {
                w->messages[i] = *message;
                w->messages[i].at_ms =
                    w->now_ms + 1 + (w->loss > 0 ? rng_below(&w->rng, DELAY_MS) : 0);
                break;
            }
        }
    }
}

static void carry_out(world_t *w, const swap_action_t *a, swap_answer_t *answer)
{
    memset(answer, 0, sizeof *answer);
    const int which = a->kind == SWAP_STAGE ? index_of(w, &a->id)
                      : a->kind == SWAP_ARM ? index_of(w, &a->arm.id)
                      : a->kind == SWAP_GO  ? index_of(w, &a->go.id)
                                            : -1;
    const bool staged = which >= 0 && w->staged[a->to][which];
    swap_pair_t dropped;
    switch (a->kind) {
    case SWAP_ASK:
        if (a->to == SWAP_TX && a->beat_session != 0) {
            swap_tx_beat(w->tx, a->beat_session, a->beat_age_ns, now_ns(w));
        }
        if (a->to == SWAP_TX) {
            swap_tx_state(w->tx, &answer->state);
        } else {
            swap_rx_state(w->rx, &answer->state);
        }
        break;
    case SWAP_STAGE:
        w->staged[a->to][which] = true;
        break;
    case SWAP_PREPARE:
        answer->code = swap_tx_prepare(w->tx, &a->prepare, now_ns(w), &answer->prepared);
        break;
    case SWAP_ARM:
        answer->code = swap_rx_arm(w->rx, &a->arm, staged, now_ns(w), &dropped);
        break;
    case SWAP_GO:
        answer->code = swap_tx_go(w->tx, &a->go, staged, now_ns(w));
        break;
    case SWAP_BASE:
        answer->code = swap_tx_base(w->tx, a->session, a->order);
        break;
    }
}

static void deliver(world_t *w)
{
    for (int i = 0; i < MESSAGES; i++) {
        message_t *m = &w->messages[i];
        if (m->at_ms != w->now_ms) {
            continue;
        }
        message_t message = *m;
        m->at_ms = 0;
        if (!message.answer) {
            carry_out(w, &message.action, &message.content);
            message.answer = true;
            post(w, &message);
            continue;
        }
        swap_hub_answer(w->hub, message.action.number, &message.content, now_ns(w));
        for (int p = 0; p < 16; p++) {
            w->pending[p] = w->pending[p] == message.action.number ? 0 : w->pending[p];
        }
    }
}

static void run_hub(world_t *w)
{
    swap_action_t action;
    uint64_t next;
    for (int p = 0; p < 16; p++) {
        if (w->pending[p] != 0 && w->now_ms - w->pending_ms[p] >= TIMEOUT_MS) {
            swap_hub_failed(w->hub, w->pending[p], now_ns(w));
            w->pending[p] = 0;
        }
    }
    for (int n = 0; n < 8 && swap_hub_next(w->hub, now_ns(w), &action, &next); n++) {
        const message_t message = {.action = action};
        for (int p = 0; p < 16; p++) {
            if (w->pending[p] == 0) {
                w->pending[p] = action.number;
                w->pending_ms[p] = w->now_ms;
                break;
            }
        }
        post(w, &message);
    }
}

static void stamp(world_t *w)
{
    swap_choice_t choice;
    swap_state_t state;
    swap_tx_stamp(w->tx, now_ns(w), &choice);
    swap_tx_state(w->tx, &state);
    w->falls += choice.fell != SWAP_FALL_NONE;
    for (int i = 0; i < FRAMES; i++) {
        frame_t *f = &w->frames[i];
        if (f->at_ms == 0) {
            *f = (frame_t){.at_ms = w->now_ms + 1 + rng_below(&w->rng, 100), /* leaves then */
                           .sent_ms = w->now_ms,
                           .life = w->tx_life,
                           .tag = choice.tag,
                           .id = choice.id,
                           .rx_session = state.rx_session};
            w->stamped += choice.tag != 0;
            if (choice.tag == 0) {
                return;
            }
            const digest_t *id = swap_rx_find(w->rx, choice.tag);
            f->held = w->rx_session == state.rx_session;
            /* Stamped under this receiver's word: it must hold it. */
            w->unheld += f->held && (id == NULL || !digest_equal(id, &choice.id));
            /* Under the word of one that is gone: only until that can be known. */
            w->late_unheld += !f->held && w->now_ms - w->rx_since_ms > LEASE_MS + DELAY_MS;
            return;
        }
    }
}

static void fly(world_t *w)
{
    for (int i = 0; i < FRAMES; i++) {
        frame_t *f = &w->frames[i];
        if (f->at_ms != w->now_ms || f->at_ms == 0) {
            continue;
        }
        if (!f->left) {
            f->left = true;
            swap_tx_sent(w->tx, f->tag, now_ns(w));
            f->at_ms = w->now_ms + 1 + rng_below(&w->rng, LINGER_MS - 2);
            continue;
        }
        f->at_ms = 0;
        if (f->tag == 0) {
            continue;
        }
        const digest_t *id = swap_rx_find(w->rx, f->tag);
        w->wrong += id != NULL && !digest_equal(id, &f->id);
        w->decoded += id != NULL && digest_equal(id, &f->id);
        w->not_held += id == NULL;
        w->lost_by_swap += id == NULL && f->held && w->rx_session == f->rx_session;
    }
}

static void run(world_t *w, uint64_t ms, int want_every_ms)
{
    for (const uint64_t end = w->now_ms + ms; w->now_ms < end;) {
        w->now_ms++;
        if (chance(w, w->restart)) {
            start_tx(w);
        }
        if (chance(w, w->restart)) {
            start_rx(w);
        }
        if (chance(w, w->restart)) {
            start_hub(w);
        }
        if (want_every_ms > 0 && w->now_ms % (uint64_t)want_every_ms == 0) {
            w->wants = !chance(w, 0.1);
            w->wanted = w->adapters[rng_below(&w->rng, ADAPTERS)];
            want(w);
        }
        deliver(w);
        run_hub(w);
        if (w->now_ms % 10 == 0) {
            stamp(w);
        }
        fly(w);
    }
}

static void begin(world_t *w, uint64_t seed, int held, int values)
{
    memset(w, 0, sizeof *w);
    rng_seed(&w->rng, seed, 7);
    w->held = held;
    w->values = values;
    for (int i = 0; i < ADAPTERS; i++) {
        for (int b = 0; b < DIGEST_SIZE; b++) { /* few values: tags collide all the time */
            w->adapters[i].byte[b] = (uint8_t)rng_below(&w->rng, (uint32_t)values);
        }
    }
    start_tx(w);
    start_rx(w);
    start_hub(w);
}

static void end(world_t *w)
{
    swap_tx_destroy(w->tx);
    swap_rx_destroy(w->rx);
    swap_hub_destroy(w->hub);
}

static world_t world;

static void check_invariants(const world_t *w)
{
    CHECK_INT(w->wrong, 0);
    CHECK_INT(w->unheld, 0);
    CHECK_INT(w->late_unheld, 0);
    CHECK_INT(w->lost_by_swap, 0);
}

/* After the storm the wish is reached, and every frame decodes. */
static void check_calm(world_t *w)
{
    swap_hub_status_t status;
    w->loss = w->twice = w->restart = 0;
    w->wants = true;
    w->wanted = w->adapters[3];
    want(w);
    run(w, 5000, 0);
    swap_hub_status(w->hub, &status);
    CU_ASSERT(status.reached);
    const uint64_t not_held = w->not_held, decoded = w->decoded;
    run(w, 2000, 0);
    CHECK_INT(w->not_held, not_held);
    CHECK_AT_LEAST(w->decoded, decoded + 150);
    check_invariants(w);
}

static void test_calm(void)
{
    begin(&world, 1, 8, 250);
    run(&world, 1000, 0);
    run(&world, 20000, 50); /* 20 wishes a second */
    swap_hub_status_t status;
    swap_hub_status(world.hub, &status);
    CHECK_AT_LEAST(status.swaps, 200);
    CHECK_INT(world.not_held, 0);
    CHECK_INT(world.falls, 0);
    check_calm(&world);
    end(&world);
}

static void test_storm(void)
{
    uint64_t stamped = 0, not_held = 0, falls = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        begin(&world, 100 + seed, 2 + (int)(seed % 7), seed % 2 == 0 ? 250 : 5);
        world.loss = 0.05 + 0.05 * (double)(seed % 4);
        world.twice = 0.1;
        world.restart = seed % 5 == 0 ? 2e-3 : 2e-4;
        run(&world, 20000, 50 + 50 * (int)(seed % 10));
        check_invariants(&world);
        stamped += world.stamped;
        not_held += world.not_held;
        falls += world.falls;
        check_calm(&world);
        end(&world);
    }
    /* The storm was one. */
    CHECK_AT_LEAST(stamped, 5000);
    CHECK_AT_LEAST(not_held, 20);
    CHECK_AT_LEAST(falls, 10);
}

/* The receiver is gone for good, or the hub: base within the lease. */
static void test_lease(void)
{
    begin(&world, 5, 8, 250);
    world.wants = true;
    world.wanted = world.adapters[0];
    want(&world);
    run(&world, 2000, 0);
    swap_state_t state;
    swap_tx_state(world.tx, &state);
    CHECK_AT_LEAST(state.tag, 1);
    world.loss = 1.0;
    run(&world, LEASE_MS + 20, 0);
    swap_tx_state(world.tx, &state);
    CHECK_INT(state.tag, 0);
    CHECK_INT(world.falls, 1);
    check_calm(&world);
    end(&world);
}

static void test_restarted_receiver(void)
{
    begin(&world, 6, 8, 250);
    world.wants = true;
    world.wanted = world.adapters[0];
    want(&world);
    run(&world, 2000, 0);
    const uint64_t decoded = world.decoded;
    start_rx(&world);
    run(&world, 1000, 0);
    CHECK_INT(world.falls, 1);                   /* said */
    CHECK_AT_LEAST(world.decoded, decoded + 40); /* and back on the adapter */
    CHECK_AT_MOST(world.not_held, 70);           /* those under way, and those of one beat */
    check_calm(&world);
    end(&world);
}

/* Messages of an earlier life or an older order do nothing. */
static void test_stale(void)
{
    const swap_tx_config_t config = {7, (uint64_t)1000 * TICK, 1000};
    swap_tx_t *tx = swap_tx_create(&config, 0, NULL);
    digest_t a = digest_of("a", 1), b = digest_of("b", 1);
    swap_prepared_t prepared;
    swap_prepare_t prepare = {.session = 7, .order = 5, .id = a};
    CHECK_INT(swap_tx_prepare(tx, &prepare, 500, &prepared), SWAP_SETTLING);
    CHECK_INT(swap_tx_prepare(tx, &prepare, 2000, &prepared), SWAP_OK);
    const uint16_t tag = prepared.tag;
    CHECK_INT(swap_tx_prepare(tx, &prepare, 2000, &prepared), SWAP_OK); /* once more: the same */
    CHECK_INT(prepared.tag, tag);
    swap_go_t go = {.session = 6, .order = 5, .id = a, .tag = tag, .rx_session = 9};
    CHECK_INT(swap_tx_go(tx, &go, true, 2000), SWAP_SESSION);
    go.session = 7;
    CHECK_INT(swap_tx_go(tx, &go, false, 2000), SWAP_NOT_STAGED);
    prepare = (swap_prepare_t){.session = 7, .order = 6, .id = b};
    CHECK_INT(swap_tx_prepare(tx, &prepare, 2000, &prepared), SWAP_OK);
    CHECK_INT(swap_tx_go(tx, &go, true, 2000), SWAP_STALE); /* a newer order has been taken */
    prepare.order = 4;
    CHECK_INT(swap_tx_prepare(tx, &prepare, 2000, &prepared), SWAP_STALE);
    CHECK_INT(swap_tx_base(tx, 7, 5), SWAP_STALE);
    swap_state_t state;
    swap_tx_state(tx, &state);
    CHECK_INT(state.tag, 0);
    swap_tx_destroy(tx);
}

/* A receiver gives nothing up that frames may still need. */
static void test_full(void)
{
    const swap_rx_config_t config = {3, 2, 1000};
    swap_rx_t *rx = swap_rx_create(&config, NULL);
    digest_t id[4];
    swap_pair_t dropped;
    swap_arm_t arm[4];
    for (int i = 0; i < 4; i++) {
        const char letter = (char)('a' + i);
        id[i] = digest_of(&letter, 1);
        arm[i] = (swap_arm_t){3, (uint64_t)i + 1, id[i], tags_candidate(&id[i], 0), {0, {{0}}}};
    }
    arm[1].live = (swap_list_t){1, {{arm[0].tag, id[0]}}};
    CHECK_INT(swap_rx_arm(rx, &arm[0], true, 10, &dropped), SWAP_OK);
    CHECK_INT(swap_rx_arm(rx, &arm[1], true, 20, &dropped), SWAP_OK);
    arm[2].live = arm[1].live; /* frames with the first are still coming; the second died at 30 */
    CHECK_INT(swap_rx_arm(rx, &arm[2], true, 30, &dropped), SWAP_FULL);
    arm[3].live = arm[1].live;
    CHECK_INT(swap_rx_arm(rx, &arm[3], true, 1030, &dropped), SWAP_OK);
    CHECK_INT(dropped.tag, arm[1].tag);
    CU_ASSERT_PTR_NOT_NULL(swap_rx_find(rx, arm[0].tag));
    CU_ASSERT_PTR_NULL(swap_rx_find(rx, arm[1].tag));
    CHECK_INT(swap_rx_arm(rx, &arm[3], true, 1040, &dropped), SWAP_OK); /* once more */
    CHECK_INT(swap_rx_arm(rx, &arm[2], true, 1040, &dropped), SWAP_STALE);
    arm[2].order = 9;
    arm[2].session = 2;
    CHECK_INT(swap_rx_arm(rx, &arm[2], true, 1040, &dropped), SWAP_SESSION);
    arm[2].session = 3;
    CHECK_INT(swap_rx_arm(rx, &arm[2], false, 1040, &dropped), SWAP_NOT_STAGED);
    swap_rx_destroy(rx);
}

static const check_test_t tests[] = {
    {"20 swaps a second: no frame is lost or decoded with another adapter", test_calm},
    {"loss, delay, doubling, restarts of everything: never a tag the receiver does not hold, never "
     "another adapter than named; calm again, the wish is reached",
     test_storm},
    {"without news of the receiver the base codec takes over within the lease", test_lease},
    {"a restarted receiver: base at once, then the adapter again", test_restarted_receiver},
    {"what is older or meant for an earlier life does nothing", test_stale},
    {"a receiver gives up only what no frame can need", test_full},
};

int main(void)
{
    return check_run("control_swap", tests, CHECK_COUNT(tests));
}
