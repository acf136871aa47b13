/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=zmq against itself and against plain ZeroMQ sockets that speak as GNU Radio and srsRAN do.
 */
#include "check.h"
#include "clock.h"
#include "radio/radio.h"
#include "rng.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

enum { MOST = 400000, BURST = 30000 };

static char endpoint[64];
static void *context;
static float complex got[MOST], sent[MOST];

/* A fresh endpoint for each test. */
static const char *new_endpoint(void)
{
    static int counter;
    snprintf(endpoint, sizeof endpoint, "ipc:///tmp/semradio-zmq-%d-%d", (int)getpid(), counter++);
    return endpoint;
}

static radio_t *try_open(const char *address, err_t *err)
{
    radio_config_t config = radio_config_default();
    config.backend = "zmq";
    config.address = address;
    config.rate_hz = 1e6;
    return radio_open(&config, err);
}

__attribute__((format(printf, 1, 2))) static radio_t *open_radio(const char *format, ...)
{
    char address[512];
    va_list args;
    va_start(args, format);
    vsnprintf(address, sizeof address, format, args);
    va_end(args);
    err_t err = ERR_INIT;
    radio_t *radio = try_open(address, &err);
    if (radio == NULL) {
        fprintf(stderr, "%s: %s\n", address, err.text);
        exit(1);
    }
    return radio;
}

static radio_t *open_receiver(const char *type, const char *more)
{
    radio_t *radio = open_radio("rx_port=%s,rx_type=%s%s", endpoint, type, more);
    CHECK_INT(radio_start(radio, NULL), 0);
    return radio;
}

/* A plain socket, as another program would have it. */
static void *plain(int type, bool bind)
{
    void *socket = zmq_socket(context, type);
    int linger = 1000, timeout = 10000;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &timeout, sizeof timeout);
    if (type == ZMQ_SUB) {
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    }
    CHECK_INT(bind ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint), 0);
    return socket;
}

/* Never zero, exact in a float, different for each sample. */
static float complex pattern(uint64_t i)
{
    return CMPLXF((float)(i % 65536 + 1), -(float)(i / 65536 + 1));
}

static void fill(uint64_t from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sent[i] = pattern(from + i);
    }
}

static void push_burst(radio_t *radio, uint64_t from, size_t count, uint64_t when)
{
    fill(from, count);
    for (size_t done = 0; done < count;) {
        const float complex *x[1] = {sent + done};
        err_t err = ERR_INIT;
        const radio_push_t how = {.start = done == 0, .end = true, .timestamp = when};
        const ssize_t n = radio_push(radio, x, count - done, &how, 10.0, &err);
        if (n < 0) {
            fprintf(stderr, "push: %s\n", err.text);
            CU_FAIL_FATAL("push");
        }
        done += (size_t)n;
    }
}

/* Pulls until `count` samples are in got[]; returns how many came, and the first one's time. */
static size_t pull_all(radio_t *radio, size_t count, uint64_t *first)
{
    size_t done = 0;
    const uint64_t end = clock_now_ns() + 10000000000u;
    while (done < count && clock_now_ns() < end) {
        float complex *x[1] = {got + done};
        radio_pull_t info;
        const ssize_t n = radio_pull(radio, x, count - done, 0.2, &info, NULL);
        if (n > 0 && done == 0) {
            *first = info.timestamp;
        }
        if (n > 0 && done > 0) {
            CHECK_INT(info.timestamp, *first + done);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return done;
}

static int wrong(size_t at, uint64_t from, size_t count)
{
    int bad = 0;
    for (size_t i = 0; i < count; i++) {
        const float complex want = pattern(from + i);
        bad += memcmp(&got[at + i], &want, sizeof want) != 0;
    }
    return bad;
}

static int loud(size_t from, size_t to)
{
    int count = 0;
    for (size_t i = from; i < to; i++) {
        count += crealf(got[i]) != 0.0f || cimagf(got[i]) != 0.0f;
    }
    return count;
}

static bool wait_event(radio_t *radio, radio_event_kind_t kind, radio_event_t *event)
{
    for (int i = 0; i < 2000; i++) {
        while (radio_next_event(radio, event)) {
            if (event->kind == kind) {
                return true;
            }
        }
        clock_sleep_s(0.005);
    }
    fprintf(stderr, "no event \"%s\"\n", radio_event_name(kind));
    return false;
}

static bool wait_malformed(radio_t *radio, uint64_t count)
{
    for (int i = 0; i < 2000 && radio_counts(radio).malformed < count; i++) {
        clock_sleep_s(0.005);
    }
    CHECK_INT(radio_counts(radio).malformed, count);
    return radio_counts(radio).malformed == count;
}

/* ---- every pattern, both ways round ---- */

static void pass(const char *tx_type, const char *rx_type, bool tx_binds, const char *more)
{
    radio_event_t event;
    uint64_t first = 99;
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,tx_type=%s,tx_bind=%s,pace=free%s", endpoint, tx_type,
                             tx_binds ? "yes" : "no", more);
    radio_t *rx = open_radio("rx_port=%s,rx_type=%s,rx_bind=%s%s", endpoint, rx_type,
                             tx_binds ? "no" : "yes", strstr(more, "rx_key") != NULL ? more : "");
    CHECK_INT(radio_start(rx, NULL), 0);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_PEER_JOINED, &event));
    push_burst(tx, 0, BURST, 0);
    push_burst(tx, BURST, 777, BURST + 5000);
    push_burst(tx, BURST + 777, BURST, RADIO_ASAP);
    const size_t all = 2 * BURST + 777 + 5000;
    CHECK_INT(pull_all(rx, all, &first), all);
    CHECK_INT(first, 0);
    CHECK_INT(wrong(0, 0, BURST), 0);
    CHECK_INT(loud(BURST, BURST + 5000), 0);
    CHECK_INT(wrong(BURST + 5000, BURST, 777 + BURST), 0);
    CU_ASSERT(radio_drained(tx, 5.0));
    CHECK_INT(radio_now(tx), all);
    CHECK_INT(radio_counts(rx).malformed + radio_counts(tx).malformed, 0);
    radio_close(tx);
    radio_close(rx);
}

static void test_patterns(void)
{
    for (int binds = 0; binds < 2; binds++) {
        pass("rep", "req", binds, "");
        pass("push", "pull", binds, "");
        pass("pub", "sub", binds, "");
    }
}

static void test_tags_and_keys(void)
{
    pass("push", "pull", true, ",tx_tags=yes");
    pass("rep", "req", true, ",tx_tags=yes");
    pass("pub", "sub", true, ",tx_tags=yes,tx_key=left,rx_key=left");
    pass("push", "pull", true, ",tx_key=left,rx_key=left");
}

static void test_key_accepted(void)
{
    radio_event_t event;
    uint64_t first;
    new_endpoint();
    radio_t *rx = open_receiver("pull", "");
    void *push = plain(ZMQ_PUSH, true);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_PEER_JOINED, &event));
    fill(0, 100);
    zmq_send(push, "any key", 7, ZMQ_SNDMORE);
    zmq_send(push, sent, 800, 0);
    CHECK_INT(pull_all(rx, 100, &first), 100);
    CHECK_INT(wrong(0, 0, 100), 0);
    zmq_close(push);
    radio_close(rx);
}

/* ---- requests ---- */

static void test_requests(void)
{
    static const uint8_t srsran[1] = {0xFF};
    const uint32_t gnuradio = 1000;
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,pace=free", endpoint);
    void *req = plain(ZMQ_REQ, false);
    push_burst(tx, 0, BURST, 0);
    zmq_send(req, &gnuradio, sizeof gnuradio, 0);
    CHECK_INT(zmq_recv(req, got, sizeof got, 0), 8000);
    zmq_send(req, srsran, sizeof srsran, 0);
    const int bytes = zmq_recv(req, got + 1000, sizeof got - 8000, 0);
    CHECK_AT_LEAST(bytes, 8);
    CHECK_INT(bytes % 8, 0);
    CHECK_INT(wrong(0, 0, 1000 + (size_t)bytes / 8), 0);
    zmq_close(req);
    radio_close(tx);
}

/* Asks, and goes away before the answer: the answer is for the next. */
static void test_vanished_requester(void)
{
    static const uint8_t any[1] = {0xFF};
    radio_event_t event;
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,pace=free", endpoint);
    void *req = plain(ZMQ_REQ, false);
    CU_ASSERT(wait_event(tx, RADIO_EVENT_PEER_JOINED, &event));
    zmq_send(req, any, 1, 0);
    clock_sleep_s(0.1); /* it is read, and waits for a burst */
    zmq_close(req);
    CU_ASSERT(wait_event(tx, RADIO_EVENT_DEVICE_GONE, &event));
    push_burst(tx, 0, 1000, 0);
    clock_sleep_s(0.1);
    req = plain(ZMQ_REQ, false);
    zmq_send(req, any, 1, 0);
    CHECK_INT(zmq_recv(req, got, sizeof got, 0), 8000);
    CHECK_INT(wrong(0, 0, 1000), 0);
    CU_ASSERT(wait_event(tx, RADIO_EVENT_DEVICE_BACK, &event));
    zmq_close(req);
    radio_close(tx);
}

static void test_bad_requests(void)
{
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,pace=free", endpoint);
    void *dealer = plain(ZMQ_DEALER, false), *req = plain(ZMQ_REQ, false);
    const uint32_t none = 0, all = UINT32_MAX;
    zmq_send(dealer, "x", 1, 0); /* no envelope */
    zmq_send(dealer, "", 0, ZMQ_SNDMORE);
    zmq_send(dealer, "12345", 5, 0);
    zmq_send(dealer, "", 0, ZMQ_SNDMORE);
    zmq_send(dealer, "1", 1, ZMQ_SNDMORE);
    zmq_send(dealer, "2", 1, 0);
    zmq_send(dealer, "", 0, ZMQ_SNDMORE);
    zmq_send(dealer, &none, 4, 0);
    CU_ASSERT(wait_malformed(tx, 4));
    push_burst(tx, 0, 5000, 0);
    zmq_send(req, &all, 4, 0);
    CHECK_INT(zmq_recv(req, got, sizeof got, 0), 40000);
    CHECK_INT(wrong(0, 0, 5000), 0);
    zmq_close(dealer);
    zmq_close(req);
    radio_close(tx);
}

static void put_tagged(void *socket, uint64_t offset, uint64_t from, size_t count)
{
    static uint8_t message[100000];
    static const uint8_t tag[] = {/* offset 5, symbol "ab", (1 . 2.0), #f, as GNU Radio packs it */
                                  5, 0, 0, 0, 0, 0,    0, 0, 2, 0, 2, 'a', 'b', 7, 3,
                                  0, 0, 0, 1, 4, 0x40, 0, 0, 0, 0, 0, 0,   0,   1};
    const uint8_t head[3] = {0xF0, 0x5F, 1};
    const uint64_t tags = 1;
    fill(from, count);
    memcpy(message, head, 3);
    memcpy(message + 3, &offset, 8);
    memcpy(message + 11, &tags, 8);
    memcpy(message + 19, tag, sizeof tag);
    memcpy(message + 19 + sizeof tag, sent, count * 8);
    zmq_send(socket, message, 19 + sizeof tag + count * 8, 0);
}

/* ---- what is not samples ---- */

static void test_hostile_messages(void)
{
    static uint8_t huge[(3072000 + 1) * 8];
    static const uint8_t cut[12] = {0xF0, 0x5F, 1, 5};
    radio_event_t event;
    uint64_t first;
    new_endpoint();
    radio_t *rx = open_receiver("pull", "");
    void *push = plain(ZMQ_PUSH, true);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_PEER_JOINED, &event));
    fill(0, 300);
    zmq_send(push, sent, 800, 0);
    zmq_send(push, huge, 7, 0);
    zmq_send(push, huge, 0, 0);
    zmq_send(push, cut, sizeof cut, 0);
    zmq_send(push, huge, sizeof huge, 0);
    zmq_send(push, "a", 1, ZMQ_SNDMORE);
    zmq_send(push, "b", 1, ZMQ_SNDMORE);
    zmq_send(push, sent, 800, 0);
    zmq_send(push, sent + 100, 1600, 0);
    CHECK_INT(pull_all(rx, 300, &first), 300);
    CHECK_INT(wrong(0, 0, 300), 0);
    CU_ASSERT(wait_malformed(rx, 5));
    zmq_close(push);
    radio_close(rx);
}

/* Seed 99: any bytes, in one to four frames, half of them beginning like a tag header. */
static void send_anything(void *socket, rng_t *rng)
{
    uint8_t bytes[300] = {0xF0, 0x5F, 1};
    const uint32_t frames = 1 + rng_below(rng, 4);
    for (uint32_t f = 0; f < frames; f++) {
        const size_t size = rng_below(rng, sizeof bytes);
        for (size_t i = rng_below(rng, 2) * 3; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)rng_below(rng, rng_below(rng, 2) ? 256 : 4);
        }
        zmq_send(socket, bytes, size, f + 1 < frames ? ZMQ_SNDMORE : 0);
    }
}

static void test_any_bytes(void)
{
    static const uint8_t any[1] = {0xFF};
    rng_t rng;
    uint64_t samples = 0;
    radio_pull_t info;
    float complex *x[1] = {got};
    ssize_t n;
    rng_seed(&rng, 99, 0);
    new_endpoint();
    radio_t *rx = open_receiver("pull", "");
    void *push = plain(ZMQ_PUSH, true);
    for (int i = 0; i < 600; i++) {
        send_anything(push, &rng);
        while ((n = radio_pull(rx, x, MOST, 0.0, &info, NULL)) > 0) {
            samples += (uint64_t)n;
        }
    }
    put_tagged(push, UINT64_C(1) << 40, 0, 100); /* and it still works */
    while ((n = radio_pull(rx, x, MOST, 0.5, &info, NULL)) > 0) {
        samples += (uint64_t)n;
    }
    CHECK_AT_LEAST(samples, 100);
    CHECK_AT_LEAST(radio_counts(rx).malformed, 200);
    zmq_close(push);
    radio_close(rx);
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,pace=free", endpoint);
    void *dealer = plain(ZMQ_DEALER, false), *req = plain(ZMQ_REQ, false);
    for (int i = 0; i < 300; i++) {
        send_anything(dealer, &rng);
    }
    for (int i = 0; i < 20; i++) {
        push_burst(tx, 0, 100, RADIO_ASAP); /* some may have asked properly, by chance */
    }
    zmq_send(req, any, 1, 0);
    CHECK_AT_LEAST(zmq_recv(req, got, sizeof got, 0), 8);
    for (int i = 0; i < 2000 && radio_counts(tx).malformed < 250; i++) {
        clock_sleep_s(0.005);
    }
    CHECK_AT_LEAST(radio_counts(tx).malformed, 250);
    zmq_close(dealer);
    zmq_close(req);
    radio_close(tx);
}

/* More than libzmq is told to take: it hangs up on the sender, who may come back. */
static void test_oversized(void)
{
    static uint8_t oversized[(32 << 20) + 8];
    radio_event_t event;
    uint64_t first;
    new_endpoint();
    radio_t *rx = open_receiver("pull", ",rx_bind=yes");
    void *push = plain(ZMQ_PUSH, false);
    zmq_send(push, oversized, sizeof oversized, 0);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_DEVICE_GONE, &event));
    CU_ASSERT(wait_event(rx, RADIO_EVENT_DEVICE_BACK, &event));
    fill(0, 10);
    zmq_send(push, sent, 80, 0);
    CHECK_INT(pull_all(rx, 10, &first), 10);
    CHECK_INT(wrong(0, 0, 10), 0);
    zmq_close(push);
    radio_close(rx);
}

/* ---- time ---- */

static void test_tag_offsets(void)
{
    radio_event_t event;
    radio_pull_t info;
    float complex *x[1] = {got};
    new_endpoint();
    radio_t *rx = open_receiver("pull", "");
    void *push = plain(ZMQ_PUSH, true);
    put_tagged(push, 1000, 0, 100);
    put_tagged(push, 1100, 100, 100);
    put_tagged(push, 1250, 250, 100);
    CHECK_INT(radio_pull(rx, x, 100, 10.0, &info, NULL), 100);
    CHECK_INT(info.timestamp, 1000);
    CU_ASSERT(info.discontinuous);
    CHECK_INT(radio_pull(rx, x, 300, 0.5, &info, NULL), 100);
    CHECK_INT(info.timestamp, 1100);
    CU_ASSERT(!info.discontinuous);
    CHECK_INT(radio_pull(rx, x, 300, 0.5, &info, NULL), 100);
    CHECK_INT(info.timestamp, 1250);
    CHECK_INT(info.lost, 50);
    CHECK_INT(wrong(0, 250, 100), 0);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_OVERFLOW, &event));
    CHECK_INT(event.count, 50);
    put_tagged(push, 0, 0, 10); /* the flowgraph was started anew */
    CHECK_INT(radio_pull(rx, x, 300, 0.5, &info, NULL), 10);
    CHECK_INT(info.timestamp, 0);
    CU_ASSERT(info.discontinuous);
    CHECK_INT(info.lost, 0);
    zmq_close(push);
    radio_close(rx);
}

static void test_late_burst(void)
{
    radio_event_t event;
    uint64_t first;
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,pace=free,tx_type=push", endpoint);
    radio_t *rx = open_receiver("pull", "");
    push_burst(tx, 0, 5000, 0);
    push_burst(tx, 0, 300, 4999); /* one sample too late */
    push_burst(tx, 5000, 5000, 5000);
    CHECK_INT(pull_all(rx, 10000, &first), 10000);
    CHECK_INT(wrong(0, 0, 10000), 0);
    CU_ASSERT(wait_event(tx, RADIO_EVENT_LATE, &event));
    CHECK_INT(event.timestamp, 4999);
    CHECK_INT(event.count, 300);
    CU_ASSERT(radio_drained(tx, 5));
    radio_close(tx);
    radio_close(rx);
}

/* In pieces of 250,000 samples; longer than a message may be. */
static void push_long(radio_t *radio, uint64_t from, int pieces, uint64_t when)
{
    for (int i = 0; i < pieces; i++) {
        fill(from + (uint64_t)i * 250000, 250000);
        for (size_t done = 0; done < 250000;) {
            const float complex *x[1] = {sent + done};
            const radio_push_t how = {
                .start = i == 0 && done == 0, .end = i == pieces - 1, .timestamp = when};
            const ssize_t n = radio_push(radio, x, 250000 - done, &how, 10.0, NULL);
            CU_ASSERT_FATAL(n > 0);
            done += (size_t)n;
        }
    }
}

typedef struct {
    radio_t *radio;
    int wrong;
    uint64_t count;
} listener_t;

/* Whoever sends more than the queues hold needs somebody who listens meanwhile. */
static void *listen_long(void *self)
{
    listener_t *l = self;
    static float complex x[50000];
    float complex *to[1] = {x};
    radio_pull_t info;
    ssize_t n;
    while (l->count < 1501000 && (n = radio_pull(l->radio, to, 1000, 10.0, &info, NULL)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            const float complex want = pattern(info.timestamp + (uint64_t)i);
            l->wrong += memcmp(&x[i], &want, sizeof want) != 0;
        }
        l->count += (uint64_t)n;
    }
    return NULL;
}

static void test_long_bursts(void)
{
    radio_event_t event;
    pthread_t thread;
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,pace=free,tx_type=push", endpoint);
    listener_t listener = {.radio = open_receiver("pull", "")};
    pthread_create(&thread, NULL, listen_long, &listener);
    push_long(tx, 0, 6, 0);
    CU_ASSERT(radio_drained(tx, 10));
    push_long(tx, 0, 6, 1499999); /* too late, all of it */
    push_burst(tx, 1500000, 1000, RADIO_ASAP);
    pthread_join(thread, NULL);
    CHECK_INT(listener.count, 1501000);
    CHECK_INT(listener.wrong, 0);
    CU_ASSERT(wait_event(tx, RADIO_EVENT_LATE, &event));
    CHECK_INT(event.count, 1500000);
    CHECK_INT(radio_counts(tx).late, 1);
    CU_ASSERT(radio_drained(tx, 5));
    radio_close(tx);
    radio_close(listener.radio);
}

/* A flowgraph's filters swallow the first samples of a stream. */
static void test_lead(void)
{
    uint64_t first;
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,pace=free,tx_type=push", endpoint);
    radio_t *rx = open_receiver("pull", "");
    push_burst(tx, 0, 500, RADIO_ASAP);
    push_burst(tx, 500, 500, RADIO_ASAP);
    CHECK_INT(pull_all(rx, 2024, &first), 2024);
    CHECK_INT(loud(0, 1024), 0);
    CHECK_INT(wrong(1024, 0, 1000), 0);
    radio_close(tx);
    CHECK_INT(pull_all(rx, 8192, &first), 8192);
    CHECK_INT(loud(0, 8192), 0);
    radio_close(rx);
}

/* Never faster than the clock, and without a burst too: a stream of silence. */
static void test_paced(void)
{
    uint64_t first;
    new_endpoint();
    const uint64_t start_ns = clock_now_ns();
    radio_t *tx = open_radio("tx_port=%s", endpoint);
    radio_t *rx = open_receiver("req", "");
    CHECK_INT(pull_all(rx, 200000, &first), 200000);
    const double elapsed_s = (double)(clock_now_ns() - start_ns) * 1e-9;
    CHECK_AT_LEAST(elapsed_s, 0.19);
    CHECK_INT(loud(0, 200000), 0);
    push_burst(tx, 0, 20000, radio_now(tx) + 100000);
    CHECK_INT(pull_all(rx, MOST, &first), MOST);
    CHECK_INT(loud(0, MOST), 20000);
    radio_close(tx);
    radio_close(rx);
}

/* ---- peers that go and come ---- */

static void test_sender_returns(void)
{
    radio_event_t event;
    radio_pull_t info;
    float complex *x[1] = {got};
    new_endpoint();
    radio_t *rx = open_receiver("pull", "");
    void *push = plain(ZMQ_PUSH, true);
    fill(0, 200);
    zmq_send(push, sent, 1600, 0);
    CHECK_INT(radio_pull(rx, x, 200, 10.0, &info, NULL), 200);
    zmq_close(push);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_DEVICE_GONE, &event));
    push = plain(ZMQ_PUSH, true);
    zmq_send(push, sent, 1600, 0);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_DEVICE_BACK, &event));
    CHECK_INT(radio_pull(rx, x, 200, 10.0, &info, NULL), 200);
    CU_ASSERT(info.discontinuous);
    CHECK_AT_LEAST(info.timestamp, 201); /* a gap that the receiver sees */
    zmq_close(push);
    radio_close(rx);
}

static void test_answerer_returns(void)
{
    radio_event_t event;
    uint8_t request[8];
    uint64_t first;
    new_endpoint();
    radio_t *rx = open_receiver("req", ",rx_request=500");
    void *rep = plain(ZMQ_REP, true);
    CHECK_INT(zmq_recv(rep, request, sizeof request, 0), 4);
    CHECK_INT(request[0] | request[1] << 8, 500);
    zmq_close(rep); /* with the request unanswered */
    CU_ASSERT(wait_event(rx, RADIO_EVENT_DEVICE_GONE, &event));
    rep = plain(ZMQ_REP, true);
    CHECK_INT(zmq_recv(rep, request, sizeof request, 0), 4);
    fill(0, 500);
    zmq_send(rep, sent, 4000, 0);
    CHECK_INT(pull_all(rx, 500, &first), 500);
    CHECK_INT(wrong(0, 0, 500), 0);
    zmq_close(rep);
    radio_close(rx);
}

/* A stranger who speaks no ZeroMQ is no peer, and does not take one away. */
static void test_stranger(void)
{
    radio_event_t event;
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", 20000 + (int)getpid() % 20000);
    radio_t *rx = open_receiver("pull", ",rx_bind=yes");
    void *push = plain(ZMQ_PUSH, false), *raw = plain(ZMQ_STREAM, false);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_PEER_JOINED, &event));
    uint8_t id[256];
    const int size = zmq_recv(raw, id, sizeof id, 0);
    zmq_recv(raw, got, 10, 0);
    zmq_send(raw, id, (size_t)size, ZMQ_SNDMORE);
    zmq_send(raw, "GET / HTTP/1.0\r\n\r\n0123456789012345678901234567890123456789", 58, 0);
    clock_sleep_s(0.3);
    zmq_close(raw);
    clock_sleep_s(0.3);
    while (radio_next_event(rx, &event)) {
        CU_ASSERT_NOT_EQUAL(event.kind, RADIO_EVENT_DEVICE_GONE);
    }
    zmq_close(push);
    CU_ASSERT(wait_event(rx, RADIO_EVENT_DEVICE_GONE, &event));
    radio_close(rx);
}

/* ---- overload ---- */

/* The received messages hold whole bursts only, all samples of a burst or none. */
static void test_pub_overload(void)
{
    static float complex message[1 << 20];
    enum { LONG = 20000, BURSTS = 300 };
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,tx_type=pub", endpoint);
    void *sub = zmq_socket(context, ZMQ_SUB);
    int one = 1, timeout = 1000;
    zmq_setsockopt(sub, ZMQ_RCVHWM, &one, sizeof one);
    zmq_setsockopt(sub, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
    CHECK_INT(zmq_connect(sub, endpoint), 0);
    CHECK_INT(zmq_recv(sub, message, sizeof message, 0) % 8, 0); /* subscribed */
    for (int i = 0; i < BURSTS; i++) {
        push_burst(tx, 0, LONG, RADIO_ASAP);
        if (radio_counts(tx).late > 5) {
            break;
        }
    }
    CU_ASSERT(radio_drained(tx, 20));
    const radio_counts_t counts = radio_counts(tx);
    CHECK_AT_LEAST(counts.late, 1);
    CHECK_INT(counts.late_samples, counts.late * LONG);
    size_t whole = 0, torn = 0;
    for (int quiet = 0; quiet < 100;) {
        const int n = zmq_recv(sub, message, sizeof message, 0) / 8;
        memcpy(got, message, sizeof(float complex) * (n > 0 ? (size_t)n : 0));
        const int samples = n > 0 ? loud(0, (size_t)n) : 0;
        whole += samples == LONG && n == LONG && wrong(0, 0, LONG) == 0;
        torn += samples != 0 && samples != LONG;
        quiet = samples == 0 ? quiet + 1 : 0;
    }
    CHECK_AT_LEAST(whole, 1);
    CHECK_INT(torn, 0);
    zmq_close(sub);
    radio_close(tx);
}

static void test_sub_overflow(void)
{
    enum { EACH = 100000, COUNT = 60 };
    radio_event_t event;
    radio_pull_t info;
    float complex *x[1] = {got};
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,tx_type=pub,pace=free", endpoint);
    radio_t *rx = open_receiver("sub", "");
    for (int i = 0; i < COUNT; i++) {
        push_burst(tx, (uint64_t)i * EACH, EACH, i == 0 ? 0 : RADIO_ASAP);
    }
    CU_ASSERT(wait_event(rx, RADIO_EVENT_OVERFLOW, &event));
    CU_ASSERT(radio_drained(tx, 10));
    uint64_t next = 0, missing = 0, bad = 0;
    ssize_t n;
    while ((n = radio_pull(rx, x, 50000, 0.5, &info, NULL)) > 0) {
        missing += info.lost;
        CHECK_INT(info.timestamp, next + info.lost);
        bad += (uint64_t)wrong(0, info.timestamp, (size_t)n);
        next = info.timestamp + (uint64_t)n;
    }
    CHECK_INT(bad, 0);
    CHECK_INT(missing % EACH, 0);
    CHECK_AT_LEAST(radio_counts(rx).overflow_samples, missing);
    radio_close(tx);
    radio_close(rx);
}

/* REP and PUSH do not lose: with nobody there, push waits and says so. */
static void test_push_waits(void)
{
    new_endpoint();
    radio_t *tx = open_radio("tx_port=%s,tx_type=push", endpoint);
    err_t err = ERR_INIT;
    ssize_t n = 0;
    uint64_t total = 0;
    bool start = true;
    fill(0, BURST);
    while (n >= 0 && total < 10000000) {
        const float complex *x[1] = {sent};
        const radio_push_t how = {.start = start, .timestamp = RADIO_ASAP};
        n = radio_push(tx, x, BURST, &how, 0.05, &err);
        start = false;
        total += n > 0 ? (uint64_t)n : 0;
    }
    CHECK_INT(err.code, ERR_TIMEOUT);
    CHECK_AT_MOST(total, 4000000);
    CU_ASSERT(!radio_drained(tx, 0.05));
    radio_close(tx);
}

static void test_restart(void)
{
    radio_pull_t info;
    float complex *x[1] = {got};
    err_t err = ERR_INIT;
    new_endpoint();
    radio_t *rx = open_receiver("pull", "");
    void *push = plain(ZMQ_PUSH, true);
    fill(0, 100);
    zmq_send(push, sent, 800, 0);
    CHECK_INT(radio_pull(rx, x, 40, 10, &info, NULL), 40);
    CHECK_INT(radio_start(rx, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    radio_stop(rx, NULL);
    CHECK_INT(radio_pull(rx, x, 40, 0, &info, &err), -1);
    CHECK_INT(radio_start(rx, NULL), 0);
    fill(100, 100);
    zmq_send(push, sent, 800, 0);
    CHECK_INT(radio_pull(rx, x, 100, 10, &info, NULL), 100);
    CU_ASSERT(info.discontinuous);
    CHECK_INT(wrong(0, 100, 100), 0);
    zmq_close(push);
    radio_close(rx);
}

/* ---- addresses ---- */

static void refuse(const char *address, err_code_t code, const char *names)
{
    err_t err = ERR_INIT;
    radio_t *radio = try_open(address, &err);
    CU_ASSERT_PTR_NULL(radio);
    CHECK_INT(err.code, code);
    CHECK_ERROR_NAMES(&err, names);
    radio_close(radio);
}

static void test_addresses(void)
{
    char taken[128];
    err_t err = ERR_INIT;
    refuse("tx_port=tcp://*:5556", ERR_ARGUMENT, "allow_remote");
    refuse("tx_port=tcp://0.0.0.0:5556", ERR_ARGUMENT, "allow_remote");
    refuse("rx_port=tcp://192.168.1.7:5556,rx_bind=yes", ERR_ARGUMENT, "allow_remote");
    refuse("tx_port=tcp://127001:5556", ERR_ARGUMENT, "allow_remote");
    refuse("tx_port=tcp://[::]:5556", ERR_ARGUMENT, "allow_remote");
    refuse("tx_port=udp://127.0.0.1:1", ERR_ARGUMENT, "udp");
    refuse("semradio", ERR_ARGUMENT, "key=value");
    refuse("", ERR_ARGUMENT, "tx_port");
    refuse("tx_type=push", ERR_ARGUMENT, "tx_port");
    refuse("tx_port=tcp://127.0.0.1:5556,tx_type=sub", ERR_ARGUMENT, "rep|push|pub");
    refuse("tx_port=tcp://127.0.0.1:5556,tx_typ=pub", ERR_ARGUMENT, "tx_typ");
    refuse("tx_port=tcp://127.0.0.1:5556,tx_port=tcp://127.0.0.1:5557", ERR_ARGUMENT, "twice");
    refuse("rx_port=tcp://127.0.0.1:1,rx_request=x", ERR_ARGUMENT, "rx_request");
    refuse("tx_port=tcp://127.0.0.1:99999", ERR_ARGUMENT, "99999");
    snprintf(taken, sizeof taken, "tx_port=tcp://localhost:%d", 40000 + (int)getpid() % 20000);
    radio_t *radio = try_open(taken, &err);
    CU_ASSERT_PTR_NOT_NULL(radio);
    refuse(taken, ERR_IO, "bind");
    radio_close(radio);
    new_endpoint();
    radio = open_radio("rx_port=%s", endpoint);
    const radio_push_t how = {.start = true, .end = true, .timestamp = RADIO_ASAP};
    const float complex *x[1] = {sent};
    CHECK_INT(radio_push(radio, x, 1, &how, 0, &err), -1);
    CHECK_ERROR_NAMES(&err, "tx_port");
    radio_close(radio);
}

static const check_test_t tests[] = {
    {"samples pass bit for bit in every pattern, whoever binds", test_patterns},
    {"GNU Radio's tag header and a key frame change nothing", test_tags_and_keys},
    {"a key that nobody asked for is accepted", test_key_accepted},
    {"1-byte and 4-byte requests are answered", test_requests},
    {"a peer that asks and vanishes costs no sample", test_vanished_requester},
    {"bad requests are counted and ignored", test_bad_requests},
    {"hostile messages are counted and ignored", test_hostile_messages},
    {"any bytes are survived", test_any_bytes},
    {"a message beyond all bounds ends its connection only", test_oversized},
    {"tag offsets are timestamps: losses become gaps", test_tag_offsets},
    {"a burst whose time has passed is not sent, and said", test_late_burst},
    {"bursts longer than a message pass, or are late, as a whole", test_long_bursts},
    {"a first burst that has no time comes behind silence, the last one before it", test_lead},
    {"pace=clock sends silence and runs no faster than the rate", test_paced},
    {"a sender that vanishes may return; the time shows a gap", test_sender_returns},
    {"a request that is never answered is asked again", test_answerer_returns},
    {"a stranger who speaks no ZeroMQ is no peer", test_stranger},
    {"a slow subscriber costs whole bursts, counted", test_pub_overload},
    {"a full receive ring costs whole messages, counted, with a gap in time", test_sub_overflow},
    {"with nobody to take samples push waits", test_push_waits},
    {"stop and start drop what was between", test_restart},
    {"addresses: what is wrong is named, nothing listens beyond this machine unasked",
     test_addresses},
};

int main(void)
{
    context = zmq_ctx_new();
    const int failed = check_run("radio_zmq", tests, CHECK_COUNT(tests));
    zmq_ctx_term(context);
    char command[64]; /* libzmq leaves the sockets of plain binds */
    snprintf(command, sizeof command, "rm -f /tmp/semradio-zmq-%d-*", (int)getpid());
    return system(command) != 0 || failed;
}
