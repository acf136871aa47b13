/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_nn_side: what the files of `bench nn` share.  A job is a piece of work;
 * a side does it.  Ours are below; PyTorch's is in bench_nn_peer.h.
 */
#ifndef BENCH_BENCH_NN_SIDE_H
#define BENCH_BENCH_NN_SIDE_H

#include "nn/graph.h"

#include <complex.h>
#include <stdint.h>

typedef enum { NN_ENCODE, NN_DECODE, NN_TRAIN } nn_task_t;

/* k/n = 1/6 for both networks: 8 complex symbols at every 4x4 pixels. */
enum { NN_RATE = 2, NN_CHANNELS = 8, NN_STRIDE = 4 };

/* Noise variance of what is decoded and of the training. */
#define NN_N0 0.1f

typedef struct {
    const char *network; /* "image32", "small" */
    nn_task_t task;
    int side, images, threads; /* pictures are side x side, `images` at once */
    int repeat;                /* times in one pass */
    bool bf16, peer_bf16;      /* ours, PyTorch's convolutions multiply bfloat16 */
} nn_job_t;

/* The same for both sides. */
typedef struct {
    uint8_t *pictures;       /* [images][side][side][3] */
    float complex *received; /* [images][symbols], normal, E|x|^2 = 1 */
    size_t symbols;          /* of one picture */
    char weights[256];       /* safetensors: set or written by `create` */
    const char *folder;      /* for that */
} nn_data_t;

typedef struct {
    void *(*create)(const nn_job_t *job, nn_data_t *data, err_t *err);
    void (*destroy)(void *work); /* NULL is fine */
    void (*run)(void *work);     /* once */
    /* Of the last run: symbols (re, im), or bytes; of a training the first step's loss. */
    void (*output)(void *work, float *out);
} nn_side_t;

extern const nn_side_t nn_image32, nn_small, nn_training;

/* Pictures and received symbols for a job, the same at every run; `folder` by reference. */
int nn_data_make(nn_data_t *data, const nn_job_t *job, const char *folder, err_t *err);
void nn_data_free(nn_data_t *data);
/* As safetensors "pictures" [images][side][side][3] and "received" [images][symbols][2]. */
int nn_data_write(const nn_data_t *data, const nn_job_t *job, const char *path, err_t *err);

/* Does this CPU have what makes bfloat16 worth it? */
bool nn_has_bf16(void);

/* How many floats `output` gives. */
size_t nn_outputs(const nn_job_t *job, const nn_data_t *data);

/* The small codec's layers; pictures [side][side][3] <-> [side/4][side/4][2*NN_CHANNELS]. */
node_t nn_small_encoder(graph_t *graph, node_t picture);
node_t nn_small_decoder(graph_t *graph, node_t received);
/* Once a graph has made its tensors: what the transposed convolutions do not have becomes 0, and
   the weights file is written. */
int nn_small_write(params_t *params, const char *path, err_t *err);

#endif
