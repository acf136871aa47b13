/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent codec's twin in PyTorch (semantic/torch/agent.py) against the engine: a training step
   there and here, and weights that PyTorch made, used by the codec. */
#include "check.h"
#include "codec/agent.h"
#include "codec/agent_codes.h"
#include "codec/codec.h"
#include "nn/codebook.h"
#include "rng.h"
#include "safetensors.h"

#include <stdlib.h>
#include <unistd.h>

#define PYTHON "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" SEMRADIO_SOURCE_DIR " /usr/bin/python3 "

enum {
    BATCH = 2,
    SIDE = 24,
    ENTRIES = 64,
    PIXELS = BATCH * SIDE * SIDE * 3,
    PLACES = SIDE * SIDE / 16
};

static char folder[] = "/tmp/semradio-torch-agent-XXXXXX";
static const agent_shape_t shape = {
    .width = 12, .encoder_blocks = 2, .decoder_blocks = 1, .code_size = 6};
static float picture[PIXELS];

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

typedef struct {
    safetensors_tensor_t tensor[ENTRIES];
    char name[ENTRIES][PARAM_NAME_MAX + 16];
    int count;
} case_t;

static void put(case_t *c, const char *prefix, const char *name, const float *data, int rank,
                const int *sides)
{
    safetensors_tensor_t *tensor = &c->tensor[c->count];
    CU_ASSERT_FATAL(c->count < ENTRIES && data != NULL);
    snprintf(c->name[c->count], sizeof(c->name[0]), "%s%s", prefix, name);
    *tensor = (safetensors_tensor_t){.name = c->name[c->count], .rank = rank, .count = 1};
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = sides[i];
        tensor->count *= (size_t)sides[i];
    }
    tensor->data = data;
    c->count++;
}

static void shake(params_t *params)
{
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (int i = 0; i < params_count(params); i++) {
        param_t *param = params_at(params, i);
        for (size_t k = 0; k < param->count && (param->flags & PARAM_BUFFER) == 0; k++) {
            param->value[k] += 0.2f * (rng_uniform(&rng) - 0.5f);
        }
    }
    params_changed(params);
}

static void save_weights(const params_t *params)
{
    static const char *const keys[] = {"codec", "width", "encoder_blocks", "decoder_blocks",
                                       "code_size"};
    static const char *const values[] = {"agent", "12", "2", "1", "6"};
    err_t err = ERR_INIT;
    CHECK_INT(params_save(params, in_folder("weights.safetensors"), "", keys, values, 5, &err), 0);
}

/* The first batch seeds the codebook; the second is the step that both do. */
static void write_step(void)
{
    static case_t c;
    err_t err = ERR_INIT;
    const int channels = AGENT_CHANNELS, one = 1;
    params_t *params = params_create(5, &err);
    graph_t *g = graph_create(params, GRAPH_TRAIN, BATCH, 1, &err);
    node_t image = graph_input(g, SIDE, SIDE, 3);
    node_t latent = agent_net_encoder(g, image, &shape);
    node_t codes = graph_codebook(g, latent, AGENT_CODES_NAME, AGENT_CODES);
    node_t result = agent_net_decoder(g, codes, &shape);
    graph_add_loss(g, graph_mse(g, result, image), 16.0f);
    graph_add_loss(g, graph_mse(g, latent, graph_detach(g, codes)), 1.0f);
    CHECK_INT(graph_finish(g, &err), 0);
    params_add(params, AGENT_POWER_NAME, 1, &channels, PARAM_BUFFER, PARAM_INIT_CONSTANT, 1.0f,
               &err);
    shake(params);
    memcpy(graph_data(g, image), picture, sizeof(picture));
    graph_forward(g);
    save_weights(params);
    params_zero_gradients(params);
    graph_forward(g);
    graph_backward(g);
    float loss = (float)graph_total_loss(g);
    const int sides[4] = {BATCH, SIDE, SIDE, 3};
    put(&c, "", "image", picture, 4, sides);
    put(&c, "", "picture", graph_data(g, result), 4, sides);
    put(&c, "", "loss", &loss, 1, &one);
    const param_t *codebook = params_find(params, "codes.codebook"),
                  *usage = params_find(params, "codes.usage");
    put(&c, "", "codebook", codebook->value, 2, codebook->shape);
    put(&c, "", "usage", usage->value, 1, usage->shape);
    for (int i = 0; i < params_count(params); i++) {
        const param_t *param = params_at(params, i);
        if (param->grad != NULL) {
            put(&c, "gradient.", param->name, param->grad, param->rank, param->shape);
        }
    }
    CHECK_INT(safetensors_write(in_folder("step.case"), c.tensor, c.count, NULL, NULL, 0, &err), 0);
    graph_destroy(g);
    params_destroy(params);
}

static void test_step(void)
{
    char command[1024];
    snprintf(command, sizeof(command),
             PYTHON SEMRADIO_SOURCE_DIR "/tests/semantic/torch_agent.py %s >&2", folder);
    write_step();
    CHECK_INT(system(command), 0);
}

static void test_codec(void)
{
    err_t err = ERR_INIT;
    static uint8_t rgb[SIDE * SIDE * 3], got[SIDE * SIDE * 3];
    static float codes[PLACES], want[SIDE * SIDE * 3];
    uint16_t code[PLACES];
    codec_t *codec = codec_open(in_folder("python.safetensors"), &err);
    safetensors_t *file = safetensors_open(in_folder("python.case"), &err);
    CU_ASSERT_FATAL(codec != NULL && file != NULL);
    for (int i = 0; i < safetensors_count(file); i++) {
        const safetensors_tensor_t *tensor = safetensors_at(file, i);
        safetensors_to_float(tensor, strcmp(tensor->name, "codes") == 0 ? codes : want);
    }
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        rgb[i] = (uint8_t)lrintf(255.0f * picture[i]);
    }
    CHECK_INT(agent_encode(codec, rgb, SIDE, SIDE, code, &err), 0);
    CHECK_INT(agent_decode(codec, code, SIDE, SIDE, got, &err), 0);
    int other = 0, far = 0;
    for (int i = 0; i < PLACES; i++) {
        other += code[i] != (int)codes[i];
    }
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        float value = want[i] < 0.0f ? 0.0f : want[i] > 1.0f ? 1.0f : want[i];
        far += fabsf((float)got[i] - 255.0f * value) > 1.0f;
    }
    CHECK_INT(other, 0);
    CHECK_INT(far, 0);
    safetensors_close(file);
    codec_close(codec);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"a training step is PyTorch's: picture, loss, gradients, codebook", test_step},
        {"PyTorch's weights give PyTorch's codes and picture", test_codec},
    };
    if (system("/usr/bin/python3 -c 'import torch, numpy' 2>/dev/null") != 0) {
        printf("skipped: /usr/bin/python3 has no torch\n");
        return CHECK_SKIP;
    }
    for (int i = 0; i < PIXELS; i++) {
        picture[i] = 0.5f + 0.4f * sinf((float)(i % 97) * (float)(i % 61));
    }
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int status = check_run("torch_agent", tests, CHECK_COUNT(tests));
    char command[512];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 ? 1 : status;
}
