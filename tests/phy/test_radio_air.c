/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Radios, through real shared memory and real processes: the air runs in a
 * forked child, and so does the peer where it has to die.
 */
#include "air/hub.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "radio/radio.h"
#include "radio/segment.h"
#include "rng.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 8192, LONG = 300000 };

static char name[64];
static hub_t *child_hub;

static void on_term(int number)
{
    (void)number;
    hub_stop(child_hub);
}

/* A fresh name for each air, so that tests cannot disturb each other. */
static hub_config_t new_air(void)
{
    static int counter;
    snprintf(name, sizeof name, "test-%d-%d", (int)getpid(), counter++);
    hub_config_t config = hub_config_default();
    config.name = name;
    config.channel.model = AIR_NONE;
    config.rx_ring = 1 << 22; /* half a second: CI machines stumble */
    return config;
}

static pid_t run_air(const hub_config_t *config)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        err_t err = ERR_INIT;
        log_set_level(LOG_ERROR);
        child_hub = hub_create(config, &err);
        if (child_hub == NULL) {
            fprintf(stderr, "air: %s\n", err.text);
            _exit(1);
        }
        signal(SIGTERM, on_term);
        hub_run(child_hub, 600.0);
        hub_destroy(child_hub);
        _exit(0);
    }
    return pid;
}

static int end_child(pid_t pid, int number)
{
    int status = 0;
    kill(pid, number);
    waitpid(pid, &status, 0);
    return status;
}

static radio_t *open_radio(void)
{
    radio_config_t config = radio_config_default();
    config.address = name;
    config.timeout_s = 5.0;
    err_t err = ERR_INIT;
    radio_t *radio = radio_open(&config, &err);
    if (radio == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return radio;
}

static radio_t *open_receiver(void)
{
    radio_t *radio = open_radio();
    CHECK_INT(radio_start(radio, NULL), 0);
    return radio;
}

static bool wait_event(radio_t *radio, radio_event_kind_t kind, double seconds,
                       radio_event_t *event)
{
    const uint64_t end = clock_now_ns() + (uint64_t)(seconds * 1e9);
    do {
        while (radio_next_event(radio, event)) {
            if (event->kind == kind) {
                return true;
            }
        }
        clock_sleep_s(0.005);
    } while (clock_now_ns() < end);
    return false;
}

/* Sample number i of a stream: exact in a float, never zero. */
static float complex pattern(uint64_t i)
{
    return CMPLXF((float)(i + 1), -(float)(i + 1));
}

static void fill(float complex *x, uint64_t from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = pattern(from + i);
    }
}

static ssize_t push(radio_t *radio, const float complex *x, size_t count, bool start, bool end,
                    uint64_t timestamp, err_t *err)
{
    const float complex *const antennas[] = {x};
    return radio_push(radio, antennas, count, &(radio_push_t){start, end, timestamp}, 5.0, err);
}

static ssize_t pull(radio_t *radio, float complex *x, size_t count, double timeout_s,
                    radio_pull_t *info)
{
    float complex *const antennas[] = {x};
    return radio_pull(radio, antennas, count, timeout_s, info, NULL);
}

typedef struct {
    uint64_t samples; /* of the pattern, in order */
    uint64_t first_timestamp, last_timestamp;
    uint64_t errors, gaps, lost;
    uint64_t next_time;
} listener_t;

/* Reads until `wanted` pattern samples came, nothing did for `quiet_s`, or a minute went by. */
static void listen_for(radio_t *radio, listener_t *l, uint64_t wanted, double quiet_s)
{
    static float complex x[BLOCK];
    radio_pull_t info;
    ssize_t n;
    const uint64_t end = clock_now_ns() + UINT64_C(60000000000);
    while (l->samples < wanted && clock_now_ns() < end &&
           (n = pull(radio, x, BLOCK, quiet_s, &info)) > 0) {
        if (!info.discontinuous && info.timestamp != l->next_time) {
            l->errors++;
        }
        l->gaps += info.lost > 0;
        l->lost += info.lost;
        for (ssize_t i = 0; i < n; i++) {
            if (x[i] == 0.0f) {
                continue;
            }
            if (memcmp(&x[i], &(float complex){pattern(l->samples)}, sizeof x[i]) != 0) {
                l->errors++;
            }
            if (l->samples++ == 0) {
                l->first_timestamp = info.timestamp + (uint64_t)i;
            }
            l->last_timestamp = info.timestamp + (uint64_t)i;
        }
        l->next_time = info.timestamp + (uint64_t)n;
    }
}

/* A child that sends the pattern in bursts and pushes of all sizes. */
static pid_t run_sender(uint64_t total)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        radio_t *radio = open_radio();
        static float complex x[50000];
        uint64_t done = 0;
        unsigned round = 0;
        while (done < total) {
            size_t n = 1 + (round * 7919u) % 50000u;
            n = n < total - done ? n : (size_t)(total - done);
            const bool start = round % 3 == 0;
            const bool end = round % 3 == 2 || done + n == total;
            fill(x, done, n);
            if (push(radio, x, n, start, end, RADIO_ASAP, NULL) != (ssize_t)n) {
                _exit(1);
            }
            done += n;
            round++;
        }
        const bool drained = radio_drained(radio, 20.0);
        radio_close(radio);
        _exit(drained ? 0 : 2);
    }
    return pid;
}

static void test_bit_exact(void)
{
    hub_config_t config = new_air();
    config.free_pace = true;
    config.wait_radios = 2;
    const pid_t air = run_air(&config);
    radio_t *radio = open_receiver();
    const uint64_t total = 6000000;
    const pid_t sender = run_sender(total);
    listener_t l = {0};
    listen_for(radio, &l, total, 5.0);
    CHECK_INT(l.samples, total);
    CHECK_INT(l.errors, 0);
    CHECK_INT(l.lost, 0);
    int status = 0;
    waitpid(sender, &status, 0);
    CHECK_INT(status, 0);
    radio_close(radio);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_back_pressure(void)
{
    hub_config_t config = new_air();
    config.free_pace = true;
    config.wait_radios = 2;
    config.rx_ring = 1 << 14;
    config.tx_ring = 1 << 12;
    config.block_samples = 2048;
    const pid_t air = run_air(&config);
    radio_t *radio = open_receiver();
    const uint64_t total = 400000;
    const pid_t sender = run_sender(total);
    listener_t l = {0};
    for (uint64_t part = 1; part <= 4; part++) { /* a sleepy receiver */
        listen_for(radio, &l, part * total / 4, 5.0);
        clock_sleep_s(0.2);
    }
    CHECK_INT(l.samples, total);
    CHECK_INT(l.errors, 0);
    CHECK_INT(l.lost, 0);
    end_child(sender, SIGCONT);
    radio_close(radio);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_idle_air_sleeps(void)
{
    hub_config_t config = new_air();
    config.free_pace = true;
    const pid_t air = run_air(&config);
    radio_t *receiver = open_receiver();
    radio_t *sender = open_radio();
    static float complex x[1000];
    fill(x, 0, 1000);
    CHECK_INT(push(sender, x, 1000, true, true, RADIO_ASAP, NULL), 1000);
    listener_t l = {0};
    listen_for(receiver, &l, 2000, 0.3);
    CHECK_INT(l.samples, 1000);
    hub_status_t one, two;
    CHECK_INT(hub_status(name, &one, NULL), 0);
    clock_sleep_s(1.3);
    CHECK_INT(hub_status(name, &two, NULL), 0);
    CHECK_INT(one.now, two.now);
    /* The burst, the tail, and no more than a tail at the start. */
    CHECK_AT_MOST(two.now, 1000 + 2 * config.tail_samples);
    CHECK_AT_MOST(two.load, 0.05);
    radio_close(receiver);
    radio_close(sender);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void burst_at_time(bool free_pace)
{
    hub_config_t config = new_air();
    config.free_pace = free_pace;
    const pid_t air = run_air(&config);
    radio_t *receiver = open_receiver();
    radio_t *sender = open_radio();
    static float complex x[6000];
    fill(x, 0, 6000);
    clock_sleep_s(0.05);
    const uint64_t when = radio_now(sender) + 2000003;
    CHECK_INT(push(sender, x, 2500, true, false, when, NULL), 2500);
    CHECK_INT(push(sender, x + 2500, 3500, false, true, 0, NULL), 3500);
    listener_t l = {0};
    listen_for(receiver, &l, 6000, 1.0);
    CHECK_INT(l.samples, 6000);
    CHECK_INT(l.errors, 0);
    CHECK_INT(l.first_timestamp, when);
    CHECK_INT(l.last_timestamp, when + 5999);
    radio_close(receiver);
    radio_close(sender);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_burst_at_time_realtime(void)
{
    burst_at_time(false);
}

static void test_burst_at_time_free(void)
{
    burst_at_time(true);
}

static void test_realtime_pace(void)
{
    hub_config_t config = new_air();
    const pid_t air = run_air(&config);
    radio_t *radio = open_receiver();
    double rate = 0.0;
    hub_status_t status = {.stalls = 0};
    /* Never faster than the clock; as fast as it, unless the machine cannot (and says so). */
    for (int attempt = 0; attempt < 5 && rate < 0.98 && status.stalls == 0; attempt++) {
        const uint64_t samples = radio_now(radio);
        const uint64_t ns = clock_now_ns();
        clock_sleep_s(1.0);
        rate = (double)(radio_now(radio) - samples) / (1e-9 * (double)(clock_now_ns() - ns)) /
               7.68e6;
        CHECK_AT_MOST(rate, 1.25); /* a block late at the start, caught up at the end */
        CHECK_INT(hub_status(name, &status, NULL), 0);
    }
    CHECK_AT_LEAST(rate, status.stalls == 0 ? 0.98 : 0.0);
    radio_close(radio);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_late_burst(void)
{
    hub_config_t config = new_air();
    const pid_t air = run_air(&config);
    radio_t *receiver = open_receiver();
    radio_t *sender = open_radio();
    static float complex x[5000];
    fill(x, 0, 5000);
    clock_sleep_s(0.1);
    CHECK_AT_LEAST(radio_now(sender), 1000);
    CHECK_INT(push(sender, x, 5000, true, true, 17, NULL), 5000);
    CHECK_INT(push(sender, x, 3000, true, true, RADIO_ASAP, NULL), 3000);
    radio_event_t event;
    CU_ASSERT_FATAL(wait_event(sender, RADIO_EVENT_LATE, 2.0, &event));
    CHECK_INT(event.timestamp, 17);
    CHECK_INT(event.count, 5000);
    CHECK_INT(radio_counts(sender).late, 1);
    CHECK_INT(radio_counts(sender).late_samples, 5000);
    listener_t l = {0};
    listen_for(receiver, &l, 3000, 1.0);
    CHECK_INT(l.samples, 3000); /* the second burst, whole */
    CHECK_INT(l.errors, 0);
    err_t err = ERR_INIT;
    CHECK_INT(push(sender, x, 1, true, true, radio_now(sender) + UINT64_C(1000000000), &err), -1);
    CHECK_INT(err.code, ERR_ARGUMENT);
    radio_close(receiver);
    radio_close(sender);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_underflow(void)
{
    hub_config_t config = new_air();
    const pid_t air = run_air(&config);
    radio_t *receiver = open_receiver();
    radio_t *sender = open_radio();
    static float complex x[2000];
    fill(x, 0, 2000);
    CHECK_INT(push(sender, x, 1000, true, false, RADIO_ASAP, NULL), 1000);
    radio_event_t event;
    CU_ASSERT_FATAL(wait_event(sender, RADIO_EVENT_UNDERFLOW, 2.0, &event));
    CHECK_INT(push(sender, x + 1000, 1000, false, true, 0, NULL), 1000);
    listener_t l = {0};
    listen_for(receiver, &l, 2000, 1.0);
    CHECK_INT(l.samples, 2000);
    CHECK_INT(l.errors, 0);
    CHECK_AT_LEAST(l.last_timestamp - l.first_timestamp, 2000);
    CHECK_INT(radio_counts(sender).underflows, 1);
    radio_close(receiver);
    radio_close(sender);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_overflow(void)
{
    hub_config_t config = new_air();
    config.rx_ring = 1 << 16;
    const pid_t air = run_air(&config);
    radio_t *radio = open_receiver();
    static float complex x[BLOCK];
    radio_pull_t info;
    CU_ASSERT_FATAL(pull(radio, x, BLOCK, 1.0, &info) > 0);
    clock_sleep_s(0.3); /* 2.3 million samples into a ring of 65 thousand */
    uint64_t next = 0, lost = 0, unexplained = 0, total = 0;
    bool first = true;
    while (total < 600000) {
        const ssize_t n = pull(radio, x, BLOCK, 1.0, &info);
        CU_ASSERT_FATAL(n > 0);
        if (!first && info.timestamp - next != info.lost) {
            unexplained++;
        }
        first = false;
        lost += info.lost;
        next = info.timestamp + (uint64_t)n;
        total += (uint64_t)n;
    }
    CHECK_AT_LEAST(lost, 1500000);
    CHECK_INT(unexplained, 0); /* timestamps jump by exactly what was counted */
    radio_event_t event;
    CU_ASSERT(wait_event(radio, RADIO_EVENT_OVERFLOW, 0.1, &event));
    CHECK_INT(radio_counts(radio).overflow_samples, lost);
    hub_status_t status;
    CHECK_INT(hub_status(name, &status, NULL), 0);
    CHECK_AT_LEAST(status.dropped, lost);
    radio_close(radio);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_peer_killed(void)
{
    hub_config_t config = new_air();
    config.free_pace = true;
    config.rx_ring = 1 << 14;
    const pid_t air = run_air(&config);
    radio_t *radio = open_radio();
    fflush(NULL);
    const pid_t peer = fork();
    if (peer == 0) { /* receives, never reads: in free pace it holds up time until it dies */
        (void)open_receiver();
        for (;;) {
            pause();
        }
    }
    radio_event_t event;
    CU_ASSERT_FATAL(wait_event(radio, RADIO_EVENT_PEER_JOINED, 5.0, &event));
    const uint64_t who = event.count;
    static float complex x[200000];
    fill(x, 0, 200000);
    CHECK_INT(push(radio, x, 200000, true, true, RADIO_ASAP, NULL), 200000);
    CU_ASSERT(!radio_drained(radio, 0.2));
    end_child(peer, SIGKILL);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_PEER_DIED, 2.0, &event));
    CHECK_INT(event.count, who);
    CU_ASSERT(radio_drained(radio, 2.0));
    /* Its slot can be had again, and sending goes on. */
    radio_t *other = open_receiver();
    clock_sleep_s(0.1);
    CHECK_INT(push(radio, x, 8000, true, true, RADIO_ASAP, NULL), 8000);
    listener_t l = {0};
    listen_for(other, &l, 8000, 1.0);
    CHECK_INT(l.samples, 8000);
    CHECK_INT(l.errors, 0);
    radio_close(other);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_PEER_LEFT, 2.0, &event));
    radio_close(radio);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_air_killed(void)
{
    hub_config_t config = new_air();
    pid_t air = run_air(&config);
    radio_t *receiver = open_receiver();
    radio_t *sender = open_radio();
    static float complex x[BLOCK];
    radio_pull_t info;
    CU_ASSERT(pull(receiver, x, BLOCK, 1.0, &info) > 0);
    end_child(air, SIGKILL); /* leaves its segment behind */
    radio_event_t event;
    CU_ASSERT(wait_event(sender, RADIO_EVENT_DEVICE_GONE, 1.0, &event));
    err_t err = ERR_INIT;
    const float complex *const antennas[] = {x};
    CHECK_INT(radio_push(sender, antennas, 10, &(radio_push_t){true, true, RADIO_ASAP}, 0.1, &err),
              -1);
    CHECK_INT(err.code, ERR_CLOSED);
    for (int i = 0; i < 100 && pull(receiver, x, BLOCK, 0.05, &info) > 0; i++) {
    }
    CU_ASSERT(wait_event(receiver, RADIO_EVENT_DEVICE_GONE, 1.0, &event));
    CHECK_INT(pull(receiver, x, BLOCK, 0.05, &info), 0);
    air = run_air(&config); /* replaces the stale segment */
    CU_ASSERT(pull(receiver, x, BLOCK, 3.0, &info) > 0);
    CU_ASSERT(info.discontinuous);
    CU_ASSERT(wait_event(receiver, RADIO_EVENT_DEVICE_BACK, 1.0, &event));
    fill(x, 0, 5000);
    CHECK_INT(push(sender, x, 5000, true, true, RADIO_ASAP, &err), 5000);
    listener_t l = {.next_time = info.timestamp + BLOCK};
    listen_for(receiver, &l, 5000, 1.0);
    CHECK_INT(l.samples, 5000);
    radio_close(receiver);
    radio_close(sender);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void segment_path(char *path, size_t size)
{
    snprintf(path, size, "/semradio.%u.%s", (unsigned)geteuid(), name);
}

static void test_clean_end(void)
{
    hub_config_t config = new_air();
    const pid_t air = run_air(&config);
    radio_t *radio = open_radio();
    char path[128];
    segment_path(path, sizeof path);
    const int fd = shm_open(path, O_RDWR, 0);
    CU_ASSERT_FATAL(fd >= 0);
    struct stat status;
    CHECK_INT(fstat(fd, &status), 0);
    CHECK_INT(status.st_mode & 0777, 0600);
    close(fd);
    CHECK_INT(end_child(air, SIGTERM), 0);
    CHECK_INT(shm_open(path, O_RDWR, 0), -1);
    CHECK_INT(errno, ENOENT);
    radio_event_t event;
    CU_ASSERT(wait_event(radio, RADIO_EVENT_DEVICE_GONE, 1.0, &event));
    radio_close(radio);
}

/* What radio_open says about the present name. */
static err_code_t open_error(double timeout_s, err_t *err)
{
    radio_config_t config = radio_config_default();
    config.address = name;
    config.timeout_s = timeout_s;
    *err = (err_t)ERR_INIT;
    radio_t *radio = radio_open(&config, err);
    if (radio != NULL) {
        radio_close(radio);
    }
    return err->code;
}

static void test_nobody_there(void)
{
    err_t err;
    (void)new_air();
    const uint64_t start = clock_now_ns();
    CHECK_INT(open_error(0.2, &err), ERR_TIMEOUT);
    CHECK_AT_LEAST(1e-9 * (double)(clock_now_ns() - start), 0.2);
    CHECK_ERROR_NAMES(&err, name);
    CHECK_ERROR_NAMES(&err, "semradio-air");
    strcpy(name, "../etc/passwd");
    CHECK_INT(open_error(0.0, &err), ERR_ARGUMENT);
    radio_config_t config = radio_config_default();
    config.backend = "carrier pigeon";
    CU_ASSERT(radio_open(&config, &err) == NULL);
    CHECK_ERROR_NAMES(&err, "carrier pigeon");
    config = radio_config_default();
    config.rate_hz = (double)NAN;
    CU_ASSERT(radio_open(&config, &err) == NULL);
    CHECK_ERROR_NAMES(&err, "radio.rate_hz");
}

static void test_wrong_rate(void)
{
    hub_config_t air_config = new_air();
    const pid_t air = run_air(&air_config);
    radio_close(open_radio());
    radio_config_t config = radio_config_default();
    config.address = name;
    config.rate_hz = 1e6;
    err_t err = ERR_INIT;
    CU_ASSERT(radio_open(&config, &err) == NULL);
    CHECK_INT(err.code, ERR_UNSUPPORTED);
    CHECK_ERROR_NAMES(&err, "radio.rate_hz");
    CHECK_INT(end_child(air, SIGTERM), 0);
}

/* A segment of `size` bytes that holds `seed`-dependent rubbish. */
static void write_garbage(size_t size, unsigned seed, uint64_t magic)
{
    char path[128];
    segment_path(path, sizeof path);
    shm_unlink(path);
    const int fd = shm_open(path, O_RDWR | O_CREAT, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    unsigned char *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245u + 12345u;
        bytes[i] = (unsigned char)(seed >> 16);
    }
    if (magic != 0) {
        memcpy(bytes, &magic, sizeof magic);
    }
    CHECK_INT(write(fd, bytes, size), size);
    free(bytes);
    close(fd);
}

static void test_garbage(void)
{
    char path[128];
    err_t err;
    const size_t whole = (sizeof(segment_header_t) + 4095) / 4096 * 4096;
    hub_config_t config = new_air();
    segment_path(path, sizeof path);
    write_garbage(100, 1, 0);
    CHECK_INT(open_error(1.0, &err), ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, path);
    write_garbage(whole, 2, 0);
    CHECK_INT(open_error(1.0, &err), ERR_FORMAT);
    for (unsigned seed = 3; seed < 20; seed++) { /* the right magic before rubbish */
        write_garbage(whole, seed, SEGMENT_MAGIC);
        CHECK_INT(open_error(1.0, &err), ERR_FORMAT);
    }
    const int fd = shm_open(path, O_RDWR, 0);
    CHECK_INT(fchmod(fd, 0666), 0);
    close(fd);
    CHECK_INT(open_error(1.0, &err), ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, "open to others");
    write_garbage(whole, 2, 0);
    const pid_t air = run_air(&config); /* cleans it away */
    for (int i = 0; i < 100 && open_error(3.0, &err) == ERR_FORMAT; i++) {
        clock_sleep_s(0.1); /* it has not come so far */
    }
    CHECK_INT(err.code, ERR_NONE);
    err = (err_t)ERR_INIT;
    CU_ASSERT(hub_create(&config, &err) == NULL); /* the name is taken */
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

/* A header that promises more than the file has must not be mapped by its word. */
static void test_lying_header(void)
{
    (void)new_air();
    segment_t made;
    bool replaced;
    const segment_shape_t shape = {1 << 12, 1 << 14, 7.68e6};
    err_t err = ERR_INIT;
    CHECK_INT(segment_create(&made, name, &shape, &replaced, &err), 0);
    made.header->rx_samples = 1 << 20;
    CHECK_INT(open_error(0.0, &err), ERR_FORMAT);
    made.header->total_bytes += SEGMENT_SLOTS * sizeof(float complex) * ((1 << 20) - (1 << 14));
    CHECK_INT(open_error(0.0, &err), ERR_FORMAT);
    made.header->rx_samples = 12345;
    CHECK_INT(open_error(0.0, &err), ERR_FORMAT);
    made.header->version = 99;
    CHECK_INT(open_error(0.0, &err), ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, "version 99");
    segment_destroy(&made, name);
}

static void test_damaged_rings(void)
{
    hub_config_t config = new_air();
    const pid_t air = run_air(&config);
    radio_t *good = open_receiver();
    segment_t bad;
    err_t err = ERR_INIT;
    CHECK_INT(segment_attach(&bad, name, &err), 0);
    const int slot = segment_claim(&bad, &err);
    CU_ASSERT_FATAL(slot >= 0);
    atomic_store(&bad.header->slot[slot].state, SLOT_ATTACHED);
    radio_event_t event;
    CU_ASSERT(wait_event(good, RADIO_EVENT_PEER_JOINED, 2.0, &event));
    atomic_store(&bad.header->slot[slot].tx.head, UINT64_C(1) << 50);
    CU_ASSERT(wait_event(good, RADIO_EVENT_PEER_DIED, 2.0, &event));
    static float complex x[BLOCK];
    radio_pull_t info;
    for (int i = 0; i < 20; i++) { /* the air lives on */
        CHECK_INT(pull(good, x, BLOCK, 1.0, &info), BLOCK);
    }
    segment_release(&bad, slot);
    /* And a radio whose receive ring is damaged says so. */
    atomic_store(&bad.header->slot[0].rx.head, UINT64_C(1) << 50);
    float complex *const antennas[] = {x};
    ssize_t n = 0;
    for (int i = 0; i < 10 && n >= 0; i++) {
        n = radio_pull(good, antennas, BLOCK, 0.1, &info, &err);
    }
    CHECK_INT(n, -1);
    CHECK_INT(err.code, ERR_FORMAT);
    segment_detach(&bad);
    radio_close(good);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

/* Whatever a radio's process writes into its slot, the air and the others go on. */
static void test_fuzzed_rings(void)
{
    hub_config_t config = new_air();
    config.tx_ring = 1 << 12;
    config.rx_ring = 1 << 14;
    const pid_t air = run_air(&config);
    radio_t *good = open_receiver();
    rng_t rng;
    rng_seed(&rng, 2024, 1);
    for (int round = 0; round < 150; round++) {
        segment_t bad;
        err_t err = ERR_INIT;
        CU_ASSERT_FATAL(segment_attach(&bad, name, &err) == 0);
        const int i = segment_claim(&bad, &err);
        CU_ASSERT_FATAL(i >= 0);
        segment_slot_t *slot = &bad.header->slot[i];
        atomic_store(&slot->epoch, 1);
        for (int m = 0; m < SEGMENT_MARKS; m++) {
            slot->tx.marks[m] =
                (mark_t){rng_below(&rng, 5000), rng_below(&rng, 2) ? SEGMENT_ASAP : rng_bits(&rng),
                         rng_bits(&rng), rng_below(&rng, 5)};
        }
        slot->tx.marks[0].position = 0; /* so that some get further */
        slot->tx.marks[0].kind = MARK_START;
        slot->tx.marks[1].kind = rng_below(&rng, 2) ? MARK_END : MARK_GAP;
        atomic_store(&slot->tx.mark_head, rng_below(&rng, 300));
        atomic_store(&slot->tx.head, rng_below(&rng, 5000));
        atomic_store(&slot->state, SLOT_ATTACHED);
        clock_sleep_s(0.001);
        atomic_store(&slot->rx.tail, rng_below(&rng, 3) ? rng_bits(&rng) : 0);
        atomic_store(&slot->rx.mark_tail, rng_bits(&rng));
        atomic_store(&slot->event_tail, rng_bits(&rng));
        atomic_store(&slot->tx.tail, rng_below(&rng, 3) ? rng_bits(&rng) : 0);
        clock_sleep_s(0.001);
        if (rng_below(&rng, 2)) {
            segment_release(&bad, i);
        } /* else: as if it died */
        segment_detach(&bad);
        static float complex x[BLOCK];
        radio_pull_t info;
        CU_ASSERT(pull(good, x, BLOCK, 1.0, &info) > 0);
        if (round % 5 == 4) {
            clock_sleep_s(0.15); /* the dead ones' slots become free */
        }
    }
    radio_close(good);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

/* Free pace waits a second for an open burst's samples, then goes on without. */
static void test_free_pace_hole(void)
{
    hub_config_t config = new_air();
    config.free_pace = true;
    const pid_t air = run_air(&config);
    radio_t *receiver = open_receiver();
    radio_t *sender = open_radio();
    static float complex x[2000];
    fill(x, 0, 2000);
    CHECK_INT(push(sender, x, 1000, true, false, RADIO_ASAP, NULL), 1000);
    clock_sleep_s(0.3);
    CHECK_INT(push(sender, x + 1000, 500, false, false, 0, NULL), 500);
    listener_t l = {0};
    listen_for(receiver, &l, 1500, 1.0);
    CHECK_INT(l.samples, 1500);
    CHECK_INT(l.last_timestamp - l.first_timestamp, 1499); /* time stood still */
    radio_event_t event;
    CU_ASSERT(wait_event(sender, RADIO_EVENT_UNDERFLOW, 3.0, &event));
    CHECK_INT(push(sender, x + 1500, 500, false, true, 0, NULL), 500);
    listen_for(receiver, &l, 2000, 1.0);
    CHECK_INT(l.samples, 2000);
    CHECK_INT(l.errors, 0);
    radio_close(receiver);
    radio_close(sender);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_options(void)
{
    static const option_t *const tables[] = {radio_options, radio_tx_options, NULL};
    err_t err = ERR_INIT;
    options_t *options = options_create("test", "test", tables, &err);
    CU_ASSERT_FATAL(options != NULL);
    radio_config_t config = radio_config_from_options(options);
    const radio_config_t fallback = radio_config_default();
    CHECK_INT(strcmp(config.backend, fallback.backend), 0);
    CHECK_INT(strcmp(config.address, fallback.address), 0);
    CHECK_NEAR(config.rate_hz, fallback.rate_hz, 0);
    CHECK_NEAR(config.freq_hz, fallback.freq_hz, 0);
    CHECK_NEAR(config.timeout_s, fallback.timeout_s, 0);
    char *const words[] = {"test", "--args=lab", "--rate", "1M", "--freq=2.4G", "--gain=-3", NULL};
    CHECK_INT(options_parse(options, 6, words, &err), 0);
    config = radio_config_from_options(options);
    CHECK_INT(strcmp(config.address, "lab"), 0);
    CHECK_NEAR(config.rate_hz, 1e6, 0);
    CHECK_NEAR(config.freq_hz, 2.4e9, 0);
    CHECK_NEAR(config.tx_gain_db, -3, 0);
    CHECK_NEAR(config.rx_gain_db, 0, 0);
    options_destroy(options);
}

static double power_of_next(radio_t *radio, size_t count)
{
    static float complex x[BLOCK];
    radio_pull_t info;
    double sum = 0.0;
    size_t got = 0;
    while (got < count) {
        const ssize_t n = pull(radio, x, BLOCK, 1.0, &info);
        if (n <= 0) {
            return -1.0;
        }
        for (ssize_t i = 0; i < n; i++) {
            sum += (double)(crealf(x[i]) * crealf(x[i]) + cimagf(x[i]) * cimagf(x[i]));
        }
        got += (size_t)n;
    }
    return sum / (double)got;
}

static void read_until(radio_t *radio, uint64_t timestamp)
{
    static float complex x[BLOCK];
    radio_pull_t info;
    while (pull(radio, x, BLOCK, 1.0, &info) > 0 && info.timestamp < timestamp) {
    }
}

static void test_set_snr(void)
{
    hub_config_t config = new_air();
    config.channel.model = AIR_AWGN;
    config.channel.snr_db = 0.0;
    config.channel.symbol_energy = 1.0;
    const pid_t air = run_air(&config);
    radio_t *one = open_receiver();
    radio_t *two = open_radio();
    radio_t *three = open_radio(); /* more radios, not more noise */
    CHECK_NEAR(power_of_next(one, 1000000), 1.0, 0.01);
    err_t err = ERR_INIT;
    CHECK_INT(hub_set(name, "channel.snr_db", 10.0, &err), 0);
    clock_sleep_s(0.05);
    read_until(one, radio_now(one));
    CHECK_NEAR(power_of_next(one, 1000000), 0.1, 0.001);
    hub_status_t status;
    CHECK_INT(hub_status(name, &status, &err), 0);
    CHECK_NEAR(status.snr_db, 10.0, 0.0);
    CHECK_INT(status.radios, 3);
    CHECK_INT(hub_set(name, "channel.snr_db", 1000.0, &err), -1);
    CHECK_INT(hub_set(name, "channel.model", 1.0, &err), -1);
    CHECK_ERROR_NAMES(&err, "channel.model");
    CHECK_INT(hub_set("nobody", "channel.snr_db", 1.0, &err), -1);
    char text[512];
    CU_ASSERT(strstr(hub_status_json(&status, text, sizeof text), "\"radios\":3,") != NULL);
    radio_close(one);
    radio_close(two);
    radio_close(three);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

/* Flat fading without noise: each burst has one gain, no two the same. */
static void test_fading_per_burst(void)
{
    hub_config_t config = new_air();
    config.free_pace = true;
    config.wait_radios = 2;
    config.channel.model = AIR_RAYLEIGH;
    config.channel.delay_spread_ns = 0.0;
    config.channel.snr_db = INFINITY;
    const pid_t air = run_air(&config);
    radio_t *receiver = open_receiver();
    radio_t *sender = open_radio();
    static float complex ones[3000], x[BLOCK];
    for (int i = 0; i < 3000; i++) {
        ones[i] = 1.0f;
    }
    enum { BURSTS = 20 };
    for (int b = 0; b < BURSTS; b++) {
        CHECK_INT(push(sender, ones, 3000, true, true, RADIO_ASAP, NULL), 3000);
    }
    uint64_t seen = 0, changes = 0;
    float complex gain = 0.0f;
    radio_pull_t info;
    ssize_t n;
    while (seen < 3000 * BURSTS && (n = pull(receiver, x, BLOCK, 1.0, &info)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (x[i] != 0.0f) {
                changes += x[i] != gain;
                gain = x[i];
                seen++;
            }
        }
    }
    CHECK_INT(seen, 3000 * BURSTS);
    CHECK_INT(changes, BURSTS);
    radio_close(receiver);
    radio_close(sender);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_carriers(void)
{
    hub_config_t air_config = new_air();
    air_config.free_pace = true;
    const pid_t air = run_air(&air_config);
    radio_config_t config = radio_config_default();
    config.address = name;
    radio_t *receiver = open_receiver();
    config.freq_hz = 3.5e9 + 7.68e6 / 64;
    config.tx_gain_db = 20.0;
    radio_t *near = radio_open(&config, NULL);
    config.freq_hz = 3.6e9;
    radio_t *far = radio_open(&config, NULL);
    CU_ASSERT_FATAL(near != NULL && far != NULL);
    static float complex ones[4096], x[BLOCK];
    for (int i = 0; i < 4096; i++) {
        ones[i] = 1.0f;
    }
    push(far, ones, 4096, true, true, RADIO_ASAP, NULL);
    CU_ASSERT(radio_drained(far, 2.0));
    push(near, ones, 4096, true, true, RADIO_ASAP, NULL);
    radio_pull_t info;
    ssize_t n;
    uint64_t seen = 0;
    float complex last = 0.0f;
    double worst = 0.0;
    while ((n = pull(receiver, x, BLOCK, 0.3, &info)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (x[i] != 0.0f) {
                if (seen > 0) {
                    const float complex turn = x[i] * conjf(last) / 100.0f;
                    worst = fmax(worst, fabs((double)cargf(turn) - 2.0 * 3.14159265358979 / 64));
                }
                worst = fmax(worst, fabs((double)cabsf(x[i]) - 10.0));
                last = x[i];
                seen++;
            }
        }
    }
    CHECK_INT(seen, 4096);
    CHECK_AT_MOST(worst, 1e-5);
    radio_close(receiver);
    radio_close(near);
    radio_close(far);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

static void test_wrong_order(void)
{
    hub_config_t config = new_air();
    const pid_t air = run_air(&config);
    radio_t *radio = open_radio();
    static float complex x[100];
    radio_pull_t info;
    err_t err = ERR_INIT;
    CHECK_INT(push(radio, x, 100, false, true, 0, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(pull(radio, x, 100, 0.0, &info), -1);
    CHECK_INT(push(radio, x, 100, true, false, RADIO_ASAP, &err), 100);
    CHECK_INT(push(radio, x, 100, true, false, RADIO_ASAP, &err), -1);
    CHECK_INT(push(radio, x, 0, false, true, 0, &err), 0);
    CHECK_INT(push(radio, x, 0, true, true, RADIO_ASAP, &err), 0); /* empty bursts are fine */
    CHECK_INT(push(radio, x, 0, true, false, RADIO_ASAP, &err), 0);
    CHECK_INT(push(radio, x, 0, false, true, 0, &err), 0);
    CU_ASSERT(radio_drained(radio, 2.0));
    CHECK_INT(radio_start(radio, &err), 0);
    CHECK_INT(radio_start(radio, &err), -1);
    CU_ASSERT(pull(radio, x, 100, 1.0, &info) == 100);
    CHECK_INT(radio_stop(radio, &err), 0);
    CHECK_INT(pull(radio, x, 100, 0.0, &info), -1);
    CHECK_INT(radio_start(radio, &err), 0);
    const uint64_t now = radio_now(radio);
    CU_ASSERT(pull(radio, x, 100, 1.0, &info) == 100);
    CU_ASSERT(info.discontinuous);
    CHECK_AT_LEAST(info.timestamp + 8192, now); /* nothing from before the stop */
    radio_t *all[SEGMENT_SLOTS];
    int opened = 0;
    radio_config_t more = radio_config_default();
    more.address = name;
    more.timeout_s = 0.0;
    while (opened < SEGMENT_SLOTS && (all[opened] = radio_open(&more, &err)) != NULL) {
        opened++;
    }
    CHECK_INT(opened, SEGMENT_SLOTS - 1);
    CHECK_INT(err.code, ERR_STATE);
    while (opened > 0) {
        radio_close(all[--opened]);
    }
    radio_close(radio);
    CHECK_INT(end_child(air, SIGTERM), 0);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    static const check_test_t tests[] = {
        {"samples pass bit for bit, in order, between processes", test_bit_exact},
        {"free pace loses nothing to a sleepy receiver", test_back_pressure},
        {"free pace stands still when nobody sends", test_idle_air_sleeps},
        {"realtime pace follows the clock", test_realtime_pace},
        {"a timed burst arrives at its time (realtime)", test_burst_at_time_realtime},
        {"a timed burst arrives at its time (free)", test_burst_at_time_free},
        {"a late burst is dropped whole, counted and told", test_late_burst},
        {"a starved burst has a hole, counted and told", test_underflow},
        {"a slow receiver's losses are counted and its time jumps by them", test_overflow},
        {"a killed peer is told and frees its slot", test_peer_killed},
        {"a killed air is told, and its successor found", test_air_killed},
        {"an air that ends leaves nothing behind", test_clean_end},
        {"no air, a bad name, an unknown backend: clear errors", test_nobody_there},
        {"a radio of another rate is refused", test_wrong_rate},
        {"rubbish in place of a segment is refused and cleaned by the next air", test_garbage},
        {"a header that lies about sizes is refused", test_lying_header},
        {"damaged rings cut off their radio, not the air", test_damaged_rings},
        {"rubbish in the rings, at any moment, breaks neither the air nor the others",
         test_fuzzed_rings},
        {"free pace waits for an open burst, but not for ever", test_free_pace_hole},
        {"the option tables give the configuration, with UHD's words", test_options},
        {"the SNR can be set while it runs", test_set_snr},
        {"each burst fades by itself", test_fading_per_burst},
        {"carriers apart are an offset, far apart are deaf", test_carriers},
        {"calls in the wrong order are errors", test_wrong_order},
    };
    return check_run("radio_air", tests, CHECK_COUNT(tests));
}
