/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tx_swap.h"

#include "clock.h"
#include "control/swap_wire.h"
#include "rng.h"
#include "variants.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FLYING = 4096 }; /* frames between source and radio; the rings hold a few hundred */

const option_t tx_swap_options[] = {
    {.section = "swap",
     .name = "lease_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "1",
     .min = 0.05,
     .max = 3600,
     .help = "without news of the receiver for so long: back to the base codec"},
    {.section = "swap",
     .name = "linger_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "1",
     .min = 0.05,
     .max = 60,
     .help = "a frame may take so long from here to the receiver's decoder; the same at both ends"},
    {0}};

struct tx_swap {
    pthread_mutex_t lock; /* of everything below; the control thread's and the source thread's */
    swap_tx_t *swap;
    variants_t *variants;
    uint16_t flying[FLYING]; /* tags, by frame number */
    uint64_t made, gone;
};

tx_swap_t *tx_swap_create(store_t *store, const codec_t *codec, const options_t *options,
                          err_t *err)
{
    rng_t rng;
    tx_swap_t *swap = calloc(1, sizeof *swap);
    if (swap == NULL) {
        err_set(err, ERR_MEMORY, "no memory for swaps");
        return NULL;
    }
    pthread_mutex_init(&swap->lock, NULL);
    rng_seed(&rng, clock_wall_ns(), clock_now_ns());
    const swap_tx_config_t config = {
        .session = (rng_bits(&rng) >> 1) | 1,
        .lease_ns = (uint64_t)(options_real(options, "swap.lease_s") * 1e9),
        .linger_ns = (uint64_t)(options_real(options, "swap.linger_s") * 1e9)};
    swap->swap = swap_tx_create(&config, clock_now_ns(), err);
    swap->variants = variants_create(store, codec, VARIANTS_ENCODE, err);
    if (swap->swap == NULL || swap->variants == NULL) {
        tx_swap_destroy(swap);
        return NULL;
    }
    return swap;
}

void tx_swap_destroy(tx_swap_t *swap)
{
    if (swap != NULL) {
        swap_tx_destroy(swap->swap);
        variants_destroy(swap->variants);
        pthread_mutex_destroy(&swap->lock);
        free(swap);
    }
}

static const char *reason(swap_fall_t fell)
{
    static const char *const why[] = {NULL, "the receiver started anew",
                                      "nothing was heard of the receiver"};
    return why[fell];
}

/* Under the lock. */
static void count_gone(tx_swap_t *swap, uint64_t gone)
{
    for (; swap->gone < gone && swap->gone < swap->made; swap->gone++) {
        swap_tx_sent(swap->swap, swap->flying[swap->gone % FLYING], clock_now_ns());
    }
}

void tx_swap_stamp(tx_swap_t *swap, uint64_t gone, tx_swap_frame_t *frame)
{
    swap_choice_t choice;
    *frame = (tx_swap_frame_t){0};
    if (swap == NULL) {
        return;
    }
    pthread_mutex_lock(&swap->lock);
    count_gone(swap, gone);
    swap_tx_stamp(swap->swap, clock_now_ns(), &choice);
    swap->flying[swap->made++ % FLYING] = choice.tag;
    frame->tag = choice.tag;
    frame->variant = choice.tag != 0 ? variants_get(swap->variants, &choice.id, NULL) : NULL;
    frame->fell = reason(choice.fell);
    pthread_mutex_unlock(&swap->lock);
}

/* Loading takes milliseconds: outside the lock, for only the control thread changes variants, and
   variants_ready publishes under it. */
static int stage(tx_swap_t *swap, const digest_t *id, swap_answer_t *answer, err_t *err)
{
    uint64_t from = 0;
    codec_variant_t *variant = variants_load(swap->variants, id, &from, err);
    answer->code = variant != NULL ? SWAP_OK : SWAP_NOT_STAGED;
    if (variant == NULL) {
        return -1;
    }
    pthread_mutex_lock(&swap->lock);
    swap_state_t state;
    swap_tx_state(swap->swap, &state);
    variants_add(swap->variants, id, variant, from, &state);
    pthread_mutex_unlock(&swap->lock);
    return 0;
}

static void carry_out(tx_swap_t *swap, const swap_action_t *action, swap_answer_t *answer)
{
    const uint64_t now = clock_now_ns();
    swap_tx_t *tx = swap->swap;
    switch (action->kind) {
    case SWAP_ASK:
        if (action->beat_session != 0) {
            swap_tx_beat(tx, action->beat_session, action->beat_age_ns, now);
        }
        swap_tx_state(tx, &answer->state);
        break;
    case SWAP_PREPARE:
        answer->code = swap_tx_prepare(tx, &action->prepare, now, &answer->prepared);
        break;
    case SWAP_GO:
        answer->code =
            swap_tx_go(tx, &action->go, variants_has(swap->variants, &action->go.id), now);
        break;
    case SWAP_BASE:
        answer->code = swap_tx_base(tx, action->session, action->order);
        break;
    case SWAP_STAGE:
    case SWAP_ARM:
        break;
    }
}

int tx_swap_command(tx_swap_t *swap, const control_call_t *call, control_reply_t *reply,
                    const char **fell, err_t *err)
{
    static const swap_kind_t kinds[] = {SWAP_ASK, SWAP_STAGE, SWAP_PREPARE, SWAP_GO, SWAP_BASE};
    swap_action_t action;
    swap_answer_t answer = {0};
    err_t why = ERR_INIT;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(call->request->command, swap_wire_command(kinds[i])) != 0) {
            continue;
        }
        if (swap_wire_read_args(kinds[i], call->request->args, &action, err) != 0) {
            return -1;
        }
        if (kinds[i] == SWAP_STAGE) {
            (void)stage(swap, &action.id, &answer, &why);
        } else {
            pthread_mutex_lock(&swap->lock);
            carry_out(swap, &action, &answer);
            *fell = reason(swap_tx_fell(swap->swap));
            pthread_mutex_unlock(&swap->lock);
        }
        reply->result = swap_wire_result(kinds[i], &answer);
        if (why.code != ERR_NONE) {
            json_object_set_new(reply->result, "text", json_string(why.text));
        }
        return 0;
    }
    return err_set(err, ERR_UNSUPPORTED, "a transmitter has no command %s", call->request->command);
}

json_t *tx_swap_status(tx_swap_t *swap)
{
    swap_state_t state;
    pthread_mutex_lock(&swap->lock);
    swap_tx_state(swap->swap, &state);
    pthread_mutex_unlock(&swap->lock);
    return swap_wire_state(&state);
}
