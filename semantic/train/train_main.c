/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-train: trains codecs and judges, and measures codecs on ideal channels. */
#include "train/agent_trainer.h"
#include "train/codec_trainer.h"
#include "train/deka_options.h"
#include "train/deka_trainer.h"
#include "train/encoder_trainer.h"
#include "train/evaluate.h"
#include "train/judge_trainer.h"
#include "train/latent_trainer.h"
#include "train/latents_writer.h"
#include "train/mode_power.h"
#include "train/task_measure.h"
#include "train/task_options.h"
#include "train/task_trainer.h"
#include "train/teach.h"
#include "train/train_options.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    int (*run)(const options_t *options, err_t *err);
    const char *help;
} command_t;

static const command_t commands[] = {
    {"codec", codec_trainer_command, "trains an image codec: recipes/image32.conf, photo.conf"},
    {"mode-power", mode_power_command,
     "makes a codec send power 1 in every mode: --evaluate.weights IN --train.out OUT"},
    {"judge", judge_trainer_command, "trains a classifier: recipes/judge-cifar10.conf"},
    {"latent", latent_trainer_command, "trains a latent codec: recipes/latent.conf"},
    {"latent-figures", latent_figures_command, "PSNR and SSIM of a latent codec on data.test"},
    {"deka", deka_trainer_command,
     "trains DeKA-g's codec of latents, or adapters for it: recipes/deka-rates.conf"},
    {"agent", agent_trainer_command,
     "trains DeKAP's agent codec, experts, distilled levels: recipes/agent.conf"},
    {"encoder", encoder_trainer_command,
     "trains a classifier whose last hidden layer is a latent: recipes/encoder-*.conf"},
    {"latents", latents_command,
     "latents of pictures by several encoders, for federated alignment"},
    {"teach", teach_command,
     "what a teacher (--task.judge or --task.vit) says of data.train, for task"},
    {"task", task_trainer_command,
     "trains a codec for classification (--task.stage=encoder, then joint)"},
    {"task-search", task_search_command, "how deep its layers should be (KDL-DARTS, DARTS)"},
    {"task-figures", task_measure_command,
     "its accuracy over SNR on an ideal channel, options of [evaluate]"},
    {"evaluate", evaluate_command, "PSNR, SSIM, accuracy of a codec over SNR on an ideal channel"},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* "codec|judge|...", or with ", " between them. */
static const char *names(char *text, size_t size, const char *between)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < COMMANDS && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? between : "",
                                 commands[i].name);
    }
    return text;
}

static const char *epilog(void)
{
    static char text[4096];
    size_t used = (size_t)snprintf(text, sizeof(text), "Commands (recipes are in semantic/):\n");
    for (int i = 0; i < COMMANDS && used < sizeof(text); i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  %-15s %s\n",
                                 commands[i].name, commands[i].help);
    }
    if (used < sizeof(text)) {
        snprintf(text + used, sizeof(text) - used,
                 "\nCtrl-C stops a training after a checkpoint; the same command with --resume goes "
                 "on.\nExit code: 0 done, 1 error, 3 stopped before the end.\n");
    }
    return text;
}

enum { EXIT_STOPPED = 3 };

static int run(const options_t *options, err_t *err)
{
    char text[512];
    const char *word = options_positional(options, 0);
    if (word == NULL || options_positional(options, 1) != NULL) {
        return err_set(err, ERR_ARGUMENT, "say one of %s (or --help)",
                       names(text, sizeof(text), ", "));
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return commands[i].run(options, err);
        }
    }
    return err_set(err, ERR_ARGUMENT, "unknown command \"%s\"; say one of %s", word,
                   names(text, sizeof(text), ", "));
}

int main(int argc, char **argv)
{
    static const option_t *const tables[] = {train_options, network_options, latent_options,
                                             deka_options,  agent_options,   encoder_options,
                                             task_options,  evaluate_options, NULL};
    static char positional[512];
    err_t err = ERR_INIT;
    options_t *options =
        options_create("semradio-train", "trains and measures codecs and judges", tables, &err);
    int status = -1;
    if (options != NULL) {
        options_set_epilog(options, epilog());
        options_set_positional(options, names(positional, sizeof(positional), "|"));
        status = options_parse(options, argc, argv, &err);
        if (status == 1) { /* --help was answered */
            options_destroy(options);
            return 0;
        }
        status = status == 0 ? run(options, &err) : status;
    }
    options_destroy(options);
    if (status < 0) {
        fprintf(stderr, "semradio-train: %s\n", err.text);
        return 1;
    }
    return status == 1 ? EXIT_STOPPED : 0;
}
