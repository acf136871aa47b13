/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Algorithm 1 (KDL-DARTS) and, beside it, DARTS (Liu, Simonyan, Yang, 2018) on the same space: each
 * layer is a mixture over 1 .. 5 bottlenecks (eqs 12-14).  First order (eq. 21 with xi = 0), one
 * step:
 *
 *     alpha <- alpha - lr (dL_val / dalpha + penalty * beta)       eqs 19, 20
 *     theta <- optimiser(dL_train / dtheta)
 *
 *     KDL     L_train = kd |h - h^Tea|^2 / D + ce CE     L_val the same, on other pictures
 *     DARTS   L_train = L_val = ce CE, penalty 0
 *
 * beta (eq. 17) with |o| in units of the mean candidate of the whole space: the paper's unit is not
 * said, raw counts overflow exp and millions make all factors alike.  The choice is the largest
 * w (1 - beta) with w = softmax(alpha / T), the weights of eq. 13: alpha itself may be negative,
 * and then 1 - beta would favour the large.  DARTS takes the largest w.
 */
#include "train/task_trainer.h"

#include "train/task_data.h"
#include "train/task_options.h"
#include "train/train_run.h"
#include "train/whiten.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const options_t *options;
    task_shape_t shape;
    task_data_t train, search;
    params_t *params;
    graph_t *graph;
    int batch;
    bool kdl;
    int64_t steps;
    node_t picture, label, target;
    double beta[TASK_LAYERS_MAX][TASK_DEPTH_MAX];
    double search_loss;
} search_t;

static param_t *alpha_of(const search_t *s, int layer)
{
    char name[64];
    snprintf(name, sizeof(name), "layer.%d.mix.alpha", layer);
    return params_find(s->params, name);
}

static void fill_beta(search_t *s)
{
    double temperature = options_real(s->options, "task.beta_temperature"), mean = 0.0;
    int layers = s->shape.layers;
    for (int l = 0; l < layers; l++) {
        for (int k = 1; k <= TASK_DEPTH_MAX; k++) {
            mean += (double)task_net_candidate(s->shape.width[l], k) / (layers * TASK_DEPTH_MAX);
        }
    }
    for (int l = 0; l < layers; l++) {
        double sum = 0.0;
        for (int k = 1; k <= TASK_DEPTH_MAX; k++) {
            double size = (double)task_net_candidate(s->shape.width[l], k) / mean;
            sum += s->beta[l][k - 1] = exp(size / temperature);
        }
        for (int k = 0; k < TASK_DEPTH_MAX; k++) {
            s->beta[l][k] /= sum;
        }
    }
}

static int build(search_t *s, err_t *err)
{
    graph_t *g = s->graph = graph_create(s->params, GRAPH_TRAIN, s->batch, 1, err);
    if (g == NULL) {
        return -1;
    }
    graph_use_bf16(g, options_bool(s->options, "train.bf16"));
    s->picture = graph_input(g, TASK_SIDE, TASK_SIDE, 3);
    s->label = graph_input(g, 1, 1, 1);
    s->target = graph_input(g, 1, 1, s->shape.features);
    node_t h = task_net_search(g, s->picture, &s->shape,
                               (float)options_real(s->options, "task.alpha_temperature"));
    if (s->kdl) {
        graph_add_loss(g, graph_mse(g, h, s->target), (float)options_real(s->options, "task.kd"));
    }
    node_t logits = task_net_head(g, h, &s->shape);
    graph_add_loss(g, graph_cross_entropy(g, logits, s->label, 0.0f),
                   (float)options_real(s->options, "task.ce"));
    return graph_finish(g, err);
}

static double gradients(search_t *s, const task_data_t *data, int64_t step)
{
    batches_begin(data->batches, step);
    task_data_fill(data, s->graph, step, 0, s->batch, s->picture, s->label, s->target);
    params_zero_gradients(s->params);
    graph_forward(s->graph);
    graph_backward(s->graph);
    return graph_total_loss(s->graph);
}

static void move_alpha(search_t *s, int64_t step)
{
    const double floor_lr = 1e-4, decay = 1e-5;
    double peak = options_real(s->options, "task.alpha_lr");
    double phase = (double)step / (double)(s->steps > 1 ? s->steps - 1 : 1);
    double rate = floor_lr + 0.5 * (peak - floor_lr) * (1.0 + cos(M_PI * phase));
    double penalty = s->kdl ? options_real(s->options, "task.penalty") : 0.0;
    for (int l = 0; l < s->shape.layers; l++) {
        param_t *alpha = alpha_of(s, l);
        for (int k = 0; k < TASK_DEPTH_MAX; k++) {
            double slope =
                (double)alpha->grad[k] + penalty * s->beta[l][k] + decay * (double)alpha->value[k];
            if (isfinite(slope)) {
                alpha->value[k] -= (float)(rate * slope);
            }
        }
    }
}

/* Leaves the gradients of the weights alone: alpha has moved already. */
static double step(void *context, int64_t number)
{
    search_t *s = context;
    s->search_loss = gradients(s, &s->search, number);
    move_alpha(s, number);
    double loss = gradients(s, &s->train, number);
    for (int l = 0; l < s->shape.layers; l++) {
        memset(alpha_of(s, l)->grad, 0, TASK_DEPTH_MAX * sizeof(float));
    }
    return loss;
}

static void shares(const search_t *s, int layer, double w[TASK_DEPTH_MAX])
{
    double temperature = options_real(s->options, "task.alpha_temperature"), sum = 0.0;
    for (int k = 0; k < TASK_DEPTH_MAX; k++) {
        sum += w[k] = exp((double)alpha_of(s, layer)->value[k] / temperature);
    }
    for (int k = 0; k < TASK_DEPTH_MAX; k++) {
        w[k] /= sum;
    }
}

static int choice(const search_t *s, int layer)
{
    double w[TASK_DEPTH_MAX], best = -1.0;
    int chosen = 1;
    shares(s, layer, w);
    for (int k = 0; k < TASK_DEPTH_MAX; k++) {
        double metric = w[k] * (s->kdl ? 1.0 - s->beta[layer][k] : 1.0);
        if (metric > best) {
            best = metric;
            chosen = k + 1;
        }
    }
    return chosen;
}

static void describe(void *context, char *text, size_t size)
{
    search_t *s = context;
    size_t used = (size_t)snprintf(text, size, "search loss %.4f depths", s->search_loss);
    for (int l = 0; l < s->shape.layers; l++) {
        used += (size_t)snprintf(text + used, size - used, "%c%d", l > 0 ? ',' : ' ', choice(s, l));
    }
}

static void print_result(const search_t *s)
{
    size_t parameters = 0;
    printf("method %s seed %s\n", options_text(s->options, "task.method"),
           options_text(s->options, "train.seed"));
    for (int l = 0; l < s->shape.layers; l++) {
        double w[TASK_DEPTH_MAX];
        int depth = choice(s, l);
        shares(s, l, w);
        parameters += task_net_candidate(s->shape.width[l], depth);
        printf("layer %d: depth %d; w", l, depth);
        for (int k = 0; k < TASK_DEPTH_MAX; k++) {
            printf(" %.4f", w[k]);
        }
        printf("; beta");
        for (int k = 0; k < TASK_DEPTH_MAX; k++) {
            printf(" %.4f", s->beta[l][k]);
        }
        printf("\n");
    }
    printf("parameters of the chosen operations %zu; --task.depths=", parameters);
    for (int l = 0; l < s->shape.layers; l++) {
        printf("%s%d", l > 0 ? "," : "", choice(s, l));
    }
    printf("\n");
}

static int prepare(search_t *s, err_t *err)
{
    const char *cache = s->kdl ? options_string(s->options, "task.teacher") : "";
    const char *search_cache = s->kdl ? options_string(s->options, "task.search_teacher") : "";
    const char *spec = options_string(s->options, "task.search");
    if (spec[0] == '\0' || (s->kdl && (cache[0] == '\0' || search_cache[0] == '\0'))) {
        return err_set(err, ERR_ARGUMENT,
                       "task-search needs task.search, and with task.method = kdl "
                       "task.teacher and task.search_teacher");
    }
    if (task_options_shape(s->options, &s->shape, err) < 0 ||
        task_data_open(&s->train, s->options, options_string(s->options, "data.train"), cache,
                       err) < 0 ||
        task_data_open(&s->search, s->options, spec, search_cache, err) < 0) {
        return -1;
    }
    s->params = params_create((uint64_t)options_int(s->options, "train.seed"), err);
    if (s->params == NULL ||
        whiten_stem(s->params, s->train.batches, s->batch, s->shape.stem, err) < 0) {
        return -1;
    }
    fill_beta(s);
    int64_t epoch = batches_per_epoch(s->train.batches);
    s->steps = llround(options_real(s->options, "train.epochs") * (double)epoch);
    return build(s, err);
}

int task_search_command(const options_t *options, err_t *err)
{
    search_t s = {.options = options,
                  .batch = (int)options_int(options, "train.batch"),
                  .kdl = options_choice(options, "task.method") == TASK_METHOD_KDL};
    int status = prepare(&s, err);
    if (status == 0) {
        train_task_t task = {.kind = "task",
                             .context = &s,
                             .params = s.params,
                             .step = step,
                             .describe = describe,
                             .steps_per_epoch = batches_per_epoch(s.train.batches),
                             .keys = {"search", "widths"},
                             .values = {options_text(options, "task.method"),
                                        options_string(options, "task.widths")},
                             .notes = 2};
        status = train_run(options, &task, err);
    }
    if (status == 0) {
        print_result(&s);
    }
    graph_destroy(s.graph);
    params_destroy(s.params);
    task_data_close(&s.train);
    task_data_close(&s.search);
    return status;
}
