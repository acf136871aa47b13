/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "usrp/usrp_device.h"

#include "clock.h"
#include "log.h"
#include "program.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int make_memory(usrp_t *usrp, err_t *err)
{
    usrp->rx.air = malloc(USRP_CHUNK * sizeof *usrp->rx.air);
    usrp->rx.samples = malloc(USRP_CHUNK * sizeof *usrp->rx.samples);
    usrp->rx.packet = malloc(USRP_FRAME / 2 * sizeof *usrp->rx.packet);
    usrp->tx.bytes = malloc(USRP_FIFO_BYTES);
    usrp->tx.flights = malloc(USRP_FLIGHTS * sizeof *usrp->tx.flights);
    usrp->tx.samples = malloc(USRP_TX_MOST * sizeof *usrp->tx.samples);
    if (usrp->rx.air == NULL || usrp->rx.samples == NULL || usrp->rx.packet == NULL ||
        usrp->tx.bytes == NULL || usrp->tx.flights == NULL || usrp->tx.samples == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a virtual USRP");
    }
    return 0;
}

/* The state after power-up. */
static void reset(usrp_t *usrp)
{
    usrp->firmware[3] = 0x1234abcd; /* no GPS receiver: don't look for it */
    usrp->firmware[7] = 4;          /* the firmware's minor version */
    usrp_eeprom_fill(usrp);
    rng_seed(&usrp->rng, usrp->config.seed, 0);
    usrp_poke(usrp, SR_RX_DSP0 + 1, 1 << 16);
    usrp_poke(usrp, SR_TX_DSP + 1, 1 << 16);
    usrp_poke(usrp, SR_RX_DSP0 + 2, 1u << 8 | 1u << 9 | 25); /* 1 MS/s */
    usrp_poke(usrp, SR_TX_DSP + 2, 1u << 8 | 1u << 9 | 25);
    usrp_poke(usrp, SR_TX_CTRL + 2, 2);
    usrp_tx_clear(usrp);
}

static int join_air(usrp_t *usrp, const char *air, double rate_hz, err_t *err)
{
    radio_config_t config = radio_config_default();
    config.address = air;
    config.rate_hz = rate_hz;
    config.freq_hz = 0.0;
    config.timeout_s = 1.0;
    radio_actual_t actual;
    usrp->air = radio_backend_air.open(&config, &actual, err);
    if (usrp->air == NULL) {
        return -1;
    }
    usrp->air->send_late = true; /* lateness is judged when a packet arrives, see usrp_tx.c */
    return 0;
}

usrp_t *usrp_create(const usrp_config_t *config, const char *air, double rate_hz, err_t *err)
{
    const double divider = USRP_TICK_HZ / rate_hz;
    if (!(divider > 3.5 && divider < 512.5) || fabs(divider - round(divider)) > 1e-5 * divider) {
        err_set(err, ERR_ARGUMENT,
                "usrp:%s: the air's rate %.9g is not 100 MHz / N with N from 4 to 512: the "
                "nearest is --air.rate_hz=%.10g",
                config->address, rate_hz, USRP_TICK_HZ / fmin(fmax(round(divider), 4.0), 512.0));
        return NULL;
    }
    usrp_t *usrp = calloc(1, sizeof *usrp);
    if (usrp == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a virtual USRP");
        return NULL;
    }
    usrp->config = *config;
    usrp->air_divider = (uint32_t)lround(divider);
    for (int port = 0; port < PORT_COUNT; port++) {
        usrp->socket[port] = -1;
    }
    if (make_memory(usrp, err) < 0 || usrp_ports_open(usrp, err) < 0 ||
        join_air(usrp, air, rate_hz, err) < 0) {
        usrp_destroy(usrp);
        return NULL;
    }
    usrp_clock_look(usrp);
    reset(usrp);
    return usrp;
}

bool usrp_chance(usrp_t *usrp, double probability)
{
    return probability > 0.0 && rng_uniform(&usrp->rng) < (float)probability;
}

bool usrp_lose(usrp_t *usrp, uint32_t *left)
{
    if (*left == 0 && usrp_chance(usrp, usrp->config.loss)) {
        *left = (uint32_t)usrp->config.run;
    }
    if (*left == 0) {
        return false;
    }
    (*left)--;
    return true;
}

/* A host that has neither renewed its lock nor given it back has gone. */
static void look_after_owner(usrp_t *usrp)
{
    if (usrp->owner_seen != 0 && usrp->raw - usrp->owner_seen > 5 * (uint64_t)USRP_TICK_HZ) {
        usrp->owner_seen = 0;
        usrp_rx_clear(usrp);
    }
}

static double nap(const usrp_t *usrp)
{
    if (usrp_rx_busy(usrp) || usrp_tx_busy(usrp) || usrp->tx.air_burst) {
        return 0.0003;
    }
    return usrp->command_count > 0 || usrp->owner_seen != 0 ? 0.001 : 0.02;
}

static void *run(void *context)
{
    usrp_t *usrp = context;
    program_name_thread("usrp");
    (void)program_come_first(); /* where that is allowed: a device does not wait for others */
    while (!atomic_load(&usrp->stop)) {
        usrp_ports_wait(usrp, nap(usrp));
        usrp_clock_look(usrp);
        usrp_rx_run(usrp);
        usrp_control_serve(usrp);
        usrp_command_serve(usrp);
        usrp_command_run(usrp);
        usrp_rx_serve(usrp);
        usrp_tx_serve(usrp);
        usrp_tx_burst_run(usrp);
        look_after_owner(usrp);
    }
    return NULL;
}

int usrp_start(usrp_t *usrp, err_t *err)
{
    const int failure = pthread_create(&usrp->thread, NULL, run, usrp);
    if (failure != 0) {
        return err_set_errno(err, failure, "cannot start a thread");
    }
    usrp->started = true;
    return 0;
}

void usrp_stop(usrp_t *usrp)
{
    if (usrp->started) {
        atomic_store(&usrp->stop, true);
        pthread_join(usrp->thread, NULL);
        usrp->started = false;
    }
}

void usrp_destroy(usrp_t *usrp)
{
    if (usrp == NULL) {
        return;
    }
    usrp_stop(usrp);
    if (usrp->air != NULL) {
        radio_backend_air.close(usrp->air);
    }
    usrp_ports_close(usrp);
    usrp_resample_destroy(usrp->rx.resample);
    usrp_resample_destroy(usrp->tx.resample);
    free(usrp->rx.air);
    free(usrp->rx.samples);
    free(usrp->rx.packet);
    free(usrp->tx.bytes);
    free(usrp->tx.flights);
    free(usrp->tx.samples);
    free(usrp->tx.out);
    free(usrp);
}

usrp_counts_t usrp_counts(const usrp_t *usrp)
{
    return usrp->counts;
}
