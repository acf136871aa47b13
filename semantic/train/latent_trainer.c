/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encoder and decoder together on crops of photos:
 *
 *     loss = 500 * mean (f_LD(z + n) - x)^2      n ~ N(0, s^2), s uniform in 0 .. latent.noise
 *
 * z has mean 0 and variance 1 per channel by construction (graph_standardise), so that s means
 * the same at every step; the noise makes near latents decode to near pictures, which is what
 * the posterior's variance does in a variational autoencoder.
 */
#include "train/latent_trainer.h"

#include "latent/latent_net.h"
#include "rng.h"
#include "train/crops.h"
#include "train/latent_figures.h"
#include "train/train_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Stream of the seed for the noise of a step's crop; crops.c has those below. */
#define NOISE_STREAM (UINT64_C(1) << 50)

const option_t latent_options[] = {
    {.section = "latent",
     .name = "width",
     .type = OPTION_INT,
     .fallback = "96",
     .min = 8,
     .max = 512,
     .help = "channels of the trunk"},
    {.section = "latent",
     .name = "encoder_blocks",
     .type = OPTION_INT,
     .fallback = "2",
     .min = 0,
     .max = 32,
     .help = "residual blocks of the encoder"},
    {.section = "latent",
     .name = "decoder_blocks",
     .type = OPTION_INT,
     .fallback = "5",
     .min = 0,
     .max = 32,
     .help = "residual blocks of the decoder"},
    {.section = "latent",
     .name = "crop",
     .type = OPTION_INT,
     .fallback = "96",
     .min = 8,
     .max = 1024,
     .unit = "pixels",
     .help = "side of a training crop, a multiple of 8"},
    {.section = "latent",
     .name = "noise",
     .type = OPTION_REAL,
     .fallback = "0.1",
     .min = 0,
     .max = 10,
     .help = "largest deviation of the noise added to latents"},

    {.section = "latent-figures",
     .name = "weights",
     .type = OPTION_STRING,
     .fallback = "latent",
     .help = "latent, or a file, an AutoencoderKL too"},
    {.section = "latent-figures",
     .name = "noise",
     .type = OPTION_REAL,
     .fallback = "0",
     .min = 0,
     .max = 10,
     .help = "deviation of noise added to latents before they are decoded"},
    {0}};

typedef struct {
    const options_t *options;
    latent_net_shape_t shape;
    crops_t *crops;
    params_t *params;
    workers_t *workers;
    int side;
    double noise;
    node_t image, added, mse;
    dataset_t *test;
} trainer_t;

static graph_t *build(void *context, params_t *params, int batch, err_t *err)
{
    trainer_t *t = context;
    int places = t->side / LATENT_NET_STRIDE;
    graph_t *g = graph_create(params, GRAPH_TRAIN, batch, 1, err);
    if (g == NULL) {
        return NULL;
    }
    t->image = graph_input(g, t->side, t->side, 3);
    t->added = graph_input(g, places, places, LATENT_NET_CHANNELS);
    node_t latent = graph_add(g, latent_net_encoder(g, t->image, &t->shape), t->added);
    t->mse = graph_mse(g, latent_net_decoder(g, latent, &t->shape), t->image);
    graph_add_loss(g, t->mse, 500.0f);
    if (graph_finish(g, err) < 0) {
        graph_destroy(g);
        return NULL;
    }
    return g;
}

static void begin(void *context, int64_t step)
{
    (void)context;
    (void)step;
}

static void fill(void *context, graph_t *graph, int64_t step, int first, int count)
{
    const trainer_t *t = context;
    size_t each = graph_count(graph, t->added) / (size_t)count;
    float *noise = graph_data(graph, t->added);
    crops_fill(t->crops, step, first, count, graph_data(graph, t->image));
    for (int n = 0; n < count; n++) {
        float *crop = noise + (size_t)n * each;
        rng_t rng;
        rng_seed(&rng, (uint64_t)options_int(t->options, "train.seed"),
                 NOISE_STREAM + (uint64_t)step * CROPS_BATCH_MAX + (uint64_t)(first + n));
        float deviation = (float)t->noise * rng_uniform(&rng);
        rng_normal(&rng, crop, each);
        for (size_t i = 0; i < each; i++) {
            crop[i] *= deviation;
        }
    }
}

static void describe(void *context, char *text, size_t size)
{
    trainer_t *t = context;
    double mse = graph_mean(workers_graph(t->workers), t->mse);
    snprintf(text, size, "PSNR of this batch %.2f dB", -10.0 * log10(mse));
}

static int validate(void *context, const char *path, bool final, char *text, size_t size,
                    err_t *err)
{
    trainer_t *t = context;
    latent_figures_t figures;
    (void) final;
    latent_t *latent = latent_open(path, err);
    int status = latent == NULL ? -1 : latent_figures(latent, t->test, 0.0, false, &figures, err);
    if (status == 0) {
        latent_figures_text(&figures, latent_channels(latent), text, size);
    }
    latent_close(latent);
    return status;
}

static int prepare(trainer_t *t, int batch, err_t *err)
{
    const char *test = options_string(t->options, "data.test");
    crops_options_t data = {.spec = options_string(t->options, "data.train"),
                            .side = t->side,
                            .flip = options_bool(t->options, "data.flip"),
                            .seed = (uint64_t)options_int(t->options, "train.seed")};
    if (t->side % LATENT_NET_STRIDE != 0) {
        return err_set(err, ERR_ARGUMENT, "latent.crop = %d is no multiple of %d", t->side,
                       LATENT_NET_STRIDE);
    }
    t->crops = crops_create(&data, err);
    if (t->crops == NULL) {
        return -1;
    }
    if (test[0] != '\0' && (t->test = dataset_open(test, err)) == NULL) {
        return -1;
    }
    t->params = params_create(data.seed, err);
    if (t->params == NULL) {
        return -1;
    }
    t->workers = workers_create((int)options_int(t->options, "train.workers"), batch, t->params,
                                build, fill, t, err);
    return t->workers == NULL ? -1 : 0;
}

int latent_trainer_command(const options_t *options, err_t *err)
{
    int batch = (int)options_int(options, "train.batch");
    trainer_t t = {.options = options,
                   .shape = {(int)options_int(options, "latent.width"),
                             (int)options_int(options, "latent.encoder_blocks"),
                             (int)options_int(options, "latent.decoder_blocks")},
                   .side = (int)options_int(options, "latent.crop"),
                   .noise = options_real(options, "latent.noise")};
    int status = prepare(&t, batch, err);
    if (status == 0) {
        int64_t photos = (int64_t)crops_photos(t.crops);
        train_task_t task = {.kind = "latent",
                             .context = &t,
                             .params = t.params,
                             .workers = t.workers,
                             .steps_per_epoch = photos > batch ? photos / batch : 1,
                             .begin = begin,
                             .describe = describe,
                             .validate = t.test != NULL ? validate : NULL,
                             .keys = {"latent", "width", "encoder_blocks", "decoder_blocks"},
                             .values = {"blocks8", options_text(options, "latent.width"),
                                        options_text(options, "latent.encoder_blocks"),
                                        options_text(options, "latent.decoder_blocks")},
                             .notes = 4};
        status = train_run(options, &task, err);
    }
    workers_destroy(t.workers);
    params_destroy(t.params);
    crops_destroy(t.crops);
    dataset_close(t.test);
    return status;
}

int latent_figures_command(const options_t *options, err_t *err)
{
    latent_figures_t figures;
    char text[1024];
    latent_t *latent = latent_open(options_string(options, "latent-figures.weights"), err);
    dataset_t *set =
        latent == NULL ? NULL : dataset_open(options_string(options, "data.test"), err);
    double noise = options_real(options, "latent-figures.noise");
    int status = set == NULL ? -1 : latent_figures(latent, set, noise, true, &figures, err);
    if (status == 0) {
        latent_figures_text(&figures, latent_channels(latent), text, sizeof(text));
        printf("%s, noise %g on latents: %s\n", dataset_name(set), noise, text);
    }
    dataset_close(set);
    latent_close(latent);
    return status;
}
