/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CURVE: who may come in, and who is counted at the door. */
#include "control_bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

static bench_t bench;
static char folder[] = "/tmp/semradio-keys-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static void allow(const char *mode, const char *text)
{
    FILE *file = fopen(in_folder("allowed"), mode);
    fputs(text, file);
    fclose(file);
}

/* Keys "server", "alice", "mallory"; alice is on the list. */
static void make_keys(void)
{
    static const char *const names[] = {"server", "mallory", "alice"};
    key_pair_t pair;
    err_t err = ERR_INIT;
    for (int i = 0; i < 3; i++) {
        char open[32];
        snprintf(open, sizeof open, "%s.pub", names[i]);
        (void)unlink(in_folder(names[i]));
        (void)unlink(in_folder(open));
    }
    if (keys_make(in_folder("server"), &pair, &err) != 0) {
        abort();
    }
    if (keys_make(in_folder("mallory"), &pair, &err) != 0 ||
        keys_make(in_folder("alice"), &pair, &err) != 0) {
        abort();
    }
    allow("w", "# who may\n");
    allow("a", pair.open);
    allow("a", " alice\n");
}

static void test_files(void)
{
    struct stat status;
    err_t err = ERR_INIT;
    key_pair_t pair, loaded;
    CHECK_INT(keys_make(in_folder("one"), &pair, &err), 0);
    CHECK_INT(stat(in_folder("one"), &status), 0);
    CHECK_INT(status.st_mode & 0777, 0600);
    CHECK_INT(keys_load(in_folder("one"), &loaded, &err), 0);
    CU_ASSERT(memcmp(&loaded, &pair, sizeof pair) == 0);
    char open[KEY_SIZE];
    CHECK_INT(keys_public(in_folder("one.pub"), open, &err), 0);
    CU_ASSERT_STRING_EQUAL(open, pair.open);
    /* Never over a key that is there. */
    CHECK_INT(keys_make(in_folder("one"), &loaded, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(keys_load(in_folder("one"), &loaded, &err), 0);
    CU_ASSERT(memcmp(&loaded, &pair, sizeof pair) == 0);
    /* Only the .pub in the way: no half pair stays. */
    allow("w", "");
    CHECK_INT(rename(in_folder("allowed"), in_folder("two.pub")), 0);
    CHECK_INT(keys_make(in_folder("two"), &loaded, &err), -1);
    CHECK_INT(access(in_folder("two"), F_OK), -1);
    /* A key that others may read, a cut one, one whose halves do not match. */
    CHECK_INT(chmod(in_folder("one"), 0644), 0);
    CHECK_INT(keys_load(in_folder("one"), &loaded, &err), -1);
    CHECK_ERROR_NAMES(&err, "chmod 600");
    CHECK_INT(chmod(in_folder("one"), 0600), 0);
    CHECK_INT(truncate(in_folder("one"), 60), 0);
    CHECK_INT(keys_load(in_folder("one"), &loaded, &err), -1);
    CHECK_INT(err.code, ERR_FORMAT);
}

static int open_server(void)
{
    err_t err = ERR_INIT;
    const int code =
        bench_open(&bench, "tcp://127.0.0.1:*", in_folder("server"), in_folder("allowed"), &err);
    if (code != 0) {
        fprintf(stderr, "%s\n", err.text);
    }
    return code;
}

/* Exit of a ping: ERR_NONE when it was answered. */
static err_code_t ping(const char *server_key, const char *key, double deadline_s)
{
    err_t err = ERR_INIT;
    control_result_t got;
    control_client_t *client = bench_client(control_server_endpoint(bench.server), server_key, key);
    if (client == NULL) {
        return ERR_ARGUMENT;
    }
    const int code = control_client_ask(client, "ping", "", NULL, NULL, 0, deadline_s, &got, &err);
    control_result_free(&got);
    control_client_destroy(client);
    return code == 0 ? ERR_NONE : err.code;
}

static void test_door(void)
{
    make_keys();
    CHECK_INT(open_server(), 0);
    const char *server = in_folder("server.pub"), *alice = in_folder("alice");
    CHECK_INT(ping(server, alice, 10), ERR_NONE);
    CHECK_INT(ping(server, in_folder("mallory"), 0.7), ERR_STATE);    /* not on the list */
    CHECK_INT(ping(in_folder("mallory.pub"), alice, 0.7), ERR_STATE); /* wrong server key */
    CHECK_INT(ping("", "", 0.7) != ERR_NONE, 1);                      /* no CURVE at all */
    control_client_t *client = bench_client(control_server_endpoint(bench.server), server, alice);
    CHECK_AT_LEAST(bench_count(client, "refused_keys"), 1);
    CHECK_AT_LEAST(bench_count(client, "bad_handshakes"), 2);
    CHECK_AT_LEAST(bench_count(client, "accepted"), 2);
    CHECK_INT(bench_count(client, "malformed"), 0);
    control_client_destroy(client);
    bench_close(&bench);
}

/* The list is read at each connection. */
static void test_list_changes(void)
{
    CHECK_INT(open_server(), 0);
    const char *server = in_folder("server.pub"), *mallory = in_folder("mallory");
    CHECK_INT(ping(server, mallory, 0.7), ERR_STATE);
    char open[KEY_SIZE];
    CHECK_INT(keys_public(in_folder("mallory.pub"), open, NULL), 0);
    allow("a", open);
    CHECK_INT(ping(server, mallory, 10), ERR_NONE);
    CHECK_INT(unlink(in_folder("allowed")), 0);
    CHECK_INT(ping(server, mallory, 0.7), ERR_STATE); /* no list: nobody */
    bench_close(&bench);
}

/* Reports are behind the same door. */
static void test_reports_are_guarded(void)
{
    make_keys();
    CHECK_INT(open_server(), 0);
    err_t err = ERR_INIT;
    const char *reports = control_server_reports(bench.server);
    control_client_t *alice = bench_client(control_server_endpoint(bench.server),
                                           in_folder("server.pub"), in_folder("alice"));
    control_client_t *mallory = bench_client(control_server_endpoint(bench.server),
                                             in_folder("server.pub"), in_folder("mallory"));
    void *zmq = control_client_zmq(alice);
    subscriber_t *good = subscriber_create(zmq, reports, "", control_client_peer(alice), &err);
    subscriber_t *bad = subscriber_create(zmq, reports, "", control_client_peer(mallory), &err);
    subscriber_t *plain = subscriber_create(zmq, reports, "", NULL, &err);
    report_t report;
    bool got = false;
    for (int i = 0; i < 1000 && !got; i++) {
        control_report(bench.reporter, CONTROL_FRAME, "{}", 2);
        clock_sleep_s(0.01);
        got = subscriber_next(good, &report);
    }
    CU_ASSERT(got);
    if (got) {
        report_free(&report);
    }
    clock_sleep_s(0.3);
    CU_ASSERT(!subscriber_next(bad, &report));
    CU_ASSERT(!subscriber_next(plain, &report));
    subscriber_destroy(good);
    subscriber_destroy(bad);
    subscriber_destroy(plain);
    control_client_destroy(alice);
    control_client_destroy(mallory);
    bench_close(&bench);
}

/* Bytes that are not ZMTP, or only begin like it. */
static void test_noise(void)
{
    CHECK_INT(open_server(), 0);
    void *zmq = zmq_ctx_new(), *socket = zmq_socket(zmq, ZMQ_STREAM);
    const int none = 0, wait = 300;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait, sizeof wait);
    for (int round = 0; round < 20; round++) {
        uint8_t id[5], junk[300];
        CHECK_INT(zmq_connect(socket, control_server_endpoint(bench.server)), 0);
        size_t size = sizeof id;
        zmq_getsockopt(socket, ZMQ_ROUTING_ID, id, &size);
        for (size_t i = 0; i < sizeof junk; i++) {
            junk[i] = (uint8_t)(i * 37 + (size_t)round * 101);
        }
        junk[0] = round % 2 == 0 ? 0xff : junk[0]; /* half of them begin like ZMTP */
        zmq_send(socket, id, size, ZMQ_SNDMORE);
        zmq_send(socket, junk, sizeof junk, 0);
    }
    zmq_close(socket);
    zmq_ctx_term(zmq);
    CHECK_INT(ping(in_folder("server.pub"), in_folder("alice"), 10), ERR_NONE);
    bench_close(&bench);
}

/* ---- a recorded conversation ---- */

/* A server's port as a plain TCP connection. */
static int dial(const char *endpoint)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

typedef struct {
    int listener, port;
    uint8_t bytes[65536]; /* what the client said */
    size_t size;
} tap_t;

/* Passes one connection on, both ways, and writes down what the client says. */
static void *tap_run(void *context)
{
    tap_t *tap = context;
    const int client = accept(tap->listener, NULL, NULL);
    const int server = dial(control_server_endpoint(bench.server));
    struct pollfd fds[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    uint8_t part[4096];
    while (poll(fds, 2, 5000) > 0) {
        const int from = fds[0].revents != 0 ? 0 : 1;
        const ssize_t size = read(fds[from].fd, part, sizeof part);
        if (size <= 0 || write(fds[1 - from].fd, part, (size_t)size) != size) {
            break;
        }
        if (from == 0 && tap->size + (size_t)size <= sizeof tap->bytes) {
            memcpy(tap->bytes + tap->size, part, (size_t)size);
            tap->size += (size_t)size;
        }
    }
    close(client);
    close(server);
    return NULL;
}

static int tap_open(tap_t *tap)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    tap->size = 0;
    tap->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(tap->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(tap->listener, 1) != 0 ||
        getsockname(tap->listener, (struct sockaddr *)&at, &size) != 0) {
        return -1;
    }
    tap->port = ntohs(at.sin_port);
    return 0;
}

static void test_recorded(void)
{
    static tap_t tap;
    char endpoint[64];
    pthread_t thread;
    err_t err = ERR_INIT;
    make_keys();
    CHECK_INT(open_server(), 0);
    CHECK_INT(tap_open(&tap), 0);
    pthread_create(&thread, NULL, tap_run, &tap);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", tap.port);
    control_client_t *client = bench_client(endpoint, in_folder("server.pub"), in_folder("alice"));
    json_t *got = bench_ask(client, "add", NULL, &err);
    CU_ASSERT_PTR_NOT_NULL(got);
    json_decref(got);
    control_client_destroy(client);
    pthread_join(thread, NULL);
    close(tap.listener);
    CHECK_INT(bench.done, 1);
    CHECK_AT_LEAST(tap.size, 300);
    /* Its plain text is not to be seen. */
    CU_ASSERT_PTR_NULL(memmem(tap.bytes, tap.size, "command", 7));
    for (int i = 0; i < 3; i++) { /* the same bytes again */
        const int fd = dial(control_server_endpoint(bench.server));
        CHECK_INT(write(fd, tap.bytes, tap.size), (long long)tap.size);
        clock_sleep_s(0.05);
        close(fd);
    }
    client = bench_client(control_server_endpoint(bench.server), in_folder("server.pub"),
                          in_folder("alice"));
    for (int i = 0; i < 200 && bench_count(client, "bad_handshakes") < 3; i++) {
        clock_sleep_s(0.01);
    }
    CHECK_AT_LEAST(bench_count(client, "bad_handshakes"), 3);
    control_client_destroy(client);
    bench_close(&bench);
    CHECK_INT(bench.done, 1);
}

static void test_settings(void)
{
    err_t err = ERR_INIT;
    CHECK_INT(bench_open(&bench, bench_ipc(), in_folder("server"), "", &err), -1);
    CHECK_ERROR_NAMES(&err, "allow");
    allow("w", "not a key\n");
    CHECK_INT(bench_open(&bench, bench_ipc(), in_folder("server"), in_folder("allowed"), &err), -1);
    CHECK_INT(err.code, ERR_FORMAT);
    const control_peer_config_t far = {"tcp://192.0.2.1:5600", "", ""};
    CU_ASSERT_PTR_NULL(control_client_create(&far, &err));
    CHECK_ERROR_NAMES(&err, "needs keys");
}

static const check_test_t tests[] = {
    {"key files are private, whole, and never overwritten", test_files},
    {"the right keys come in; a wrong, missing or unlisted one is refused and counted", test_door},
    {"the allow-list acts on the next connection", test_list_changes},
    {"reports go to allowed keys only", test_reports_are_guarded},
    {"a recorded conversation sent again is refused and counted", test_recorded},
    {"noise at the door harms nobody", test_noise},
    {"half a configuration is refused with a reason", test_settings},
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    log_set_level(LOG_ERROR);
    make_keys();
    const int failed = check_run("control_keys", tests, CHECK_COUNT(tests));
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
