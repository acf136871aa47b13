/* SPDX-License-Identifier: GPL-3.0-or-later */
/* broadcast_live_print: what came of it. */
#include "broadcast_live.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double number(const json_t *object, const char *inner, const char *key)
{
    const json_t *at = inner ? json_object_get(object, inner) : object;
    const json_t *value = json_object_get(at, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void print_user(const live_t *l, int k)
{
    json_t *object = json_load_file(children_path(&l->children, "user%d.json", k), 0, NULL);
    if (!object) {
        printf("user%-3d nothing was written: %s\n", k,
               children_path(&l->children, "user%d.log", k));
        return;
    }
    if (options_bool(l->options, "live.json")) {
        char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
        printf("%s\n", text ? text : "");
        free(text);
    } else {
        printf("user%-3d %8.2f %8.3f %8.0f %8.4f %8.0f %8.4f", k, number(object, NULL, "snr_db"),
               number(object, NULL, "seconds_to_aligned"), number(object, "before", "messages"),
               number(object, "before", "nmse"), number(object, "after", "messages"),
               number(object, "after", "nmse"));
        printf(" %7.3f %7.3f %5.0f %8.0f\n", number(object, "before", "accuracy"),
               number(object, "after", "accuracy"),
               number(object, NULL, "lost") + number(object, NULL, "not_held"),
               number(object, NULL, "samples_lost"));
    }
    json_decref(object);
}

/* How the air kept up: its slowest second (but those in which its time began and ended), what it
 * lost. */
static void print_air(const live_t *l)
{
    char line[1024];
    double slowest = 1e9, last = 1e9, dropped = 0.0, stalls = 0.0;
    int begun = 0; /* seconds since its time began */
    FILE *file = fopen(children_path(&l->children, "air.jsonl"), "r");
    while (file && fgets(line, sizeof line, file)) {
        json_t *now = json_loads(line, 0, NULL);
        const double factor = number(now, NULL, "realtime_factor");
        slowest = last < slowest ? last : slowest;
        last = begun > 1 ? factor : 1e9;
        begun += begun > 0 || factor > 0.0;
        dropped = number(now, NULL, "dropped");
        stalls = number(now, NULL, "stalls");
        json_decref(now);
    }
    if (file) {
        fclose(file);
    }
    if (slowest < 1e9 && options_choice(l->options, "live.pace") == 0) {
        printf("air: slowest second %.2f times real time, %.0f stalls, %.0f samples dropped\n",
               slowest, stalls, dropped);
    }
}

void live_print(const live_t *l, const json_t *last)
{
    printf("alignment in use %.3f s after its statistics were there (%s)\n",
           number(last, NULL, "seconds"), json_string_value(json_object_get(last, "method")));
    if (!options_bool(l->options, "live.json")) {
        printf("%-7s %8s %8s %8s %8s %8s %8s %7s %7s %5s %8s\n", "", "Es/N0,dB", "aligned,s",
               "messages", "before", "messages", "after", "acc.", "acc.", "lost", "samples");
    }
    for (int k = 0; k < l->users; k++) {
        print_user(l, k);
    }
    print_air(l);
    if (!isnan(l->rejoin_s)) {
        printf("user%d, killed and started again: aligned after %.3f s\n", l->users - 1,
               l->rejoin_s);
    }
}
