/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_shape: layers that only move numbers: concat, slice, space-to-depth and
 * back, flatten.  Each backward is the same move the other way.
 */
#include "nn/op.h"

typedef struct {
    size_t first; /* slice */
} slice_state_t;

typedef struct {
    size_t r;
} pack_state_t;

/* Copies `width` channels of every row between tensors of different channel counts. */
static void copy_channels(const float *restrict from, size_t from_stride, float *restrict to,
                          size_t to_stride, size_t rows, size_t width)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        memcpy(to + r * to_stride, from + r * from_stride, width * sizeof(float));
    }
}

/* ---- concat --------------------------------------------------------------- */

static void concat_forward(graph_t *graph, op_node_t *node)
{
    size_t at = 0;
    (void)graph;
    for (int k = 0; k < node->inputs; k++) {
        size_t width = zu(node->input[k]->shape.c);
        copy_channels(node->input[k]->data, width, node->data + at, zu(node->shape.c),
                      node_rows(node), width);
        at += width;
    }
}

static void concat_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    size_t at = 0;
    (void)graph;
    for (int k = 0; k < node->inputs; k++) {
        size_t width = zu(node->input[k]->shape.c);
        if (dx[k]) {
            copy_channels(node->grad + at, zu(node->shape.c), dx[k], width, node_rows(node), width);
        }
        at += width;
    }
}

static const op_t concat_op = {.kind = "concat", .forward = concat_forward,
                               .backward = concat_backward};

node_t graph_concat(graph_t *graph, const node_t *in, int count)
{
    op_node_t *from[OP_INPUTS_MAX];
    if (count < 1 || count > OP_INPUTS_MAX) {
        return graph_fail(graph, ERR_ARGUMENT, "concat of %d nodes", count);
    }
    int channels = 0;
    for (int k = 0; k < count; k++) {
        from[k] = graph_node(graph, in[k]);
        if (!from[k]) {
            return NODE_NONE;
        }
        if (from[k]->shape.h != from[0]->shape.h || from[k]->shape.w != from[0]->shape.w) {
            return graph_fail(graph, ERR_ARGUMENT, "concat of %dx%d and %dx%d", from[0]->shape.h,
                              from[0]->shape.w, from[k]->shape.h, from[k]->shape.w);
        }
        channels += from[k]->shape.c;
    }
    graph_shape_t shape = from[0]->shape;
    shape.c = channels;
    op_node_t *node = graph_append(graph, &concat_op, NULL, from, count, shape, 0);
    return node ? node->index : NODE_NONE;
}

/* ---- slice ---------------------------------------------------------------- */

static void slice_forward(graph_t *graph, op_node_t *node)
{
    const slice_state_t *state = node->state;
    size_t width = zu(node->shape.c);
    (void)graph;
    copy_channels(node->input[0]->data + state->first, zu(node->input[0]->shape.c), node->data,
                  width, node_rows(node), width);
}

static void slice_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const slice_state_t *state = node->state;
    size_t width = zu(node->shape.c);
    (void)graph;
    if (dx[0]) {
        memset(dx[0], 0, node->input[0]->count * sizeof(float));
        copy_channels(node->grad, width, dx[0] + state->first, zu(node->input[0]->shape.c),
                      node_rows(node), width);
    }
}

static const op_t slice_op = {.kind = "slice", .forward = slice_forward,
                              .backward = slice_backward};

node_t graph_slice(graph_t *graph, node_t in, int first, int count)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    if (first < 0 || count < 1 || first > from->shape.c - count) {
        return graph_fail(graph, ERR_ARGUMENT, "slice of channels %d..%d of %d", first,
                          first + count, from->shape.c);
    }
    graph_shape_t shape = from->shape;
    shape.c = count;
    op_node_t *node = graph_append(graph, &slice_op, NULL, &from, 1, shape, sizeof(slice_state_t));
    if (!node) {
        return NODE_NONE;
    }
    ((slice_state_t *)node->state)->first = zu(first);
    return node->index;
}

/* ---- space to depth ------------------------------------------------------- */

/*
 * One row of packed pixels <-> r rows of plain pixels.  For r = 2 the four
 * targets are spelt out, which the compiler turns into vector shuffles.
 */
static void pack_pixel(const float *restrict plain, size_t row_stride, size_t channels, size_t r,
                       float *restrict packed)
{
    for (size_t dy = 0; dy < r; dy++) {
        for (size_t dx = 0; dx < r; dx++) {
            const float *restrict from = plain + dy * row_stride + dx * channels;
            float *restrict to = packed + dy * r + dx;
            for (size_t c = 0; c < channels; c++) {
                to[c * r * r] = from[c];
            }
        }
    }
}

static void unpack_pixel(const float *restrict packed, size_t row_stride, size_t channels, size_t r,
                         float *restrict plain)
{
    if (r == 2) {
        float *restrict a = plain, *restrict b = plain + channels;
        float *restrict e = plain + row_stride, *restrict f = plain + row_stride + channels;
        for (size_t c = 0; c < channels; c++) {
            a[c] = packed[4 * c];
            b[c] = packed[4 * c + 1];
            e[c] = packed[4 * c + 2];
            f[c] = packed[4 * c + 3];
        }
        return;
    }
    for (size_t dy = 0; dy < r; dy++) {
        for (size_t dx = 0; dx < r; dx++) {
            const float *restrict from = packed + dy * r + dx;
            float *restrict to = plain + dy * row_stride + dx * channels;
            for (size_t c = 0; c < channels; c++) {
                to[c] = from[c * r * r];
            }
        }
    }
}

static void pack2_pixel(const float *restrict plain, size_t row_stride, size_t channels,
                        float *restrict packed)
{
    const float *restrict a = plain, *restrict b = plain + channels;
    const float *restrict e = plain + row_stride, *restrict f = plain + row_stride + channels;
    for (size_t c = 0; c < channels; c++) {
        packed[4 * c] = a[c];
        packed[4 * c + 1] = b[c];
        packed[4 * c + 2] = e[c];
        packed[4 * c + 3] = f[c];
    }
}

/* `packed` is [n][h][w][c*r*r], `plain` [n][h*r][w*r][c]. */
static void pack_all(float *packed, float *plain, graph_shape_t shape, size_t r, bool pack)
{
    size_t rows = zu(shape.n) * zu(shape.h), w = zu(shape.w), all = zu(shape.c);
    size_t channels = all / (r * r), row_stride = w * r * channels;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < rows; row++) {
        for (size_t x = 0; x < w; x++) {
            float *there = plain + row * r * row_stride + x * r * channels;
            float *here = packed + (row * w + x) * all;
            if (!pack) {
                unpack_pixel(here, row_stride, channels, r, there);
            } else if (r == 2) {
                pack2_pixel(there, row_stride, channels, here);
            } else {
                pack_pixel(there, row_stride, channels, r, here);
            }
        }
    }
}

static void to_depth_forward(graph_t *graph, op_node_t *node)
{
    (void)graph;
    pack_all(node->data, node->input[0]->data, node->shape, ((pack_state_t *)node->state)->r, true);
}

static void to_depth_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    (void)graph;
    if (dx[0]) {
        pack_all(node->grad, dx[0], node->shape, ((pack_state_t *)node->state)->r, false);
    }
}

static void to_space_forward(graph_t *graph, op_node_t *node)
{
    (void)graph;
    pack_all(node->input[0]->data, node->data, node->input[0]->shape,
             ((pack_state_t *)node->state)->r, false);
}

static void to_space_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    (void)graph;
    if (dx[0]) {
        pack_all(dx[0], node->grad, node->input[0]->shape, ((pack_state_t *)node->state)->r, true);
    }
}

static const op_t to_depth_op = {.kind = "space_to_depth", .forward = to_depth_forward,
                                 .backward = to_depth_backward};
static const op_t to_space_op = {.kind = "depth_to_space", .forward = to_space_forward,
                                 .backward = to_space_backward};

static node_t pack_node(graph_t *graph, op_node_t *from, const op_t *op, graph_shape_t shape, int r)
{
    op_node_t *node = graph_append(graph, op, NULL, &from, 1, shape, sizeof(pack_state_t));
    if (!node) {
        return NODE_NONE;
    }
    ((pack_state_t *)node->state)->r = zu(r);
    return node->index;
}

node_t graph_space_to_depth(graph_t *graph, node_t in, int r)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    graph_shape_t s = from->shape;
    if (r < 1 || r > 64 || s.h % r || s.w % r) {
        return graph_fail(graph, ERR_ARGUMENT, "space_to_depth: %d does not divide %dx%d", r, s.h,
                          s.w);
    }
    return pack_node(graph, from, &to_depth_op,
                     (graph_shape_t){s.n, s.h / r, s.w / r, s.c * r * r}, r);
}

node_t graph_depth_to_space(graph_t *graph, node_t in, int r)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    graph_shape_t s = from->shape;
    if (r < 1 || r > 64 || s.c % (r * r)) {
        return graph_fail(graph, ERR_ARGUMENT, "depth_to_space: %d squared does not divide %d", r,
                          s.c);
    }
    return pack_node(graph, from, &to_space_op,
                     (graph_shape_t){s.n, s.h * r, s.w * r, s.c / (r * r)}, r);
}

/* ---- flatten -------------------------------------------------------------- */

static void transpose(const float *restrict from, float *restrict to, size_t samples, size_t rows,
                      size_t columns)
{
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        size_t base = n * rows * columns;
        for (size_t r = 0; r < rows; r++) {
            for (size_t c = 0; c < columns; c++) {
                to[base + c * rows + r] = from[base + r * columns + c];
            }
        }
    }
}

static void flatten_forward(graph_t *graph, op_node_t *node)
{
    const op_node_t *in = node->input[0];
    (void)graph;
    transpose(in->data, node->data, zu(in->shape.n), node_pixels(in), zu(in->shape.c));
}

static void flatten_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const op_node_t *in = node->input[0];
    (void)graph;
    if (dx[0]) {
        transpose(node->grad, dx[0], zu(in->shape.n), zu(in->shape.c), node_pixels(in));
    }
}

static const op_t flatten_op = {.kind = "flatten", .forward = flatten_forward,
                                .backward = flatten_backward};

node_t graph_flatten(graph_t *graph, node_t in)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    graph_shape_t s = from->shape;
    op_node_t *node = graph_append(graph, &flatten_op, NULL, &from, 1,
                                   (graph_shape_t){s.n, 1, 1, s.c * s.h * s.w}, 0);
    return node ? node->index : NODE_NONE;
}
