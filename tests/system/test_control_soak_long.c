/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Twenty swaps a second for minutes, while transmitter, receiver and hub are killed at random and
 * one in twenty control messages between the hub and the daemons is lost, one in twenty late.
 *
 *     system_test_control_soak_long [SECONDS] [KEY=VALUE ...]
 *
 *     rate_hz=1e6       of the emulated air, in real time
 *     frames_per_s=25
 *     images=4          to a frame
 *     swaps_per_s=20
 *     lost=0.05         share of the control messages that never arrive
 *     late=0.05         share that is up to 0.3 s late
 *     kill_s=6          mean time between two kills (0: none)
 *     resume_s=0        fails when reception resumes later than this after a restart (0: no limit)
 *     seed=5
 *     codec=FILE        weights; without, a small codec is trained at the start
 *
 * docs/CONTROL.md has the ten minutes at 7.68 MS/s.
 */
#include "adapter/tags.h"
#include "control/subscriber.h"
#include "control_daemons.h"
#include "safetensors.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ADAPTERS = 12, HELD_BACK = 512 };

static double soak_s = 90;
static struct {
    const char *name;
    double value;
} settings[] = {{"rate_hz", 1e6},    {"frames_per_s", 25}, {"images", 4},
                {"swaps_per_s", 20}, {"lost", 0.05},       {"late", 0.05},
                {"kill_s", 6},       {"resume_s", 0},      {"seed", 5}};
enum { RATE, FRAMES_PER_S, IMAGES, SWAPS_PER_S, LOST, LATE, KILL_S, RESUME_S, SEED, SETTINGS };

static const char *own_codec; /* NULL: the small one */

static double setting(int which)
{
    return settings[which].value;
}

static digest_t ids[ADAPTERS];
static rng_t rng;

static const char *codec_path(void)
{
    return own_codec != NULL ? own_codec : in_work("codec");
}

enum { MOST = 128, LORA_RANK = 2 };

/* Matrices for every layer of the codec's file; how many arrays. */
static int make_pairs(const safetensors_t *file, uint64_t seed, adapter_array_t *arrays)
{
    static char names[2 * MOST][128];
    rng_t source;
    int count = 0;
    rng_seed(&source, seed, 3);
    for (int i = 0; i < safetensors_count(file) && count < 2 * MOST; i++) {
        const safetensors_tensor_t *t = safetensors_at(file, i);
        const size_t length = strlen(t->name);
        if (t->rank < 2 || length < 8 || length > 100 ||
            strcmp(t->name + length - 7, ".weight") != 0) {
            continue;
        }
        const int64_t out = (int64_t)t->shape[0], in = (int64_t)t->count / out;
        for (int half = 0; half < 2; half++, count++) {
            const size_t size = (size_t)(LORA_RANK * (half == 0 ? in : out));
            float *data = malloc(size * sizeof *data);
            rng_normal(&source, data, size);
            for (size_t k = 0; k < size; k++) {
                data[k] *= 0.05f;
            }
            snprintf(names[count], sizeof names[0], "%.*s.lora_%c", (int)length - 7, t->name,
                     half == 0 ? 'A' : 'B');
            arrays[count] = (adapter_array_t){
                names[count], 2, {half == 0 ? LORA_RANK : out, half == 0 ? in : LORA_RANK}, data};
        }
    }
    return count;
}

/* A small change of every layer: as dear to swap as an adapter can be. */
static digest_t make_whole_adapter(const char *path, uint64_t seed)
{
    static adapter_array_t arrays[2 * MOST];
    err_t err = ERR_INIT;
    codec_t *codec = codec_open(codec_path(), &err);
    safetensors_t *file = safetensors_open(codec_path(), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const int count = make_pairs(file, seed, arrays);
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = codec_hash(codec);
    info.kind = ADAPTER_LORA;
    info.rank = LORA_RANK;
    info.alpha = LORA_RANK;
    adapter_t *adapter = adapter_build(&info, arrays, count, NULL, 0, &err);
    if (adapter == NULL || adapter_save(adapter, path, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    const digest_t id = adapter_id(adapter);
    adapter_destroy(adapter);
    safetensors_close(file);
    codec_close(codec);
    for (int i = 0; i < count; i++) {
        free((void *)(uintptr_t)arrays[i].data);
    }
    return id;
}

/* ---- between the hub and the daemons: loses and delays whole messages ---- */

typedef struct {
    zmq_msg_t part[3];
    int parts;
    void *to;
    uint64_t at_ns; /* 0: free */
} held_t;

typedef struct {
    void *zmq, *front[2], *back[2];
    uint8_t identity[2][256];
    size_t identity_size[2];
    held_t held[HELD_BACK];
    rng_t rng;
    _Atomic uint64_t passed, lost, late;
    _Atomic bool stop;
    pthread_t thread;
} bad_wire_t;

static bad_wire_t wire;

static void forward(held_t *message)
{
    for (int i = 0; i < message->parts; i++) {
        if (zmq_msg_send(&message->part[i], message->to,
                         ZMQ_DONTWAIT | (i + 1 < message->parts ? ZMQ_SNDMORE : 0)) < 0) {
            zmq_msg_close(&message->part[i]);
        }
    }
    message->at_ns = 0;
}

/* One whole message from `from` (without identity) to `to`, some of them never or later. */
static bool pump(void *from, void *to, int link, bool from_front)
{
    held_t message = {.to = to};
    int more = 1, index = 0;
    zmq_msg_t part;
    if (!from_front) { /* to the hub: its identity first */
        zmq_msg_init_size(&message.part[message.parts], wire.identity_size[link]);
        memcpy(zmq_msg_data(&message.part[message.parts]), wire.identity[link],
               wire.identity_size[link]);
        message.parts++;
    }
    while (more != 0) {
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, from, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            if (message.parts > 0) {
                zmq_msg_close(&message.part[0]);
            }
            return false;
        }
        more = zmq_msg_more(&part);
        if (from_front && index == 0) {
            wire.identity_size[link] = zmq_msg_size(&part) < 256 ? zmq_msg_size(&part) : 256;
            memcpy(wire.identity[link], zmq_msg_data(&part), wire.identity_size[link]);
            zmq_msg_close(&part);
        } else if (message.parts < 3) {
            message.part[message.parts++] = part;
        } else {
            zmq_msg_close(&part);
        }
        index++;
    }
    const double luck = (double)rng_uniform(&wire.rng);
    if (luck < setting(LOST)) {
        atomic_fetch_add(&wire.lost, 1);
        for (int i = 0; i < message.parts; i++) {
            zmq_msg_close(&message.part[i]);
        }
        return true;
    }
    if (luck < setting(LOST) + setting(LATE)) {
        for (int i = 0; i < HELD_BACK; i++) {
            if (wire.held[i].at_ns == 0) {
                atomic_fetch_add(&wire.late, 1);
                wire.held[i] = message;
                wire.held[i].at_ns = clock_now_ns() + 1000000u * (1 + rng_below(&wire.rng, 300));
                return true;
            }
        }
    }
    atomic_fetch_add(&wire.passed, 1);
    forward(&message);
    return true;
}

static void *wire_run(void *context)
{
    (void)context;
    while (!atomic_load(&wire.stop)) {
        zmq_pollitem_t items[4];
        for (int e = 0; e < 2; e++) {
            items[2 * e] = (zmq_pollitem_t){.socket = wire.front[e], .events = ZMQ_POLLIN};
            items[2 * e + 1] = (zmq_pollitem_t){.socket = wire.back[e], .events = ZMQ_POLLIN};
        }
        zmq_poll(items, 4, 2);
        for (int e = 0; e < 2; e++) {
            while (pump(wire.front[e], wire.back[e], e, true)) {
            }
            while (pump(wire.back[e], wire.front[e], e, false)) {
            }
        }
        for (int i = 0; i < HELD_BACK; i++) {
            if (wire.held[i].at_ns != 0 && clock_now_ns() >= wire.held[i].at_ns) {
                forward(&wire.held[i]);
            }
        }
    }
    return NULL;
}

static void wire_open(void)
{
    static const char *const names[] = {"tx", "rx"};
    const int none = 0, on = 1;
    memset(&wire, 0, sizeof wire);
    rng_seed(&wire.rng, 11, 11);
    wire.zmq = zmq_ctx_new();
    for (int e = 0; e < 2; e++) {
        char endpoint[160];
        wire.front[e] = zmq_socket(wire.zmq, ZMQ_ROUTER);
        wire.back[e] = zmq_socket(wire.zmq, ZMQ_DEALER);
        zmq_setsockopt(wire.front[e], ZMQ_LINGER, &none, sizeof none);
        zmq_setsockopt(wire.back[e], ZMQ_LINGER, &none, sizeof none);
        zmq_setsockopt(wire.back[e], ZMQ_IMMEDIATE, &on, sizeof on);
        snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("%s-wire.ipc", names[e]));
        CHECK_INT(zmq_bind(wire.front[e], endpoint), 0);
        snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("%s.ipc", names[e]));
        CHECK_INT(zmq_connect(wire.back[e], endpoint), 0);
    }
    pthread_create(&wire.thread, NULL, wire_run, NULL);
}

static void wire_close(void)
{
    atomic_store(&wire.stop, true);
    pthread_join(wire.thread, NULL);
    for (int i = 0; i < HELD_BACK; i++) {
        for (int p = 0; p < wire.held[i].parts && wire.held[i].at_ns != 0; p++) {
            zmq_msg_close(&wire.held[i].part[p]);
        }
    }
    for (int e = 0; e < 2; e++) {
        zmq_close(wire.front[e]);
        zmq_close(wire.back[e]);
    }
    zmq_ctx_term(wire.zmq);
}

/* ---- the programs ---- */

static program_t open_rx(void)
{
    program_t rx = start("rx",
                         "--radio.address=%s --radio.timeout_s=20 --reference.path=cifar10:%s "
                         "--codec.name=%s --quality.judge=none --quality.ssim=false "
                         "--control.bind=ipc://%s --control.store=%s --radio.rate_hz=%.0f",
                         air_name, in_work("set.bin"), codec_path(), in_work("rx.ipc"),
                         in_work("rx-store"), setting(RATE));
    return rx;
}

static program_t open_tx(void)
{
    return start(
        "tx",
        "cifar10:%s --radio.address=%s --radio.timeout_s=20 --codec.name=%s "
        "--control.bind=ipc://%s --control.store=%s --frame.images=%.0f --tx.frame_rate=%g "
        "--swap.lease_s=1 --swap.linger_s=1 --radio.rate_hz=%.0f",
        in_work("set.bin"), air_name, codec_path(), in_work("tx.ipc"), in_work("tx-store"),
        setting(IMAGES), setting(FRAMES_PER_S), setting(RATE));
}

static program_t open_hub(void)
{
    return start("align",
                 "hub --hub.bind=ipc://%s --hub.tx=ipc://%s --hub.rx=ipc://%s --hub.store=%s "
                 "--hub.beat_ms=100",
                 in_work("hub.ipc"), in_work("tx-wire.ipc"), in_work("rx-wire.ipc"),
                 in_work("hub-store"));
}

/* ---- what is seen ---- */

typedef struct {
    uint64_t frames, with_adapter, wrong, not_held, not_held_late, changes;
    uint64_t last_ok_ns, damaged;
    /* of this life of the receiver, as its status says */
    char session[17];
    double time_s;
    int64_t not_held_before;
    double swaps, kept_ms, swap_ms;
    /* of its lives before */
    double all_swaps, all_kept_ms, all_swap_ms, most_ms; /* the two in the middle times swaps */
    uint64_t dropped;                                    /* samples, for want of time */
    int64_t dropped_before;
    char last[17];
    uint64_t by_adapter[ADAPTERS];
} seen_t;

static seen_t seen;

static void look_at(const json_t *body)
{
    const char *adapter = json_string_value(json_object_get(body, "adapter"));
    const char *status = json_string_value(json_object_get(body, "status"));
    const int64_t tag = json_integer_value(json_object_get(body, "adapter_tag"));
    const uint64_t now = clock_now_ns();
    if (status == NULL || json_integer_value(json_object_get(body, "image_in_frame")) != 0) {
        return;
    }
    seen.damaged += strcmp(status, "damaged") == 0;
    if (strcmp(status, "ok") != 0) {
        return;
    }
    seen.frames++;
    seen.last_ok_ns = now;
    adapter = adapter != NULL ? adapter : "";
    seen.changes += strcmp(adapter, seen.last) != 0;
    snprintf(seen.last, sizeof seen.last, "%s", adapter);
    if (tag == 0) {
        seen.wrong += *adapter != 0;
        return;
    }
    seen.with_adapter++;
    bool right = false;
    for (int a = 0; a < ADAPTERS; a++) {
        char text[DIGEST_TEXT];
        if (strncmp(digest_text(&ids[a], text), adapter, 16) != 0 || strlen(adapter) != 16) {
            continue;
        }
        for (int c = 0; c < TAGS_CANDIDATES; c++) {
            right = right || tags_candidate(&ids[a], c) == tag;
        }
        seen.by_adapter[a]++;
    }
    seen.wrong += !right;
}

static double number(const json_t *body, const char *key)
{
    const double value = json_number_value(json_object_get(body, key));
    return isfinite(value) ? value : 0;
}

/* What a swap costs the decoders, over all lives of the receiver. */
static void end_life(void)
{
    seen.all_swaps += seen.swaps;
    seen.all_kept_ms += seen.swaps * seen.kept_ms;
    seen.all_swap_ms += seen.swaps * seen.swap_ms;
    seen.swaps = 0;
    seen.dropped_before = 0;
}

static void look_at_times(const json_t *body)
{
    seen.swaps = number(body, "decoder_swaps");
    seen.kept_ms = number(body, "frame_decode_ms");
    seen.swap_ms = number(body, "swap_decode_ms");
    seen.most_ms = fmax(seen.most_ms, number(body, "swap_decode_most_ms"));
    const int64_t dropped = json_integer_value(json_object_get(body, "samples_dropped"));
    seen.dropped += (uint64_t)(dropped - seen.dropped_before);
    seen.dropped_before = dropped;
}

/* Frames that name an adapter which is not held may come for 2 s after a start, then never. */
static void look_at_status(const report_t *report)
{
    const int64_t count = json_integer_value(json_object_get(report->body, "adapter_not_held"));
    if (strcmp(seen.session, report->session) != 0) {
        strcpy(seen.session, report->session);
        seen.not_held_before = 0;
        seen.time_s = 0;
        end_life();
    }
    look_at_times(report->body);
    const uint64_t more = (uint64_t)(count - seen.not_held_before);
    seen.not_held += more;
    seen.not_held_late += seen.time_s > 2.0 ? more : 0;
    seen.not_held_before = count;
    seen.time_s = json_number_value(json_object_get(report->body, "time_s"));
}

static void drain(subscriber_t *subscriber)
{
    report_t report;
    while (subscriber_next(subscriber, &report)) {
        if (strcmp(report.topic, "status") == 0) {
            look_at_status(&report);
        }
        if (strcmp(report.topic, "frame") == 0) {
            look_at(report.body);
        }
        report_free(&report);
    }
}

/* ---- swaps, as fast as they are asked for ---- */

enum { MOST_TIMES = 100000 };
static double times_ms[MOST_TIMES];
static int times;
static uint64_t asked, superseded, failed;

static void on_armed(void *context, const control_answer_t *given)
{
    (void)context;
    const json_t *ms = given->answer->ok ? json_object_get(given->answer->result, "ms") : NULL;
    if (ms != NULL && times < MOST_TIMES) {
        times_ms[times++] = json_number_value(ms);
    } else if (given->from_peer) {
        superseded++;
    } else {
        failed++;
    }
}

static int by_size(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void arm_another(control_client_t *client)
{
    char hash[DIGEST_TEXT];
    json_t *args = json_pack("{s:s}", "hash", digest_text(&ids[rng_below(&rng, ADAPTERS)], hash));
    asked += control_peer_ask(control_client_peer(client), "arm", "", args, NULL, 0, 3.0, on_armed,
                              NULL, NULL) != 0;
    json_decref(args);
}

static void print(double worst_s)
{
    qsort(times_ms, (size_t)times, sizeof times_ms[0], by_size);
    const double p50 = times > 0 ? times_ms[times / 2] : NAN;
    const double p99 = times > 0 ? times_ms[times * 99 / 100] : NAN;
    fprintf(
        stderr,
        "%.0f s: %llu frames, %llu with an adapter, %llu changes seen; arm: %llu asked, %d in "
        "use, %llu superseded, %llu unanswered; p50 %.1f ms, p99 %.1f ms; messages: %llu passed, "
        "%llu lost, %llu late; %llu frames named an adapter the restarted receiver did not hold; "
        "%llu damaged or not held; longest wait for a frame after a restart %.2f s\n",
        soak_s, (unsigned long long)seen.frames, (unsigned long long)seen.with_adapter,
        (unsigned long long)seen.changes, (unsigned long long)asked, times,
        (unsigned long long)superseded, (unsigned long long)failed, p50, p99,
        (unsigned long long)atomic_load(&wire.passed), (unsigned long long)atomic_load(&wire.lost),
        (unsigned long long)atomic_load(&wire.late), (unsigned long long)seen.not_held,
        (unsigned long long)seen.damaged, worst_s);
}

static void print_cost(void)
{
    end_life();
    if (seen.all_swaps > 0) {
        const double kept_ms = seen.all_kept_ms / seen.all_swaps;
        const double swap_ms = seen.all_swap_ms / seen.all_swaps;
        fprintf(
            stderr,
            "decoders' processor time for a frame: %.3f ms with the adapter in use, %.3f ms with "
            "another (mean of %.0f, the longest %.3f): a swap costs %.2f frames; %llu samples "
            "dropped for want of time\n",
            kept_ms, swap_ms, seen.all_swaps, seen.most_ms, (swap_ms - kept_ms) / kept_ms,
            (unsigned long long)seen.dropped);
    }
}

static void test_soak(void)
{
    err_t err = ERR_INIT;
    snprintf(air_name, sizeof air_name, "soak%d", (int)getpid());
    program_t air =
        start("air", "--air %s --air.rate_hz=%.0f --channel.snr_db=25", air_name, setting(RATE));
    CU_ASSERT(wait_for(&air, "air \""));
    program_t programs[3] = {open_tx(), open_rx(), {0}};
    program_t (*const again[3])(void) = {open_tx, open_rx, open_hub};
    wire_open();
    programs[2] = open_hub();
    CU_ASSERT(wait_for(&programs[1], "listening"));
    CU_ASSERT(wait_for(&programs[2], "hub at"));
    for (int i = 0; i < ADAPTERS; i++) {
        ids[i] = make_whole_adapter(in_work("a%d.safetensors", i), (uint64_t)i + 1);
        program_t put = start("align", "--connect=ipc://%s put %s a%d", in_work("hub.ipc"),
                              in_work("a%d.safetensors", i), i);
        CHECK_INT(finish(&put, 30), 0);
    }
    control_client_t *client = client_of("hub");
    char reports[160];
    snprintf(reports, sizeof reports, "ipc://%s.reports", in_work("rx.ipc"));
    subscriber_t *subscriber =
        subscriber_create(control_client_zmq(client), reports, "frame,status", NULL, &err);
    const uint64_t start_ns = clock_now_ns();
    uint64_t next_arm = start_ns, restarted_ns = 0;
    uint64_t next_kill = setting(KILL_S) > 0 ? start_ns + 8000000000u : UINT64_MAX;
    uint64_t kills = 0;
    double worst_s = 0;
    while (clock_now_ns() - start_ns < (uint64_t)(soak_s * 1e9)) {
        control_client_wait(client, 0.005);
        drain(subscriber);
        const uint64_t now = clock_now_ns();
        if (now >= next_arm) {
            arm_another(client);
            next_arm += (uint64_t)(1e9 / setting(SWAPS_PER_S));
        }
        if (restarted_ns != 0 && seen.last_ok_ns > restarted_ns) {
            worst_s = fmax(worst_s, 1e-9 * (double)(seen.last_ok_ns - restarted_ns));
            restarted_ns = 0;
        }
        if (now >= next_kill) {
            const uint32_t which = rng_below(&rng, 3);
            kill(programs[which].pid, SIGKILL);
            (void)finish(&programs[which], 10);
            programs[which] = again[which]();
            restarted_ns = clock_now_ns();
            const double mean_s = setting(KILL_S);
            next_kill = restarted_ns + (uint64_t)(1e9 * mean_s * (2 + rng_uniform(&rng) * 2) / 3);
            kills++;
        }
    }
    print(worst_s);
    print_cost();
    fprintf(stderr, "%llu kills\n", (unsigned long long)kills);
    subscriber_destroy(subscriber);
    control_client_destroy(client);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(interrupt(&programs[i]), 0);
    }
    CHECK_INT(interrupt(&air), 0);
    wire_close();
    CHECK_INT(seen.wrong, 0);
    CHECK_INT(seen.not_held_late, 0);
    CHECK_AT_LEAST(seen.frames, 0.2 * setting(FRAMES_PER_S) * soak_s);
    if (setting(RESUME_S) > 0) {
        CHECK_AT_MOST(worst_s, setting(RESUME_S));
    }
    CHECK_AT_LEAST(seen.with_adapter, seen.frames / 4);
    for (int a = 0; a < ADAPTERS; a++) {
        CHECK_AT_LEAST(seen.by_adapter[a], 1);
    }
}

static const check_test_t tests[] = {
    {"20 swaps a second, kills, lost and late messages: never another adapter than named",
     test_soak},
};

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        int which = 0;
        while (equals != NULL && which < SETTINGS &&
               (strncmp(argv[i], settings[which].name, (size_t)(equals - argv[i])) != 0 ||
                settings[which].name[equals - argv[i]] != 0)) {
            which++;
        }
        const bool codec = strncmp(argv[i], "codec=", 6) == 0;
        if ((which == SETTINGS && !codec) || (equals == NULL && (i > 1 || !(atof(argv[i]) > 0)))) {
            fprintf(stderr, "%s: seconds first, then KEY=VALUE (see the top of this file)\n",
                    argv[i]);
            return 2;
        }
        if (codec) {
            own_codec = equals + 1;
        } else if (equals != NULL) {
            settings[which].value = atof(equals + 1);
        } else {
            soak_s = atof(argv[i]);
        }
    }
    rng_seed(&rng, (uint64_t)setting(SEED), 5);
    return daemons_run("control_soak", tests, CHECK_COUNT(tests));
}
