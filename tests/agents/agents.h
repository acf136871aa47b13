/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agents: networks of real agents in the work folder: plans, experts, runs, and what became of
 * them. */
#ifndef TESTS_SYSTEM_AGENTS_H
#define TESTS_SYSTEM_AGENTS_H

#include "adapter/adapter.h"
#include "crew/knowledge.h"
#include "system/control_daemons.h"

enum { AGENTS_LEVELS = 3 };

/* A levelled adapter of `layers` pairs with sides of `side`, ranks 1, 2, 3. */
__attribute__((unused)) static void make_knowledge(const char *path, int layers, int side)
{
    static char names[16][2][48];
    adapter_array_t arrays[32];
    adapter_info_t info = ADAPTER_INFO_INIT;
    rng_t rng;
    err_t err = ERR_INIT;
    rng_seed(&rng, 7, (uint64_t)side);
    for (int k = 0; k < layers; k++) {
        for (int half = 0; half < 2; half++) {
            float *data = malloc(AGENTS_LEVELS * (size_t)side * sizeof *data);
            rng_normal(&rng, data, AGENTS_LEVELS * (size_t)side);
            snprintf(names[k][half], sizeof names[k][half], "layer%d.lora_%c", k, 'A' + half);
            arrays[2 * k + half] =
                (adapter_array_t){names[k][half],
                                  2,
                                  {half ? side : AGENTS_LEVELS, half ? AGENTS_LEVELS : side},
                                  data};
        }
    }
    info.base = 0x1234;
    info.kind = ADAPTER_LORA;
    info.rank = info.levels = info.level = AGENTS_LEVELS;
    info.alpha = 1;
    for (int l = 0; l < AGENTS_LEVELS; l++) {
        info.ranks[l] = l + 1;
    }
    adapter_t *adapter = adapter_build(&info, arrays, 2 * layers, NULL, 0, &err);
    if (adapter == NULL || adapter_save(adapter, path, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL(adapter);
    adapter_destroy(adapter);
    for (int k = 0; k < 2 * layers; k++) {
        free((float *)(uintptr_t)arrays[k].data);
    }
}

/* A network of agents "a", "b", ... and their plan: plan[agent] is "110" for levels 1 and 2. */
__attribute__((unused)) static void make_plan(const char *path, int agents,
                                              const char *const plan[])
{
    json_t *frequencies = json_array(), *rates = json_array(), *held = json_array(),
           *names = json_array();
    for (int i = 0; i < agents; i++) {
        json_t *f = json_array(), *r = json_array(), *s = json_array();
        for (int j = 0; j < agents; j++) {
            json_array_append_new(f, json_real(i != j && agents > 1 ? 1.0 / (agents - 1) : 0.0));
            json_array_append_new(r, json_real(1.0 + ((i * 7 + j * 3) % 5)));
        }
        for (int l = 0; l < AGENTS_LEVELS && plan != NULL; l++) {
            json_array_append_new(s, json_integer(plan[i][l] == '1'));
        }
        json_array_append_new(frequencies, f);
        json_array_append_new(rates, r);
        json_array_append_new(held, s);
        json_array_append_new(names, json_sprintf("%c", 'a' + i));
    }
    json_t *root =
        json_pack("{s:i, s:i, s:f, s:f, s:f, s:[f,f,f], s:[i,i,i], s:o, s:o, s:o}", "N", agents,
                  "L", AGENTS_LEVELS, "eta_A", 1.0, "eta_T", 0.5, "eta_S", 0.1, "J_A", 0.6, 0.4,
                  0.2, "S", 1, 1, 1, "F", frequencies, "R", rates, "names", names);
    if (plan != NULL) {
        json_object_set(root, "s", held);
    }
    json_decref(held);
    CHECK_INT(json_dump_file(root, path, 0), 0);
    json_decref(root);
}

static json_t *last_run; /* the report of the last run_network, or NULL */

/* semradio-align network WORDS with a report; its exit code. */
__attribute__((format(printf, 1, 2), unused)) static int run_network(const char *format, ...)
{
    char words[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    unlink(in_work("report.json"));
    program_t program = start("align", "network %s --run.report=%s", words, in_work("report.json"));
    const int code = finish(&program, 120);
    json_decref(last_run);
    last_run = json_load_file(in_work("report.json"), 0, NULL);
    if (code != 0 && code != 1 && code != 2) {
        char *text = text_of(program.log);
        fprintf(stderr, "network %s ended with %d:\n%s", words, code, text);
        free(text);
    }
    return code;
}

/* What the last run said, for people. */
__attribute__((unused)) static bool run_said(const char *part)
{
    const char *error = json_string_value(json_object_get(last_run, "error"));
    if (error == NULL || strstr(error, part) == NULL) {
        fprintf(stderr, "the report's error is \"%s\", not \"%s\"\n", error != NULL ? error : "",
                part);
        return false;
    }
    return true;
}

__attribute__((unused)) static double in_run(const char *inner, const char *key)
{
    const json_t *object = *inner != 0 ? json_object_get(last_run, inner) : last_run;
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The levels of an agent's store on disk are exactly `levels` ("110"), each with its hash. */
__attribute__((unused)) static bool store_is(const char *folder, const char *agent,
                                             const char *levels)
{
    char found[KNOWLEDGE_LEVELS + 1] = "";
    knowledge_t *list = NULL;
    int count = 0, damaged = 0;
    err_t err = ERR_INIT;
    store_t *store = store_open(in_work("%s/%s", folder, agent), &err);
    if (store != NULL && knowledge_list(store, &list, &count, &err) == 0 && count == 1) {
        for (int l = 1; l <= list->levels; l++) {
            found[l - 1] =
                knowledge_check(store, list, l, &damaged) && knowledge_state(store, list, l) == 2
                    ? '1'
                    : '0';
        }
        found[list->levels] = 0;
    }
    free(list);
    store_close(store);
    if (strcmp(found, levels) != 0) {
        fprintf(stderr, "%s/%s holds %s, not %s (%s)\n", folder, agent, found, levels, err.text);
    }
    return strcmp(found, levels) == 0;
}

#endif
