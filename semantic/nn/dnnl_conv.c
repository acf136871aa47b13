/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnnl_conv: oneDNN 2.6's C API.  Activations are fixed to NHWC, weights are
 * left to the library's choice ("any") for each of the three directions and
 * reordered from and to OIHW.  Forward and backward may choose different
 * layouts, hence two packed copies.
 *
 * bfloat16: activations and incoming gradients are rounded into buffers of the
 * convolution's own, weights by the reorder that packs them; outputs are fp32.
 *
 * Scratch memory is the caller's (scratchpad_mode_user): with the library's
 * own, creating in one thread and running in another crashed.
 */
#include "nn/dnnl_conv.h"

#include <assert.h>
#include <dnnl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct backend {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    size_t scratch_size;
    void *scratch;
};

/* One primitive with its arguments, ready to run. */
typedef struct {
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t desc;
    dnnl_memory_t scratch; /* in the backend's scratchpad; NULL if it needs none */
    dnnl_exec_arg_t arg[6];
    int args;
} call_t;

struct conv {
    backend_t *backend;
    conv_shape_t shape;
    call_t forward, input, weight;         /* the three directions */
    call_t pack_forward, pack_input;       /* OIHW -> the library's layouts */
    call_t unpack;                         /* weight gradient -> OIHW */
    dnnl_memory_t in, out, bias;           /* the caller's memory */
    dnnl_memory_t d_in, d_out, d_bias;     /* d_bias ours, the rest the caller's */
    dnnl_memory_t plain, d_plain;          /* OIHW: the caller's, ours */
    dnnl_memory_t packed, packed_input, d_packed;
    void *owned[8];
    int owned_count;
    uint16_t *in_half, *d_out_half; /* bf16 copies, ours; NULL in fp32 */
    const float *in_full;           /* what in_half is rounded from */
};

static void must(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success) {
        fprintf(stderr, "semradio: oneDNN: %s failed with status %d\n", what, (int)status);
        abort();
    }
}

static int tried(dnnl_status_t status, const char *what, err_t *err)
{
    return status == dnnl_success
               ? 0
               : err_set(err, ERR_UNSUPPORTED, "oneDNN: %s failed with status %d", what,
                         (int)status);
}

/* ---- backend -------------------------------------------------------------- */

backend_t *backend_create(err_t *err)
{
    backend_t *backend = calloc(1, sizeof *backend);
    if (!backend) {
        err_set(err, ERR_MEMORY, "no memory for the convolution engine");
        return NULL;
    }
    if (tried(dnnl_engine_create(&backend->engine, dnnl_cpu, 0), "making an engine", err) < 0 ||
        tried(dnnl_stream_create(&backend->stream, backend->engine, dnnl_stream_default_flags),
              "making a stream", err) < 0) {
        backend_destroy(backend);
        return NULL;
    }
    return backend;
}

void backend_destroy(backend_t *backend)
{
    if (!backend) {
        return;
    }
    if (backend->stream) {
        dnnl_stream_destroy(backend->stream);
    }
    if (backend->engine) {
        dnnl_engine_destroy(backend->engine);
    }
    free(backend->scratch);
    free(backend);
}

int backend_finish(backend_t *backend, err_t *err)
{
    size_t size = (backend->scratch_size + 63) / 64 * 64;
    backend->scratch = size ? aligned_alloc(64, size) : NULL;
    if (size && !backend->scratch) {
        return err_set(err, ERR_MEMORY, "no memory for %zu bytes of scratch", size);
    }
    return 0;
}

/* ---- calls ---------------------------------------------------------------- */

static void call_add(call_t *call, int which, dnnl_memory_t memory)
{
    assert(call->args < (int)(sizeof call->arg / sizeof call->arg[0]));
    call->arg[call->args].arg = which;
    call->arg[call->args++].memory = memory;
}

static void call_destroy(call_t *call)
{
    if (call->primitive) {
        dnnl_primitive_destroy(call->primitive);
    }
    if (call->desc) {
        dnnl_primitive_desc_destroy(call->desc);
    }
    if (call->scratch) {
        dnnl_memory_destroy(call->scratch);
    }
}

static const dnnl_memory_desc_t *call_query(const call_t *call, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(call->desc, what, 0);
}

/* Takes call->desc; refuses a reference implementation. */
static int call_finish(backend_t *backend, call_t *call, const char *what, bool any, err_t *err)
{
    const char *name = "";
    dnnl_primitive_desc_query(call->desc, dnnl_query_impl_info_str, 0, &name);
    if (!any && strncmp(name, "ref", 3) == 0) {
        return err_set(err, ERR_UNSUPPORTED, "oneDNN has only the slow %s for %s", name, what);
    }
    if (tried(dnnl_primitive_create(&call->primitive, call->desc), what, err) < 0) {
        return -1;
    }
    const dnnl_memory_desc_t *scratch = call_query(call, dnnl_query_scratchpad_md);
    size_t size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    backend->scratch_size = size > backend->scratch_size ? size : backend->scratch_size;
    if (size > 0) {
        if (tried(dnnl_memory_create(&call->scratch, scratch, backend->engine, DNNL_MEMORY_NONE),
                  "describing scratch", err) < 0) {
            return -1;
        }
        call_add(call, DNNL_ARG_SCRATCHPAD, call->scratch);
    }
    return 0;
}

static int memory_at(conv_t *conv, dnnl_memory_t *memory, const dnnl_memory_desc_t *desc,
                     void *at, err_t *err)
{
    return tried(dnnl_memory_create(memory, desc, conv->backend->engine, at),
                 "describing memory", err);
}

static size_t count_of(int n, int h, int w, int c)
{
    return (size_t)n * (size_t)h * (size_t)w * (size_t)c;
}

/* Zeroed, aligned, freed with the convolution; NULL on failure. */
static void *own(conv_t *conv, size_t bytes)
{
    size_t size = (bytes + 63) / 64 * 64;
    void *at = aligned_alloc(64, size ? size : 64);
    if (at) {
        memset(at, 0, size);
        assert(conv->owned_count < (int)(sizeof conv->owned / sizeof conv->owned[0]));
        conv->owned[conv->owned_count++] = at;
    }
    return at;
}

static int memory_owned(conv_t *conv, dnnl_memory_t *memory, const dnnl_memory_desc_t *desc,
                        err_t *err)
{
    size_t size = dnnl_memory_desc_get_size(desc);
    void *at = own(conv, size);
    if (!at) {
        return err_set(err, ERR_MEMORY, "no memory for weights of %zu bytes", size);
    }
    return memory_at(conv, memory, desc, at, err);
}

/* ---- building ------------------------------------------------------------- */

typedef struct {
    dnnl_memory_desc_t in, out, weight, plain, bias; /* forward's types */
    dnnl_memory_desc_t d_in, d_out, d_weight;        /* backward's */
    dnnl_dims_t stride, pad_before, pad_after;
} layout_t;

static dnnl_dim_t pad_after(int in, int out, int kernel, int stride, int before)
{
    return (dnnl_dim_t)(out - 1) * stride + kernel - in - before;
}

static int describe(const conv_shape_t *s, layout_t *l, err_t *err)
{
    dnnl_dims_t in = {s->batch, s->in_c, s->in_h, s->in_w};
    dnnl_dims_t out = {s->batch, s->out_c, s->out_h, s->out_w};
    dnnl_dims_t weight = {s->out_c, s->in_c, s->kernel, s->kernel};
    dnnl_dims_t bias = {s->out_c};
    l->stride[0] = l->stride[1] = s->stride;
    l->pad_before[0] = l->pad_before[1] = s->padding;
    l->pad_after[0] = pad_after(s->in_h, s->out_h, s->kernel, s->stride, s->padding);
    l->pad_after[1] = pad_after(s->in_w, s->out_w, s->kernel, s->stride, s->padding);
    dnnl_data_type_t factor = s->bf16 ? dnnl_bf16 : dnnl_f32; /* of what is multiplied */
    const struct {
        dnnl_memory_desc_t *desc;
        int rank;
        const dnnl_dim_t *dims;
        dnnl_data_type_t type;
        dnnl_format_tag_t tag;
    } all[] = {{&l->in, 4, in, factor, dnnl_nhwc},
               {&l->out, 4, out, dnnl_f32, dnnl_nhwc},
               {&l->weight, 4, weight, factor, dnnl_format_tag_any},
               {&l->plain, 4, weight, dnnl_f32, dnnl_oihw},
               {&l->bias, 1, bias, dnnl_f32, dnnl_x},
               {&l->d_in, 4, in, dnnl_f32, dnnl_nhwc},
               {&l->d_out, 4, out, factor, dnnl_nhwc},
               {&l->d_weight, 4, weight, dnnl_f32, dnnl_format_tag_any}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (tried(dnnl_memory_desc_init_by_tag(all[i].desc, all[i].rank, all[i].dims, all[i].type,
                                               all[i].tag),
                  "describing a convolution", err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int describe_call(backend_t *backend, call_t *call, const_dnnl_op_desc_t op,
                         dnnl_primitive_desc_t hint, const char *what, err_t *err)
{
    dnnl_primitive_attr_t attr;
    if (tried(dnnl_primitive_attr_create(&attr), what, err) < 0) {
        return -1;
    }
    dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) {
        status = dnnl_primitive_desc_create(&call->desc, op, attr, backend->engine, hint);
    }
    dnnl_primitive_attr_destroy(attr);
    return tried(status, what, err) < 0 ? -1 : call_finish(backend, call, what, false, err);
}

/* Copies between two layouts of the weights. */
static int make_reorder(conv_t *conv, call_t *call, const dnnl_memory_desc_t *from_desc,
                        dnnl_memory_t from, const dnnl_memory_desc_t *to_desc, dnnl_memory_t to,
                        err_t *err)
{
    backend_t *b = conv->backend;
    dnnl_primitive_attr_t attr;
    if (tried(dnnl_primitive_attr_create(&attr), "reorder", err) < 0) {
        return -1;
    }
    dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) {
        status = dnnl_reorder_primitive_desc_create(&call->desc, from_desc, b->engine, to_desc,
                                                    b->engine, attr);
    }
    dnnl_primitive_attr_destroy(attr);
    if (tried(status, "reorder", err) < 0 || call_finish(b, call, "a reorder", true, err) < 0) {
        return -1;
    }
    call_add(call, DNNL_ARG_FROM, from);
    call_add(call, DNNL_ARG_TO, to);
    return 0;
}

static int make_forward(conv_t *conv, layout_t *l, err_t *err)
{
    const conv_shape_t *s = &conv->shape;
    dnnl_convolution_desc_t desc;
    dnnl_prop_kind_t kind = s->train_weight || s->train_input ? dnnl_forward_training
                                                              : dnnl_forward_inference;
    if (tried(dnnl_convolution_forward_desc_init(&desc, kind, dnnl_convolution_direct, &l->in,
                                                 &l->weight, s->bias ? &l->bias : NULL, &l->out,
                                                 l->stride, l->pad_before, l->pad_after),
              "describing a convolution", err) < 0 ||
        describe_call(conv->backend, &conv->forward, &desc, NULL, "a convolution forward", err) < 0) {
        return -1;
    }
    const dnnl_memory_desc_t *packed = call_query(&conv->forward, dnnl_query_weights_md);
    if (memory_owned(conv, &conv->packed, packed, err) < 0 ||
        memory_at(conv, &conv->in, &l->in, DNNL_MEMORY_NONE, err) < 0 ||
        memory_at(conv, &conv->out, &l->out, DNNL_MEMORY_NONE, err) < 0 ||
        memory_at(conv, &conv->plain, &l->plain, DNNL_MEMORY_NONE, err) < 0 ||
        memory_at(conv, &conv->bias, &l->bias, DNNL_MEMORY_NONE, err) < 0) {
        return -1;
    }
    call_add(&conv->forward, DNNL_ARG_SRC, conv->in);
    call_add(&conv->forward, DNNL_ARG_WEIGHTS, conv->packed);
    call_add(&conv->forward, DNNL_ARG_DST, conv->out);
    if (s->bias) {
        call_add(&conv->forward, DNNL_ARG_BIAS, conv->bias);
    }
    return make_reorder(conv, &conv->pack_forward, &l->plain, conv->plain, packed, conv->packed,
                        err);
}

static int make_backward_input(conv_t *conv, layout_t *l, err_t *err)
{
    dnnl_convolution_desc_t desc;
    call_t *call = &conv->input;
    if (tried(dnnl_convolution_backward_data_desc_init(&desc, dnnl_convolution_direct, &l->d_in,
                                                       &l->weight, &l->d_out, l->stride,
                                                       l->pad_before, l->pad_after),
              "describing a convolution's backward", err) < 0 ||
        describe_call(conv->backend, call, &desc, conv->forward.desc,
                      "a convolution's input gradient", err) < 0) {
        return -1;
    }
    const dnnl_memory_desc_t *packed = call_query(call, dnnl_query_weights_md);
    if (memory_owned(conv, &conv->packed_input, packed, err) < 0 ||
        memory_at(conv, &conv->d_in, &l->d_in, DNNL_MEMORY_NONE, err) < 0) {
        return -1;
    }
    call_add(call, DNNL_ARG_DIFF_SRC, conv->d_in);
    call_add(call, DNNL_ARG_WEIGHTS, conv->packed_input);
    call_add(call, DNNL_ARG_DIFF_DST, conv->d_out);
    return make_reorder(conv, &conv->pack_input, &l->plain, conv->plain, packed,
                        conv->packed_input, err);
}

static int make_backward_weight(conv_t *conv, layout_t *l, err_t *err)
{
    dnnl_convolution_desc_t desc;
    call_t *call = &conv->weight;
    const conv_shape_t *s = &conv->shape;
    if (tried(dnnl_convolution_backward_weights_desc_init(
                  &desc, dnnl_convolution_direct, &l->in, &l->d_weight,
                  s->bias ? &l->bias : NULL, &l->d_out, l->stride, l->pad_before, l->pad_after),
              "describing a convolution's backward", err) < 0 ||
        describe_call(conv->backend, call, &desc, conv->forward.desc,
                      "a convolution's weight gradient", err) < 0) {
        return -1;
    }
    const dnnl_memory_desc_t *packed = call_query(call, dnnl_query_diff_weights_md);
    if (memory_owned(conv, &conv->d_packed, packed, err) < 0 ||
        memory_owned(conv, &conv->d_plain, &l->plain, err) < 0 ||
        memory_owned(conv, &conv->d_bias, &l->bias, err) < 0) {
        return -1;
    }
    call_add(call, DNNL_ARG_SRC, conv->in);
    call_add(call, DNNL_ARG_DIFF_DST, conv->d_out);
    call_add(call, DNNL_ARG_DIFF_WEIGHTS, conv->d_packed);
    if (s->bias) {
        call_add(call, DNNL_ARG_DIFF_BIAS, conv->d_bias);
    }
    return make_reorder(conv, &conv->unpack, packed, conv->d_packed, &l->plain, conv->d_plain,
                        err);
}

/* Room for the rounded input, and while training for the rounded gradient. */
static int make_halves(conv_t *conv, err_t *err)
{
    const conv_shape_t *s = &conv->shape;
    size_t in = count_of(s->batch, s->in_h, s->in_w, s->in_c);
    size_t out = count_of(s->batch, s->out_h, s->out_w, s->out_c);
    bool trains = s->train_weight || s->train_input;
    conv->in_half = own(conv, in * sizeof(uint16_t));
    conv->d_out_half = trains ? own(conv, out * sizeof(uint16_t)) : NULL;
    return conv->in_half && (!trains || conv->d_out_half)
               ? 0
               : err_set(err, ERR_MEMORY, "no memory for bfloat16 activations");
}

conv_t *conv_create(backend_t *backend, const conv_shape_t *shape, err_t *err)
{
    layout_t layout;
    memset(&layout, 0, sizeof layout);
    conv_t *conv = calloc(1, sizeof *conv);
    if (!conv) {
        err_set(err, ERR_MEMORY, "no memory for a convolution");
        return NULL;
    }
    conv->backend = backend;
    conv->shape = *shape;
    bool trains = shape->train_weight || shape->train_input;
    if (describe(shape, &layout, err) < 0 || make_forward(conv, &layout, err) < 0 ||
        (trains && memory_at(conv, &conv->d_out, &layout.d_out, DNNL_MEMORY_NONE, err) < 0) ||
        (shape->train_input && make_backward_input(conv, &layout, err) < 0) ||
        (shape->train_weight && make_backward_weight(conv, &layout, err) < 0) ||
        (shape->bf16 && make_halves(conv, err) < 0)) {
        conv_destroy(conv);
        return NULL;
    }
    return conv;
}

void conv_destroy(conv_t *conv)
{
    if (!conv) {
        return;
    }
    call_t *calls[] = {&conv->forward,      &conv->input,      &conv->weight,
                       &conv->pack_forward, &conv->pack_input, &conv->unpack};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        call_destroy(calls[i]);
    }
    dnnl_memory_t memories[] = {conv->in,   conv->out,    conv->bias,  conv->d_in,
                                conv->d_out,  conv->d_bias, conv->plain,
                                conv->d_plain, conv->packed, conv->packed_input, conv->d_packed};
    for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++) {
        if (memories[i]) {
            dnnl_memory_destroy(memories[i]);
        }
    }
    for (int i = 0; i < conv->owned_count; i++) {
        free(conv->owned[i]);
    }
    free(conv);
}

/* ---- running -------------------------------------------------------------- */

static void point(dnnl_memory_t memory, const void *at)
{
    void *handle = NULL; /* the C API has no const; inputs are only read */
    memcpy(&handle, &at, sizeof handle);
    must(dnnl_memory_set_data_handle(memory, handle), "pointing at memory");
}

static void *address(dnnl_memory_t memory)
{
    void *at = NULL;
    must(dnnl_memory_get_data_handle(memory, &at), "asking for memory");
    return at;
}

void conv_bind(conv_t *conv, const float *in, float *out, const float *bias)
{
    conv->in_full = in;
    point(conv->in, conv->in_half ? (const void *)conv->in_half : in);
    point(conv->out, out);
    point(conv->bias, bias);
}

/* To the nearest bfloat16, ties to even.  (A NaN may become an infinity: training refuses both.) */
static void round_to_half(const float *restrict from, size_t count, uint16_t *restrict to)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &from[i], sizeof bits);
        to[i] = (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
    }
}

/* Points the primitives at the gradient that came in, rounded if need be. */
static void take_gradient(conv_t *conv, const float *d_out)
{
    const conv_shape_t *s = &conv->shape;
    if (!conv->d_out_half) {
        point(conv->d_out, d_out);
        return;
    }
    round_to_half(d_out, count_of(s->batch, s->out_h, s->out_w, s->out_c), conv->d_out_half);
    point(conv->d_out, conv->d_out_half);
}

/* The scratchpad has its address only after backend_finish, hence here and not at create. */
static void run(conv_t *conv, call_t *call, const char *what)
{
    if (call->scratch) {
        point(call->scratch, conv->backend->scratch);
    }
    must(dnnl_primitive_execute(call->primitive, conv->backend->stream, call->args, call->arg),
         what);
}

void conv_pack(conv_t *conv, const float *oihw)
{
    point(conv->plain, oihw);
    run(conv, &conv->pack_forward, "packing weights");
    if (conv->pack_input.primitive) {
        run(conv, &conv->pack_input, "packing weights");
    }
}

void conv_forward(conv_t *conv)
{
    const conv_shape_t *s = &conv->shape;
    if (conv->in_half) {
        round_to_half(conv->in_full, count_of(s->batch, s->in_h, s->in_w, s->in_c), conv->in_half);
    }
    run(conv, &conv->forward, "a convolution");
}

void conv_backward_input(conv_t *conv, const float *d_out, float *d_in)
{
    take_gradient(conv, d_out);
    point(conv->d_in, d_in);
    run(conv, &conv->input, "a convolution's input gradient");
}

static void add(float *restrict to, const float *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
    }
}

void conv_backward_weight(conv_t *conv, const float *d_out, float *d_oihw, float *d_bias)
{
    const conv_shape_t *s = &conv->shape;
    take_gradient(conv, d_out);
    run(conv, &conv->weight, "a convolution's weight gradient");
    run(conv, &conv->unpack, "unpacking weights");
    size_t taps = (size_t)s->kernel * (size_t)s->kernel;
    add(d_oihw, address(conv->d_plain), (size_t)s->out_c * (size_t)s->in_c * taps);
    if (d_bias) {
        add(d_bias, address(conv->d_bias), (size_t)s->out_c);
    }
}

void matrix_product(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k,
                    const float *a, const float *b, float beta, float *c)
{
    must(dnnl_sgemm(a_transposed ? 'T' : 'N', b_transposed ? 'T' : 'N', (dnnl_dim_t)m,
                    (dnnl_dim_t)n, (dnnl_dim_t)k, 1.0f, a, (dnnl_dim_t)(a_transposed ? m : k), b,
                    (dnnl_dim_t)(b_transposed ? k : n), beta, c, (dnnl_dim_t)n),
         "a matrix product");
}
