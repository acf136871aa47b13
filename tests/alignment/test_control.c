/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control plane over real sockets: commands, repeats, reports, bounds. */
#include "control_bench.h"

static bench_t bench;

static const char *text_in(const json_t *object, const char *outer, const char *key)
{
    const char *text = json_string_value(json_object_get(json_object_get(object, outer), key));
    return text != NULL ? text : "";
}

static void begin(control_client_t **client)
{
    err_t err = ERR_INIT;
    CHECK_INT(bench_open(&bench, bench_ipc(), "", "", &err), 0);
    *client = bench_client(control_server_endpoint(bench.server), "", "");
}

static void end(control_client_t *client)
{
    control_client_destroy(client);
    bench_close(&bench);
}

static void test_hello(void)
{
    control_client_t *client;
    err_t err = ERR_INIT;
    begin(&client);
    json_t *hello = NULL;
    char reports[ENDPOINT_SIZE];
    CHECK_INT(control_client_hello(client, "", 10, &hello, reports, sizeof reports, &err), 0);
    CHECK_INT(json_integer_value(json_object_get(hello, "version")), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(hello, "program")), "bench");
    CU_ASSERT_STRING_EQUAL(reports, control_server_reports(bench.server));
    json_decref(hello);
    CU_ASSERT_PTR_NULL(
        bench_ask(client, "hello", json_pack("{s:i,s:i}", "min", 2, "max", 9), &err));
    CHECK_INT(err.code, ERR_UNSUPPORTED);
    CHECK_ERROR_NAMES(&err, "1 to 1");
    end(client);
}

static void test_set_and_get(void)
{
    control_client_t *client;
    err_t err = ERR_INIT;
    begin(&client);
    json_t *got =
        bench_ask(client, "set",
                  json_pack("{s:{s:f, s:s}}", "values", "tx.gain_db", 2.5, "images", "9"), &err);
    CU_ASSERT_STRING_EQUAL(text_in(got, "values", "tx.images"), "9");
    json_decref(got);
    got = bench_ask(client, "get", json_pack("{s:[s]}", "keys", "gain_db"), &err);
    CU_ASSERT_STRING_EQUAL(text_in(got, "values", "tx.gain_db"), "2.5");
    CHECK_INT(json_object_size(json_object_get(got, "values")), 1);
    json_decref(got);
    got = bench_ask(client, "list", json_object(), &err);
    CHECK_INT(json_array_size(json_object_get(got, "options")), 3);
    const json_t *first = json_array_get(json_object_get(got, "options"), 0);
    CU_ASSERT(json_is_true(json_object_get(first, "runtime")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "unit")), "dB");
    json_decref(got);
    end(client);
    CHECK_NEAR(bench.accepted_gain, 2.5, 0);
}

/* One bad value of several: none is set. */
static void test_all_or_none(void)
{
    control_client_t *client;
    err_t err = ERR_INIT;
    begin(&client);
    static const struct {
        const char *key, *value, *says;
        err_code_t code;
    } bad[] = {{"tx.images", "0", "1 to 255", ERR_ARGUMENT},
               {"tx.images", "13", "bad luck", ERR_ARGUMENT},
               {"tx.name", "x", "cannot change", ERR_STATE},
               {"tx.imags", "3", "did you mean", ERR_ARGUMENT}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *got = bench_ask(
            client, "set",
            json_pack("{s:{s:s, s:s}}", "values", "tx.gain_db", "7", bad[i].key, bad[i].value),
            &err);
        CU_ASSERT_PTR_NULL(got);
        CHECK_INT(err.code, bad[i].code);
        CHECK_ERROR_NAMES(&err, bad[i].says);
        got = bench_ask(client, "get", json_pack("{s:[s]}", "keys", "tx.gain_db"), &err);
        CU_ASSERT_STRING_EQUAL(text_in(got, "values", "tx.gain_db"), "0");
        json_decref(got);
    }
    end(client);
}

/* ---- by hand: a socket that repeats, replays and sends nonsense ---- */

typedef struct {
    void *zmq, *socket;
} raw_t;

static raw_t raw_open(int type)
{
    const int none = 0, wait = 3000;
    raw_t raw = {zmq_ctx_new(), NULL};
    raw.socket = zmq_socket(raw.zmq, type);
    zmq_setsockopt(raw.socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(raw.socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
    zmq_connect(raw.socket, control_server_endpoint(bench.server));
    return raw;
}

static void raw_close(raw_t *raw)
{
    zmq_close(raw->socket);
    zmq_ctx_term(raw->zmq);
}

/* Sends a text and reads the answer's text; "" when none comes. */
static const char *raw_ask(raw_t *raw, const char *text)
{
    static char answer[4096];
    zmq_send(raw->socket, text, strlen(text), 0);
    const int size = zmq_recv(raw->socket, answer, sizeof answer - 1, 0);
    answer[size > 0 ? size : 0] = 0;
    return answer;
}

#define ADD(id)                                                                                    \
    "{\"semradio\":1,\"session\":\"00112233445566aa\",\"id\":" id ",\"command\":\"add\"}"

static void test_repeats(void)
{
    control_client_t *client;
    begin(&client);
    raw_t raw = raw_open(ZMQ_DEALER);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, ADD("1")), "\"done\":1"));
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, ADD("1")), "\"done\":1"));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, ADD("1000")), "\"done\":2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, ADD("1000")), "\"done\":2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, ADD("2")), "\"state\""));
    CHECK_INT(bench_count(client, "repeated"), 6);
    CHECK_INT(bench_count(client, "replayed"), 1);
    raw_close(&raw);
    /* Over another connection too: the session counts, not the socket. */
    raw = raw_open(ZMQ_REQ);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, ADD("1000")), "\"done\":2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, ADD("1001")), "\"done\":3"));
    raw_close(&raw);
    end(client);
    CHECK_INT(bench.done, 3);
}

static void test_malformed(void)
{
    control_client_t *client;
    begin(&client);
    char deep[256], head[] = "{\"semradio\":1,\"session\":\"00112233445566aa\",\"id\":7,";
    snprintf(deep, sizeof deep, "%s\"command\":\"add\",\"args\":%s1%s}", head, "[[[[[[[[[[[[[[",
             "]]]]]]]]]]]]]]");
    const char *const silent[] = {"",
                                  "x",
                                  "[]",
                                  "{}",
                                  "{\"semradio\":1}",
                                  deep,
                                  "{\"semradio\":1,\"session\":\"zz112233445566aa\",\"id\":7}",
                                  "{\"semradio\":1,\"session\":\"00112233445566aa\",\"id\":0}",
                                  "{\"semradio\":1,\"session\":\"00112233445566aa\",\"id\":1e300}",
                                  "{\"id\":7,\"id\":8}"};
    const int silents = (int)(sizeof silent / sizeof silent[0]);
    raw_t raw = raw_open(ZMQ_DEALER);
    for (int i = 0; i < silents; i++) {
        zmq_send(raw.socket, silent[i], strlen(silent[i]), 0);
    }
    static const char *const told[] = {"\"command\":\"ADD\"}",
                                       "\"command\":7}",
                                       "\"command\":\"add\",\"args\":[]}",
                                       "\"command\":\"add\",\"more\":1}",
                                       "\"command\":\"add\",\"deadline_ms\":-1}",
                                       "\"command\":\"add\",\"deadline_ms\":0.5}"};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s", head, told[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(raw_ask(&raw, text), "\"ok\":false"));
    }
    CU_ASSERT_PTR_NOT_NULL(
        strstr(raw_ask(&raw, "{\"semradio\":2,\"session\":\"00112233445566aa\",\"id\":7,"
                             "\"command\":\"add\"}"),
               "unsupported"));
    /* Three frames; a blob that is too large. */
    char *large = calloc(1, CONTROL_CHUNK + 1);
    zmq_send(raw.socket, ADD("7"), strlen(ADD("7")), ZMQ_SNDMORE);
    zmq_send(raw.socket, "", 0, ZMQ_SNDMORE);
    zmq_send(raw.socket, "", 0, 0);
    zmq_send(raw.socket, ADD("8"), strlen(ADD("8")), ZMQ_SNDMORE);
    zmq_send(raw.socket, large, CONTROL_CHUNK + 1, 0);
    free(large);
    for (int i = 0; i < 200 && bench_count(client, "malformed") < silents + 9; i++) {
        clock_sleep_s(0.01);
    }
    CHECK_INT(bench_count(client, "malformed"), silents + 9);
    raw_close(&raw);
    /* A frame beyond what libzmq may take ends the connection; the others go on. */
    raw = raw_open(ZMQ_DEALER);
    large = calloc(1, CONTROL_MESSAGE + 1);
    zmq_send(raw.socket, large, CONTROL_MESSAGE + 1, 0);
    free(large);
    for (int i = 0; i < 200 && bench_count(client, "disconnected") < 2; i++) {
        clock_sleep_s(0.01);
    }
    CHECK_AT_LEAST(bench_count(client, "disconnected"), 2);
    raw_close(&raw);
    end(client);
    CHECK_INT(bench.done, 0);
}

static void test_blobs(void)
{
    control_client_t *client;
    err_t err = ERR_INIT;
    begin(&client);
    control_result_t got;
    uint8_t blob[1000];
    for (size_t i = 0; i < sizeof blob; i++) {
        blob[i] = (uint8_t)(i * 7);
    }
    CHECK_INT(control_client_ask(client, "add", "", NULL, blob, sizeof blob, 10, &got, &err), 0);
    CHECK_INT(got.blob_size, sizeof blob);
    CU_ASSERT(got.blob != NULL && memcmp(got.blob, blob, sizeof blob) == 0);
    control_result_free(&got);
    end(client);
}

static void test_unknown(void)
{
    control_client_t *client;
    err_t err = ERR_INIT;
    begin(&client);
    CU_ASSERT_PTR_NULL(bench_ask(client, "explode", json_object(), &err));
    CHECK_INT(err.code, ERR_UNSUPPORTED);
    CHECK_ERROR_NAMES(&err, "explode");
    CU_ASSERT_PTR_NULL(bench_ask(client, "get", json_pack("{s:i}", "kees", 1), &err));
    CHECK_ERROR_NAMES(&err, "kees");
    end(client);
}

static void test_nobody(void)
{
    err_t err = ERR_INIT;
    control_result_t got;
    control_client_t *client = bench_client(bench_ipc(), "", "");
    CHECK_INT(control_client_ask(client, "ping", "", NULL, NULL, 0, 0.3, &got, &err), -1);
    CHECK_INT(err.code, ERR_CLOSED);
    CHECK_ERROR_NAMES(&err, "nobody listens");
    CU_ASSERT(!got.from_peer);
    control_result_free(&got);
    control_client_destroy(client);
}

/* The same client before, during and after the server's absence. */
static void test_restart(void)
{
    char endpoint[ENDPOINT_SIZE];
    err_t err = ERR_INIT;
    strcpy(endpoint, bench_ipc());
    control_client_t *client = bench_client(endpoint, "", "");
    for (int life = 0; life < 3; life++) {
        CHECK_INT(bench_open(&bench, endpoint, "", "", &err), 0);
        json_t *pong = bench_ask(client, "ping", json_object(), &err);
        CU_ASSERT_PTR_NOT_NULL(pong);
        if (pong != NULL) {
            CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(pong, "session")),
                                   control_server_session(bench.server));
        }
        json_decref(pong);
        bench_close(&bench);
    }
    control_client_destroy(client);
}

/* ---- reports ---- */

/* Until `enough` of the topic came, or one with "n":2. */
static int receive_all(subscriber_t *subscriber, const char *topic, double seconds, int enough)
{
    int count = 0;
    const uint64_t end_ns = clock_now_ns() + (uint64_t)(seconds * 1e9);
    while (clock_now_ns() < end_ns && count < enough) {
        report_t report;
        while (subscriber_next(subscriber, &report)) {
            count += strcmp(report.topic, topic) == 0;
            enough = json_integer_value(json_object_get(report.body, "n")) == 2 ? 0 : enough;
            report_free(&report);
        }
        clock_sleep_s(0.002);
    }
    return count;
}

/* More reports than the ring holds: the daemon's thread is not held up, and what was dropped shows
   as a gap in the numbers. */
static void test_reports(void)
{
    control_client_t *client;
    err_t err = ERR_INIT;
    begin(&client);
    subscriber_t *subscriber = subscriber_create(
        control_client_zmq(client), control_server_reports(bench.server), "frame", NULL, &err);
    for (int i = 0; i < 500 && receive_all(subscriber, "frame", 0.01, 1) == 0; i++) {
        control_report(bench.reporter, CONTROL_FRAME, "{\"n\":0}", 7);
        control_report(bench.reporter, CONTROL_STATUS, "{\"n\":0}", 7);
    }
    int taken = 0;
    const uint64_t before = subscriber_counts(subscriber).received;
    for (int i = 0; i < 2000; i++) {
        taken += control_report(bench.reporter, CONTROL_FRAME, "{\"n\":1}", 7);
    }
    clock_sleep_s(0.1);
    CU_ASSERT(control_report(bench.reporter, CONTROL_FRAME, "{\"n\":2}", 7));
    (void)receive_all(subscriber, "frame", 10, INT32_MAX);
    const subscriber_counts_t counts = subscriber_counts(subscriber);
    /* Some of the first loop may come late, so the sum is exact and the parts are not. */
    CHECK_AT_LEAST(counts.received - before, taken + 1);
    CHECK_INT(counts.missed, 2000 - taken);
    CHECK_INT(bench_count(client, "reports_dropped"), 2000 - taken);
    subscriber_destroy(subscriber);
    end(client);
}

static void test_change_is_told(void)
{
    control_client_t *client;
    err_t err = ERR_INIT;
    begin(&client);
    subscriber_t *subscriber = subscriber_create(
        control_client_zmq(client), control_server_reports(bench.server), "event", NULL, &err);
    int told = 0;
    for (int i = 0; i < 50 && told == 0; i++) {
        json_decref(
            bench_ask(client, "set", json_pack("{s:{s:i}}", "values", "images", i + 20), &err));
        told = receive_all(subscriber, "event", 0.1, 1);
    }
    CHECK_AT_LEAST(told, 1);
    subscriber_destroy(subscriber);
    end(client);
}

static void test_addresses(void)
{
    err_t err = ERR_INIT;
    static const char *const good[] = {"tcp://127.0.0.1:5600", "tcp://*:1", "ipc:///tmp/x",
                                       "tcp://[::1]:65535", "tcp://lab-pc:5600"};
    static const char *const bad[] = {"",          "tcp://",        "tcp://x",
                                      "tcp://x:0", "tcp://x:65536", "udp://x:1",
                                      "ipc://",    "tcp://x:5 600", "inproc://x"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_INT(endpoint_check(good[i], &err), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(endpoint_check(bad[i], &err), -1);
    }
    CU_ASSERT(endpoint_is_local("tcp://127.0.0.2:5600"));
    CU_ASSERT(endpoint_is_local("ipc://x"));
    CU_ASSERT(!endpoint_is_local("tcp://127.evil.example:5600"));
    CU_ASSERT(!endpoint_is_local("tcp://*:5600"));
    CU_ASSERT(!endpoint_is_local("tcp://0.0.0.0:5600"));
    char text[ENDPOINT_SIZE];
    CHECK_INT(endpoint_reports("tcp://127.0.0.1:5600", text, &err), 0);
    CU_ASSERT_STRING_EQUAL(text, "tcp://127.0.0.1:5601");
    CHECK_INT(endpoint_reports("tcp://127.0.0.1:65535", text, &err), -1);
    endpoint_seen_from("tcp://0.0.0.0:5601", "tcp://lab-pc:5600", text);
    CU_ASSERT_STRING_EQUAL(text, "tcp://lab-pc:5601");
}

/* Nothing is opened to the world without keys. */
static void test_open_needs_keys(void)
{
    err_t err = ERR_INIT;
    CHECK_INT(bench_open(&bench, "tcp://0.0.0.0:*", "", "", &err), -1);
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_ERROR_NAMES(&err, "control.key");
    CHECK_INT(bench_open(&bench, "tcp://127.0.0.1:*", "", "", &err), 0);
    control_client_t *client = bench_client(control_server_endpoint(bench.server), "", "");
    json_t *pong = bench_ask(client, "ping", json_object(), &err);
    CU_ASSERT_PTR_NOT_NULL(pong);
    json_decref(pong);
    end(client);
}

static const check_test_t tests[] = {
    {"hello agrees on a version and tells where reports come from", test_hello},
    {"what is set is what get says, and list tells everything of an option", test_set_and_get},
    {"several options are set all or none, with a reason", test_all_or_none},
    {"a repeated request is answered again and carried out once, a replay refused", test_repeats},
    {"malformed and oversized messages are refused and counted", test_malformed},
    {"blobs travel with a command and with its answer", test_blobs},
    {"unknown commands and arguments are named", test_unknown},
    {"nobody listening is said in time", test_nobody},
    {"a client finds a restarted server again", test_restart},
    {"overload drops reports and the subscriber counts them", test_reports},
    {"a change is told as an event", test_change_is_told},
    {"endpoints are checked, and local ones known", test_addresses},
    {"an endpoint beyond this machine needs keys", test_open_needs_keys},
};

int main(void)
{
    log_set_level(LOG_WARN);
    return check_run("control", tests, CHECK_COUNT(tests));
}
