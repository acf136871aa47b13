/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "federated/campaign_method.h"

#include "federated/align_federated_campaign.h"

#include <string.h>

static const campaign_method_t kinds[] = {
    {"mean", FEDERATED_MEAN, false, false, true, false, false}, /* as published */
    {"joint", FEDERATED_JOINT, false, false, true, false, false},
    {"wiener", FEDERATED_WIENER, false, false, false, false, false},
    {"wiener-random", FEDERATED_WIENER, false, false, true, false, false},
    {"one-shot", FEDERATED_ONE_SHOT, false, false, false, false, false},
    {"wiener-raw", FEDERATED_WIENER, false, true, false, false, false},
    {"wiener-wide", FEDERATED_WIENER, true, false, false, false, false},
    {"wiener-wide-raw", FEDERATED_WIENER, true, true, false, false, false},
    {"one-shot-wide-raw", FEDERATED_ONE_SHOT, true, true, false, false, false},
    {"mean-wide-raw", FEDERATED_MEAN, true, true, true, false, false},
    {"joint-wide-raw", FEDERATED_JOINT, true, true, true, false, false},
    {"multi", FEDERATED_MULTI, false, false, false, false, false},
    {"multi-wide-raw", FEDERATED_MULTI, true, true, false, false, false},
    {"svd-mmse", FEDERATED_SVD_MMSE, false, false, false, false, false},
    {"first-k", FEDERATED_FIRST_K, false, false, false, false, false},
    {"top-k", FEDERATED_TOP_K, false, false, false, false, false},
    {"top-k-free", FEDERATED_TOP_K_FREE, false, false, false, false, false},
    /* Long Wiener runs, the best of three starts. */
    {"optimum", FEDERATED_WIENER, false, false, false, true, false},
    {"optimum-wide-raw", FEDERATED_WIENER, true, true, false, true, false},
    /* Errors of logits count too. */
    {"wiener-wide-task", FEDERATED_WIENER, true, true, false, false, true},
    {"one-shot-wide-task", FEDERATED_ONE_SHOT, true, true, false, false, true},
};

const option_t align_federated_campaign_table[] = {
    {.section = "campaign",
     .name = "ap",
     .type = OPTION_STRING,
     .help = "latents of the access point"},
    {.section = "campaign",
     .name = "users",
     .type = OPTION_STRING,
     .help = "latents of the users, with commas between; one may come several times"},
    {.section = "campaign",
     .name = "methods",
     .type = OPTION_STRING,
     .fallback = "mean,wiener-wide-raw",
     .help =
         "mean, joint, wiener, wiener-random, one-shot, wiener-raw, wiener-wide, wiener-wide-raw, "
         "one-shot-wide-raw, mean-wide-raw, joint-wide-raw, multi, multi-wide-raw, svd-mmse, "
         "first-k, top-k, "
         "top-k-free, optimum, optimum-wide-raw, wiener-wide-task, one-shot-wide-task; with commas "
         "between"},
    {.section = "campaign",
     .name = "k",
     .type = OPTION_INT,
     .fallback = "1,2,4,8",
     .min = 1,
     .max = 4096,
     .flags = OPTION_LIST,
     .help = "channel uses of a message"},
    {.section = "campaign",
     .name = "antennas",
     .type = OPTION_INT,
     .fallback = "1,2,4",
     .min = 1,
     .max = CAMPAIGN_ANTENNAS_MAX,
     .flags = OPTION_LIST,
     .help = "of the access point, and of each user"},
    {.section = "campaign",
     .name = "snr_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "20",
     .min = -100,
     .max = 200,
     .flags = OPTION_LIST,
     .help = "(P / K) / sigma2"},
    {.section = "campaign",
     .name = "seeds",
     .type = OPTION_INT,
     .fallback = "1,2,3,4,5,6",
     .min = 0,
     .max = 4294967295.0,
     .flags = OPTION_LIST,
     .help = "each draws channels of its own"},
    {.section = "campaign",
     .name = "rounds",
     .type = OPTION_INT,
     .fallback = "30",
     .min = 1,
     .max = 100000,
     .flags = OPTION_LIST,
     .help = "rounds"},
    {.section = "campaign",
     .name = "points",
     .type = OPTION_BOOL,
     .fallback = "false",
     .help = "symbols are 64-QAM points on the air"},
    {.section = "campaign",
     .name = "task_weight",
     .type = OPTION_REAL,
     .fallback = "0.2",
     .min = 0,
     .max = 1e6,
     .help = "of the -task methods: how much errors of logits count beside those of latents"},
    {.section = "campaign",
     .name = "complexify",
     .type = OPTION_BOOL,
     .fallback = "true",
     .help = "complex features by halves (methods that are not widely linear)"},
    {.section = "campaign",
     .name = "out",
     .type = OPTION_STRING,
     .fallback = "federated.csv",
     .help = "CSV; points that it holds are not run again"},
    {0}};

const campaign_method_t *campaign_method_named(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}
