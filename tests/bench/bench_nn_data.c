/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both sides of a job of `bench nn` work on. */
#include "bench_nn_side.h"
#include "rng.h"
#include "safetensors.h"

#include <math.h>
#include <stdlib.h>

size_t nn_outputs(const nn_job_t *job, const nn_data_t *data)
{
    size_t images = (size_t)job->images, side = (size_t)job->side;
    return job->task == NN_TRAIN    ? 1
           : job->task == NN_ENCODE ? 2 * images * data->symbols
                                    : images * side * side * 3;
}

/* Smooth waves under a little noise. */
static void paint(uint8_t *rgb, int images, int side, rng_t *rng)
{
    for (int i = 0; i < images * side * side; i++) {
        int x = i % side, y = i / side % side, n = i / side / side;
        for (int c = 0; c < 3; c++) {
            double wave = sin(0.1 * x + n) + cos(0.07 * y + c);
            rgb[3 * i + c] = (uint8_t)(118.0 + 55.0 * wave + 10.0 * (double)rng_uniform(rng));
        }
    }
}

int nn_data_make(nn_data_t *data, const nn_job_t *job, const char *folder, err_t *err)
{
    size_t images = (size_t)job->images, places = (size_t)(job->side / NN_STRIDE);
    rng_t rng;
    rng_seed(&rng, 11, 0);
    data->folder = folder;
    data->symbols = NN_CHANNELS * places * places;
    data->pictures = malloc(images * (size_t)(job->side * job->side) * 3);
    data->received = malloc(images * data->symbols * sizeof(*data->received));
    if (data->pictures == NULL || data->received == NULL) {
        return err_set(err, ERR_MEMORY, "out of memory");
    }
    paint(data->pictures, job->images, job->side, &rng);
    rng_complex_normal(&rng, 1.0f, data->received, images * data->symbols);
    return 0;
}

int nn_data_write(const nn_data_t *data, const nn_job_t *job, const char *path, err_t *err)
{
    size_t bytes = (size_t)(job->images * job->side * job->side) * 3;
    float *pictures = malloc(bytes * sizeof(*pictures));
    if (pictures == NULL) {
        return err_set(err, ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < bytes; i++) {
        pictures[i] = (float)data->pictures[i];
    }
    size_t symbols = (size_t)job->images * data->symbols;
    safetensors_tensor_t tensors[2] = {{.name = "pictures",
                                        .rank = 4,
                                        .shape = {job->images, job->side, job->side, 3},
                                        .count = bytes,
                                        .data = pictures},
                                       {.name = "received",
                                        .rank = 3,
                                        .shape = {job->images, (int64_t)data->symbols, 2},
                                        .count = 2 * symbols,
                                        .data = data->received}};
    int status = safetensors_write(path, tensors, 2, NULL, NULL, 0, err);
    free(pictures);
    return status;
}

void nn_data_free(nn_data_t *data)
{
    free(data->pictures);
    free(data->received);
}
