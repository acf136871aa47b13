/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-train: trains codecs and judges, and measures codecs on ideal channels. */
#include "train/codec_trainer.h"
#include "train/deka_options.h"
#include "train/deka_trainer.h"
#include "train/encoder_trainer.h"
#include "train/evaluate.h"
#include "train/judge_trainer.h"
#include "train/latent_trainer.h"
#include "train/latents_writer.h"
#include "train/mode_power.h"
#include "train/train_options.h"

#include <stdio.h>
#include <string.h>

static const char epilog[] =
    "Commands:\n"
    "  codec     train an image codec          --config semantic/recipes/image32.conf\n"
    "  judge     train a classifier            --config semantic/recipes/judge-cifar10.conf\n"
    "  latent    train a latent codec          --config semantic/recipes/latent.conf\n"
    "  latent-figures  PSNR and SSIM of a latent codec on data.test\n"
    "  deka      train DeKA-g's codec of latents, or adapters for it\n"
    "                                          --config semantic/recipes/deka.conf\n"
    "  encoder   train a classifier whose last hidden layer is a latent\n"
    "                                          --config semantic/recipes/encoder-cifar10-plain.conf\n"
    "  latents   latents of pictures by several encoders, for federated alignment\n"
    "  mode-power  makes a codec send power 1 in every mode: --evaluate.weights IN --train.out OUT\n"
    "  evaluate  PSNR, SSIM, accuracy of a codec over SNR on an ideal channel\n"
    "\n"
    "Ctrl-C stops a training after a checkpoint; the same command with --resume goes on.\n"
    "Exit code: 0 done, 1 error, 3 stopped before the end.\n";

enum { EXIT_STOPPED = 3 };

static int run(const options_t *options, err_t *err)
{
    const char *command = options_positional(options, 0);
    if (command == NULL || options_positional(options, 1) != NULL) {
        return err_set(err, ERR_ARGUMENT,
                       "say one of codec, judge, latent, latent-figures, deka, encoder, latents, mode-power, evaluate (or --help)");
    }
    if (strcmp(command, "codec") == 0) {
        return codec_trainer_command(options, err);
    }
    if (strcmp(command, "judge") == 0) {
        return judge_trainer_command(options, err);
    }
    if (strcmp(command, "latent") == 0) {
        return latent_trainer_command(options, err);
    }
    if (strcmp(command, "latent-figures") == 0) {
        return latent_figures_command(options, err);
    }
    if (strcmp(command, "deka") == 0) {
        return deka_trainer_command(options, err);
    }
    if (strcmp(command, "encoder") == 0) {
        return encoder_trainer_command(options, err);
    }
    if (strcmp(command, "latents") == 0) {
        return latents_command(options, err);
    }
    if (strcmp(command, "evaluate") == 0) {
        return evaluate_command(options, err);
    }
    if (strcmp(command, "mode-power") == 0) {
        return mode_power_command(options, err);
    }
    return err_set(err, ERR_ARGUMENT,
                   "unknown command \"%s\"; say codec, judge, latent, latent-figures, deka, encoder, latents, mode-power, or evaluate",
                   command);
}

int main(int argc, char **argv)
{
    static const option_t *const tables[] = {train_options, network_options, latent_options,
                                             deka_options, encoder_options, evaluate_options, NULL};
    err_t err = ERR_INIT;
    options_t *options =
        options_create("semradio-train", "trains and measures codecs and judges", tables, &err);
    int status = -1;
    if (options != NULL) {
        options_set_epilog(options, epilog);
        options_set_positional(options, "codec|judge|latent|latent-figures|deka|encoder|latents|mode-power|evaluate");
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
