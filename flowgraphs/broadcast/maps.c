/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "maps.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    equaliser_t *equaliser; /* NULL: free */
    uint16_t tag;
    uint64_t used;
    int channels;
    float complex *samples; /* [channels][places] */
    float *noise_var;
} map_t;

struct maps {
    pthread_mutex_t lock;
    map_t map[MAPS_HELD];
    int places;
    uint64_t turn;
};

maps_t *maps_create(int places, err_t *err)
{
    maps_t *maps = calloc(1, sizeof *maps);
    if (!maps) {
        err_set(err, ERR_MEMORY, "no memory for maps");
        return NULL;
    }
    maps->places = places;
    pthread_mutex_init(&maps->lock, NULL);
    return maps;
}

static void map_destroy(map_t *map)
{
    equaliser_destroy(map->equaliser);
    free(map->samples);
    free(map->noise_var);
    *map = (map_t){0};
}

void maps_destroy(maps_t *maps)
{
    if (maps) {
        for (int i = 0; i < MAPS_HELD; i++) {
            map_destroy(&maps->map[i]);
        }
        pthread_mutex_destroy(&maps->lock);
        free(maps);
    }
}

static map_t *find(maps_t *maps, uint16_t tag)
{
    for (int i = 0; i < MAPS_HELD; i++) {
        if (maps->map[i].equaliser && maps->map[i].tag == tag) {
            return &maps->map[i];
        }
    }
    return NULL;
}

/* The tag's own place, a free one, or the one unused for longest. */
static map_t *place_of(maps_t *maps, uint16_t tag)
{
    map_t *place = find(maps, tag);
    for (int i = 0; i < MAPS_HELD && !place; i++) {
        place = maps->map[i].equaliser ? NULL : &maps->map[i];
    }
    if (!place) {
        place = maps->map[0].tag == 0 ? &maps->map[1] : &maps->map[0];
        for (int i = 0; i < MAPS_HELD; i++) {
            place =
                maps->map[i].tag != 0 && maps->map[i].used < place->used ? &maps->map[i] : place;
        }
    }
    return place;
}

int maps_set(maps_t *maps, uint16_t tag, const adapter_t *adapter, err_t *err)
{
    map_t made = {.equaliser = equaliser_create(adapter, maps->places, err), .tag = tag};
    if (!made.equaliser) {
        return -1;
    }
    made.channels = equaliser_channels(made.equaliser);
    const size_t count = (size_t)made.channels * (size_t)maps->places;
    made.samples = calloc(count, sizeof *made.samples);
    made.noise_var = calloc(count, sizeof *made.noise_var);
    if (!made.samples || !made.noise_var) {
        map_destroy(&made);
        return err_set(err, ERR_MEMORY, "no memory for a map of %d channels", made.channels);
    }
    pthread_mutex_lock(&maps->lock);
    map_t *place = place_of(maps, tag), old = *place;
    made.used = ++maps->turn;
    *place = made;
    pthread_mutex_unlock(&maps->lock);
    map_destroy(&old);
    return 0;
}

bool maps_has(maps_t *maps, uint16_t tag)
{
    pthread_mutex_lock(&maps->lock);
    const bool has = find(maps, tag) != NULL;
    pthread_mutex_unlock(&maps->lock);
    return has;
}

bool maps_apply(maps_t *maps, uint16_t tag, int places, const float complex *in,
                const float *noise_var, int in_channels, float complex *out, int out_channels)
{
    pthread_mutex_lock(&maps->lock);
    map_t *map = places <= maps->places ? find(maps, tag) : NULL;
    if (map) {
        const size_t have =
            (size_t)(in_channels < map->channels ? in_channels : map->channels) * (size_t)places;
        const size_t all = (size_t)map->channels * (size_t)places,
                     wanted = (size_t)out_channels * (size_t)places;
        map->used = ++maps->turn;
        memcpy(map->samples, in, have * sizeof *in);
        memset(map->samples + have, 0, (all - have) * sizeof *in);
        for (size_t i = 0; i < all; i++) {
            map->noise_var[i] = noise_var && i < have ? noise_var[i] : 0.5f;
        }
        (void)equaliser_process(map->equaliser, 1, places, map->samples, map->noise_var,
                                map->samples, map->noise_var);
        const size_t given = wanted < all ? wanted : all;
        memcpy(out, map->samples, given * sizeof *out);
        memset(out + given, 0, (wanted - given) * sizeof *out);
    }
    pthread_mutex_unlock(&maps->lock);
    return map != NULL;
}
