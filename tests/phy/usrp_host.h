/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usrp_host: an air with virtual USRPs in this process, and a host that speaks their protocol word
 * by word, without UHD.
 */
#ifndef TESTS_PHY_USRP_HOST_H
#define TESTS_PHY_USRP_HOST_H

#include "air/hub.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "rng.h"
#include "usrp/usrp.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEVICES = 2, DIVIDER = 16 }; /* 6.25 MS/s: no odd factors, hence plain scales */
enum { CONTROL, RX0, TX0, RX1, FIFO, PORTS };
static const uint16_t port_numbers[PORTS] = {49152, 49156, 49157, 49158, 49159};
static const double AIR_HZ = 100e6 / DIVIDER;

typedef struct {
    hub_t *hub;
    pthread_t thread;
    char name[48], address[DEVICES][16];
    usrp_t *usrp[DEVICES];
} bench_t;

typedef struct {
    int socket[PORTS];
    uint32_t sequence, command, packet;
} host_t;

static void *run_hub(void *hub)
{
    hub_run(hub, 600.0);
    return NULL;
}

/* Loopback has 16 million addresses: each process and test takes its own. */
static bench_t bench_open(const char *more, hub_config_t config)
{
    static unsigned count;
    bench_t bench = {0};
    err_t err = ERR_INIT;
    log_set_level(LOG_ERROR);
    snprintf(bench.name, sizeof bench.name, "usrp-%d-%u", (int)getpid(), count);
    config.name = bench.name;
    config.channel.sample_rate_hz = AIR_HZ;
    bench.hub = hub_create(&config, &err);
    if (bench.hub == NULL || pthread_create(&bench.thread, NULL, run_hub, bench.hub) != 0) {
        fprintf(stderr, "air: %s\n", err.text);
        exit(1);
    }
    for (int i = 0; i < DEVICES; i++) {
        char text[128];
        usrp_config_t device;
        const unsigned id = (unsigned)getpid();
        snprintf(bench.address[i], sizeof bench.address[i], "127.%u.%u.%u", 1 + id / 200 % 200,
                 1 + id % 200, 1 + count++ % 250u);
        snprintf(text, sizeof text, "usrp:%s%s", bench.address[i], more);
        if (usrp_config_parse(text, &device, &err) < 0 ||
            (bench.usrp[i] = usrp_create(&device, bench.name, AIR_HZ, &err)) == NULL ||
            usrp_start(bench.usrp[i], &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
    return bench;
}

/* No noise: what arrives is what was sent. */
__attribute__((unused)) static bench_t bench_clean(const char *more)
{
    hub_config_t config = hub_config_default();
    config.channel.model = AIR_NONE;
    config.rx_ring = 1 << 22;
    return bench_open(more, config);
}

static void bench_close(bench_t *bench)
{
    for (int i = 0; i < DEVICES; i++) {
        usrp_destroy(bench->usrp[i]);
    }
    hub_stop(bench->hub);
    pthread_join(bench->thread, NULL);
    hub_destroy(bench->hub);
}

/* --- words --- */

static void put(uint8_t *at, uint32_t word)
{
    word = htonl(word);
    memcpy(at, &word, 4);
}

static uint32_t get(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, 4);
    return ntohl(word);
}

static void tell(const host_t *host, int port, const void *data, size_t size)
{
    CU_ASSERT_EQUAL(send(host->socket[port], data, size, 0), (ssize_t)size);
}

/* Waits up to two seconds: a busy machine is no error. */
static size_t hear(const host_t *host, int port, uint8_t *data, size_t size)
{
    const ssize_t length = recv(host->socket[port], data, size, 0);
    return length > 0 ? (size_t)length : 0;
}

/* --- the control port --- */

static size_t ask(host_t *host, uint8_t request[36], uint8_t *answer, size_t room)
{
    put(request, 12);
    put(request + 8, ++host->sequence);
    tell(host, CONTROL, request, 36);
    return hear(host, CONTROL, answer, room);
}

__attribute__((unused)) static uint32_t ask_register(host_t *host, uint32_t address, uint32_t data,
                                                     uint8_t action)
{
    uint8_t request[36] = {0}, answer[64];
    put(request + 4, 'r');
    put(request + 12, address);
    put(request + 16, data);
    request[20] = action;
    CHECK_INT(ask(host, request, answer, sizeof answer), 36);
    CHECK_INT(get(answer + 4), 'R');
    CHECK_INT(get(answer + 8), host->sequence);
    return get(answer + 16);
}

/* --- the FIFO port: pokes and peeks, at a time when that is not 0 --- */

static uint32_t command(host_t *host, bool poke, uint8_t address, uint32_t data, uint64_t time)
{
    uint8_t packet[24], answer[64] = {0};
    size_t at = 8;
    host->command = (host->command + 1) & 0xffff;
    put(packet, host->command);
    put(packet + 4, 0x40000000u | (time != 0 ? 1u << 20 | 5 : 3));
    if (time != 0) {
        put(packet + 8, (uint32_t)(time >> 32));
        put(packet + 12, (uint32_t)time);
        at = 16;
    }
    put(packet + at, host->command << 16 | (uint32_t)poke << 8 | address);
    put(packet + at + 4, data);
    tell(host, FIFO, packet, at + 8);
    CHECK_INT(hear(host, FIFO, answer, sizeof answer), 12);
    CHECK_INT(get(answer + 4) >> 16, host->command);
    return get(answer + 8);
}

static void poke(host_t *host, uint8_t address, uint32_t data)
{
    command(host, true, address, data, 0);
}

__attribute__((unused)) static uint64_t time_now(host_t *host)
{
    const uint32_t high = command(host, false, 10, 0, 0), low = command(host, false, 11, 0, 0);
    return (uint64_t)high << 32 | low;
}

__attribute__((unused)) static void spi(host_t *host, uint32_t chip, uint32_t data)
{
    poke(host, 21, 32u << 24 | chip);
    poke(host, 22, data);
}

/* The SBX's ADF4350 on a reference of 100 MHz over 4: steps of 25 MHz, and quarters of them. */
__attribute__((unused)) static void tune(host_t *host, uint32_t chip, double hz)
{
    const uint32_t quarters = (uint32_t)lround(hz / 6.25e6);
    spi(host, chip, 4u << 14 | 2); /* R = 4 */
    spi(host, chip, 4u << 3 | 1);  /* MOD = 4 */
    spi(host, chip, 4);            /* feedback behind the divider */
    spi(host, chip, (quarters / 4) << 15 | (quarters % 4) << 3);
}

/* --- streams --- */

/* A host with everything set: rates, formats, 363 samples a packet, time 0 now. */
static host_t host_open_at(const char *address, uint32_t rx_rate, uint32_t tx_rate)
{
    host_t host = {0};
    const uint8_t here[8] = {0};
    for (int port = 0; port < PORTS; port++) {
        const struct timeval patience = {.tv_sec = 5};
        const int bytes = 4 << 20;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port_numbers[port])};
        inet_pton(AF_INET, address, &to.sin_addr);
        host.socket[port] = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(host.socket[port], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(host.socket[port], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        CHECK_INT(connect(host.socket[port], (struct sockaddr *)&to, sizeof to), 0);
        if (port != CONTROL) {
            tell(&host, port, here, sizeof here);
        }
    }
    poke(&host, 40, 0);
    poke(&host, 39, 363);
    poke(&host, 50, rx_rate);
    poke(&host, 49, 79438); /* 2^17 / 1.65: full scale is 32767 */
    poke(&host, 35, 0);
    poke(&host, 144, 1);
    poke(&host, 144, 0);
    poke(&host, 146, 2);
    poke(&host, 147, 2);
    poke(&host, 148, 0);
    poke(&host, 149, 0);
    poke(&host, 162, tx_rate);
    poke(&host, 161, 79438);
    poke(&host, 145, 0);
    poke(&host, 11, 0);
    poke(&host, 13, 1);
    poke(&host, 10, 0);
    return host;
}

enum { RATE_OF_AIR = 1 << 8 | 1 << 9 | 4 }; /* two half-bands and a CIC of 4: 16 */

__attribute__((unused)) static host_t host_open(const char *address)
{
    return host_open_at(address, RATE_OF_AIR, RATE_OF_AIR);
}

__attribute__((unused)) static void host_close(host_t *host)
{
    for (int port = 0; port < PORTS; port++) {
        close(host->socket[port]);
    }
}

enum { NOW = 1u << 31, CHAIN = 1u << 30, RELOAD = 1u << 29, STOP = 1u << 28 };

__attribute__((unused)) static void stream(host_t *host, uint32_t word, uint64_t time)
{
    poke(host, 32, word);
    poke(host, 33, (uint32_t)(time >> 32));
    poke(host, 34, (uint32_t)time);
}

typedef struct {
    uint32_t error; /* of an error packet, else 0 */
    uint64_t time;
    size_t samples;
    bool last;
    float complex x[2048];
} received_t;

/* One packet of 16-bit samples. */
__attribute__((unused)) static bool receive(const host_t *host, received_t *packet)
{
    uint8_t data[4096];
    const size_t size = hear(host, RX0, data, sizeof data);
    if (size < 20) {
        return false;
    }
    packet->time = (uint64_t)get(data + 8) << 32 | get(data + 12);
    packet->error = get(data) >> 28 == 5 ? get(data + 16) : 0;
    packet->samples = packet->error != 0 ? 0 : size / 4 - 5;
    packet->last = packet->error == 0 && (get(data + size - 4) & 0x100100) == 0x100100;
    for (size_t i = 0; i < packet->samples; i++) {
        const uint32_t word = get(data + 16 + 4 * i);
        packet->x[i] = CMPLXF((float)(int16_t)(word >> 16) / 32767.0f,
                              (float)(int16_t)(uint16_t)word / 32767.0f);
    }
    return true;
}

/* Receives `count` samples from `time` on; the time of the first, 0 when they did not all come. */
__attribute__((unused)) static uint64_t capture(host_t *host, float complex *x, size_t count,
                                                uint64_t time)
{
    uint64_t first = 0;
    stream(host, (time == 0 ? NOW : 0) | (uint32_t)count, time);
    for (size_t done = 0; done < count;) {
        received_t packet;
        if (!receive(host, &packet) || packet.error != 0 || packet.samples > count - done) {
            return 0;
        }
        first = done == 0 ? packet.time : first;
        memcpy(x + done, packet.x, packet.samples * sizeof *x);
        done += packet.samples;
        CHECK_INT(packet.last, done == count);
    }
    return first;
}

/* One packet of 16-bit samples; a time of 0: none. */
__attribute__((unused)) static void transmit(host_t *host, const float complex *x, size_t count,
                                             bool start, bool end, uint64_t time)
{
    uint8_t data[4096];
    size_t at = 8;
    put(data, host->packet++);
    put(data + 4, (uint32_t)end << 24 | (uint32_t)start << 25 | (time != 0 ? 1u << 20 : 0) |
                      ((time != 0 ? 3u : 1u) + (uint32_t)count));
    if (time != 0) {
        put(data + 8, (uint32_t)(time >> 32));
        put(data + 12, (uint32_t)time);
        at = 16;
    }
    for (size_t i = 0; i < count; i++, at += 4) {
        put(data + at, (uint32_t)lrintf(32767 * crealf(x[i])) << 16 |
                           ((uint32_t)lrintf(32767 * cimagf(x[i])) & 0xffff));
    }
    tell(host, TX0, data, at);
}

/* The next answer about sending: its code; -1: none came. */
__attribute__((unused)) static int answer_about_sending(const host_t *host, uint32_t *sequence)
{
    uint8_t data[64];
    if (hear(host, TX0, data, sizeof data) != 24) {
        return -1;
    }
    *sequence = get(data + 20);
    return (int)(get(data + 16) & 0xff);
}

#endif
