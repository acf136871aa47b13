/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/control_private.h"

#include "clock.h"
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAITING = 64, REPORTS_WAITING = 1000 };

static bool given(const char *text)
{
    return text != NULL && *text != 0;
}

static int check(const control_server_config_t *config, const char *reports, err_t *err)
{
    if (endpoint_check(config->bind, err) != 0 || endpoint_check(reports, err) != 0) {
        return -1;
    }
    if (given(config->key) != given(config->allow)) {
        return err_set(err, ERR_ARGUMENT,
                       "control: a key and an allow-list belong together (control.key, "
                       "control.allow)");
    }
    if (!given(config->key) && (!endpoint_is_local(config->bind) || !endpoint_is_local(reports))) {
        return err_set(err, ERR_ARGUMENT,
                       "control: %s can be reached from elsewhere, so it needs control.key and "
                       "control.allow (semradio-align keys makes them)",
                       endpoint_is_local(config->bind) ? reports : config->bind);
    }
    return given(config->allow) ? keys_check_list(config->allow, err) : 0;
}

static int set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

/* Bounds everything a peer can make libzmq hold. */
static int prepare(void *socket, const char *endpoint, int waiting, err_t *err)
{
    const int ipv6 = strchr(endpoint, '[') != NULL; /* else 127.0.0.1 would be ::ffff:127.0.0.1 */
    const int64_t largest = CONTROL_MESSAGE;
    if (set_int(socket, ZMQ_LINGER, 200) != 0 || set_int(socket, ZMQ_IPV6, ipv6) != 0 ||
        set_int(socket, ZMQ_RCVHWM, WAITING) != 0 || set_int(socket, ZMQ_SNDHWM, waiting) != 0 ||
        set_int(socket, ZMQ_HANDSHAKE_IVL, 5000) != 0 ||
        set_int(socket, ZMQ_HEARTBEAT_IVL, 2000) != 0 ||
        set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, 6000) != 0 ||
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) != 0) {
        return err_set(err, ERR_IO, "cannot prepare a socket: %s", zmq_strerror(zmq_errno()));
    }
    return 0;
}

static int bind_to(void *socket, const char *endpoint, char bound[ENDPOINT_SIZE], err_t *err)
{
    size_t size = ENDPOINT_SIZE;
    if (zmq_bind(socket, endpoint) != 0) {
        return err_set(err, ERR_IO, "cannot listen at %s: %s", endpoint, zmq_strerror(zmq_errno()));
    }
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &size) != 0) {
        snprintf(bound, ENDPOINT_SIZE, "%s", endpoint);
    }
    if (strncmp(bound, "ipc://", 6) == 0 && chmod(bound + 6, 0600) != 0) {
        return err_set_errno(err, errno, "cannot keep others out of %s", bound + 6);
    }
    return 0;
}

static int open_sockets(control_server_t *server, const char *reports, err_t *err)
{
    server->router = zmq_socket(server->zmq, ZMQ_ROUTER);
    server->pub = zmq_socket(server->zmq, ZMQ_PUB);
    if (server->router == NULL || server->pub == NULL) {
        return err_set(err, ERR_IO, "cannot open a socket: %s", zmq_strerror(zmq_errno()));
    }
    /* A client that comes back under its old name takes its place over. */
    if (set_int(server->router, ZMQ_ROUTER_HANDOVER, 1) != 0 ||
        prepare(server->router, server->config.bind, WAITING, err) != 0 ||
        prepare(server->pub, reports, REPORTS_WAITING, err) != 0 ||
        gate_guard(server->gate, server->router, err) != 0 ||
        gate_guard(server->gate, server->pub, err) != 0) {
        return -1;
    }
    return bind_to(server->router, server->config.bind, server->endpoint, err) == 0 &&
                   bind_to(server->pub, reports, server->reports, err) == 0
               ? 0
               : -1;
}

static int open_all(control_server_t *server, err_t *err)
{
    char reports[ENDPOINT_SIZE];
    const control_server_config_t *config = &server->config;
    if (given(config->reports)) {
        snprintf(reports, sizeof reports, "%s", config->reports);
    } else if (endpoint_reports(config->bind, reports, err) != 0) {
        return -1;
    }
    if (check(config, reports, err) != 0) {
        return -1;
    }
    key_pair_t pair;
    if (given(config->key) && keys_load(config->key, &pair, err) != 0) {
        return -1;
    }
    server->owns_zmq = config->zmq == NULL;
    server->zmq = server->owns_zmq ? zmq_ctx_new() : config->zmq;
    server->answers = answers_create(err);
    server->wake.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->zmq == NULL || server->answers == NULL || server->wake.event_fd < 0) {
        return err_set(err, ERR_MEMORY, "no memory for a control server");
    }
    server->gate = gate_create(server->zmq, given(config->key) ? &pair : NULL, config->allow, err);
    keys_wipe(&pair);
    return server->gate != NULL ? open_sockets(server, reports, err) : -1;
}

control_server_t *control_server_create(const control_server_config_t *config, err_t *err)
{
    control_server_t *server = calloc(1, sizeof *server);
    if (server == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a control server");
        return NULL;
    }
    server->config = *config;
    server->wake.event_fd = -1;
    server->start_ns = clock_now_ns();
    session_make(server->session);
    if (open_all(server, err) != 0) {
        control_server_destroy(server);
        return NULL;
    }
    return server;
}

void control_server_destroy(control_server_t *server)
{
    if (server == NULL) {
        return;
    }
    control_server_stop(server);
    for (int i = 0; i < server->reporters; i++) {
        ring_destroy(server->reporter[i].ring);
    }
    gate_destroy(server->gate);
    if (server->router != NULL) {
        zmq_close(server->router);
    }
    if (server->pub != NULL) {
        zmq_close(server->pub);
    }
    if (server->owns_zmq && server->zmq != NULL) {
        zmq_ctx_term(server->zmq);
    }
    if (server->wake.event_fd >= 0) {
        close(server->wake.event_fd);
    }
    answers_destroy(server->answers);
    free(server);
}

int control_server_items(control_server_t *server, zmq_pollitem_t items[])
{
    int count = gate_items(server->gate, items);
    items[count++] = (zmq_pollitem_t){.socket = server->router, .events = ZMQ_POLLIN};
    items[count++] = (zmq_pollitem_t){.fd = server->wake.event_fd, .events = ZMQ_POLLIN};
    return count;
}

void control_server_serve(control_server_t *server)
{
    uint64_t wakes;
    atomic_store(&server->wake.awake, false);
    (void)!read(server->wake.event_fd, &wakes, sizeof wakes);
    gate_serve(server->gate);
    control_send_reports(server);
    for (int i = 0; i < WAITING && control_serve_request(server); i++) {
        control_send_reports(server);
    }
}

static void *serve(void *context)
{
    control_server_t *server = context;
    zmq_pollitem_t items[CONTROL_ITEMS];
    program_name_thread("control");
    program_stand_back(3);
    const int count = control_server_items(server, items);
    while (!atomic_load(&server->stopping)) {
        zmq_poll(items, count, 500);
        control_server_serve(server);
    }
    return NULL;
}

int control_server_start(control_server_t *server, err_t *err)
{
    const int code = pthread_create(&server->thread, NULL, serve, server);
    if (code != 0) {
        return err_set_errno(err, code, "cannot start a thread");
    }
    server->running = true;
    return 0;
}

void control_server_stop(control_server_t *server)
{
    if (server != NULL && server->running) {
        atomic_store(&server->stopping, true);
        control_wake(&server->wake);
        pthread_join(server->thread, NULL);
        server->running = false;
    }
}

const char *control_server_endpoint(const control_server_t *server)
{
    return server->endpoint;
}

const char *control_server_reports(const control_server_t *server)
{
    return server->reports;
}

const char *control_server_session(const control_server_t *server)
{
    return server->session;
}
