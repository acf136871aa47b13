/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rx_swap.h"

#include "clock.h"
#include "control/swap_wire.h"
#include "rng.h"
#include "variants.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const option_t rx_swap_options[] = {
    {.section = "swap",
     .name = "held",
     .type = OPTION_INT,
     .unit = "adapters",
     .fallback = "32",
     .min = 2,
     .max = SWAP_HELD,
     .help = "adapters held at once, so that frames on their way decode with the one they name"},
    {.section = "swap",
     .name = "linger_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "1",
     .min = 0.05,
     .max = 60,
     .help = "a frame may take so long from the transmitter to the decoder; the same at both ends"},
    {0}};

struct rx_swap {
    pthread_mutex_t lock; /* of everything below; the control thread's and the decoders' */
    swap_rx_t *swap;
    variants_t *variants;
};

rx_swap_t *rx_swap_create(store_t *store, const codec_t *codec, const options_t *options,
                          err_t *err)
{
    rng_t rng;
    rx_swap_t *swap = calloc(1, sizeof *swap);
    if (swap == NULL) {
        err_set(err, ERR_MEMORY, "no memory for swaps");
        return NULL;
    }
    pthread_mutex_init(&swap->lock, NULL);
    rng_seed(&rng, clock_wall_ns(), clock_now_ns());
    const swap_rx_config_t config = {.session = (rng_bits(&rng) >> 1) | 1,
                                     .held = (int)options_int(options, "swap.held"),
                                     .linger_ns =
                                         (uint64_t)(options_real(options, "swap.linger_s") * 1e9)};
    swap->swap = swap_rx_create(&config, err);
    swap->variants = variants_create(store, codec, VARIANTS_DECODE, err);
    if (swap->swap == NULL || swap->variants == NULL) {
        rx_swap_destroy(swap);
        return NULL;
    }
    return swap;
}

void rx_swap_destroy(rx_swap_t *swap)
{
    if (swap != NULL) {
        swap_rx_destroy(swap->swap);
        variants_destroy(swap->variants);
        pthread_mutex_destroy(&swap->lock);
        free(swap);
    }
}

int rx_swap_find(rx_swap_t *swap, uint16_t tag, codec_variant_t **variant, digest_t *id,
                 uint64_t *from)
{
    *variant = NULL;
    *from = 0;
    if (tag == 0) {
        return 0;
    }
    if (swap == NULL) {
        return -1;
    }
    pthread_mutex_lock(&swap->lock);
    const digest_t *found = swap_rx_find(swap->swap, tag);
    if (found != NULL) {
        *id = *found;
        *variant = variants_get(swap->variants, found, from);
    }
    pthread_mutex_unlock(&swap->lock);
    return *variant != NULL ? 0 : -1;
}

static void stage(rx_swap_t *swap, const digest_t *id, swap_answer_t *answer, err_t *err)
{
    uint64_t from = 0;
    codec_variant_t *variant =
        variants_load(swap->variants, id, &from, err); /* takes milliseconds: no lock */
    answer->code = variant != NULL ? SWAP_OK : SWAP_NOT_STAGED;
    if (variant != NULL) {
        swap_state_t state;
        pthread_mutex_lock(&swap->lock);
        swap_rx_state(swap->swap, &state);
        variants_add(swap->variants, id, variant, from, &state);
        pthread_mutex_unlock(&swap->lock);
    }
}

static void arm(rx_swap_t *swap, const swap_arm_t *what, swap_answer_t *answer)
{
    swap_pair_t dropped;
    pthread_mutex_lock(&swap->lock);
    answer->code = swap_rx_arm(swap->swap, what, variants_has(swap->variants, &what->id),
                               clock_now_ns(), &dropped);
    pthread_mutex_unlock(&swap->lock);
}

int rx_swap_command(rx_swap_t *swap, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    static const swap_kind_t kinds[] = {SWAP_ASK, SWAP_STAGE, SWAP_ARM};
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
            stage(swap, &action.id, &answer, &why);
        } else if (kinds[i] == SWAP_ARM) {
            arm(swap, &action.arm, &answer);
        } else {
            pthread_mutex_lock(&swap->lock);
            swap_rx_state(swap->swap, &answer.state);
            pthread_mutex_unlock(&swap->lock);
        }
        reply->result = swap_wire_result(kinds[i], &answer);
        if (why.code != ERR_NONE) {
            json_object_set_new(reply->result, "text", json_string(why.text));
        }
        return 0;
    }
    return err_set(err, ERR_UNSUPPORTED, "a receiver has no command %s", call->request->command);
}

json_t *rx_swap_status(rx_swap_t *swap)
{
    swap_state_t state;
    pthread_mutex_lock(&swap->lock);
    swap_rx_state(swap->swap, &state);
    pthread_mutex_unlock(&swap->lock);
    return swap_wire_state(&state);
}
