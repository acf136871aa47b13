/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usrp_device: the inside of usrp.h.  One thread serves everything:
 *
 *   usrp.c            create, the loop, the end
 *   usrp_config.c     "usrp:127.0.0.2,loss=0.01"
 *   usrp_ports.c      the UDP sockets
 *   usrp_control.c    the control port: registers, I2C, SPI, echo
 *   usrp_eeprom.c     what the EEPROMs hold
 *   usrp_command.c    the FIFO control port: timed register access
 *   usrp_registers.c  what a register does
 *   usrp_board.c      the SBX: attenuators and synthesisers
 *   usrp_clock.c      time and pulse per second
 *   usrp_rx.c         stream commands; usrp_rx_packet.c: the packets they make
 *   usrp_tx.c         packets in; usrp_tx_burst.c: their way to the air; usrp_async.c: answers
 *   usrp_mixer.c      what is wrong with the mixers
 *   usrp_resample.c   between the device's rates and the air's
 *
 * Facts of the protocol: docs/VIRTUAL_USRP.md.  Words are big-endian on the wire.
 */
#ifndef USRP_USRP_DEVICE_H
#define USRP_USRP_DEVICE_H

#include "radio/radio_air.h"
#include "rng.h"
#include "usrp/usrp.h"
#include "usrp/usrp_resample.h"

#include <netinet/in.h>
#include <pthread.h>

enum { USRP_FRAME = 4096 };         /* the longest datagram taken or sent */
enum { USRP_CHUNK = 4096 };         /* samples at a time */
enum { USRP_FIFO_BYTES = 3 << 19 }; /* the transmit buffer: the device's 1 MiB and some headers */
enum { USRP_TX_MOST = 4608 };       /* samples of a packet, and the silence that flushes a filter */
enum { USRP_FLIGHTS = 1 << 15 };    /* packets on their way to the air */
enum { USRP_COMMANDS = 256 };       /* register accesses that wait */
enum { USRP_STREAM_COMMANDS = 16 };

typedef enum { PORT_CONTROL, PORT_RX0, PORT_TX0, PORT_RX1, PORT_FIFO, PORT_COUNT } usrp_port_t;

/* Setting registers. */
enum {
    SR_TIME64 = 10,
    SR_SPI = 20,
    SR_RX_CTRL0 = 32,
    SR_RX_DSP0 = 48,
    SR_TX_CTRL = 144,
    SR_TX_DSP = 160,
    SR_GPIO = 184,
};

/* Codes of error and answer packets. */
enum { RX_LATE = 2, RX_BROKEN_CHAIN = 4, RX_OVERFLOW = 8, RX_ZERO_LENGTH = 16 };
enum {
    ASYNC_UPDATE = 0,
    ASYNC_ACK = 1,
    ASYNC_UNDERFLOW = 2,
    ASYNC_SEQUENCE = 4,
    ASYNC_LATE = 8,
    ASYNC_SEQUENCE_IN_BURST = 32,
};

typedef struct {
    bool timed, poke, waited;
    uint8_t address;
    uint16_t sequence;
    uint32_t data;
    uint64_t time;
} usrp_command_t;

typedef struct {
    bool now, chain, reload, stop;
    uint32_t count;
    uint64_t time;
} usrp_stream_command_t;

/* One ADF4350 and its attenuator. */
typedef struct {
    uint32_t synthesiser[6];
    double lo_hz, nco_hz;
    double gain_db, digital_gain_db;
    uint32_t converter[2]; /* steps of 0.5 and of 0.05 dB */
} usrp_side_t;

typedef enum { RX_IDLE, RX_WAITING, RX_RUNNING } usrp_rx_state_t;

typedef struct {
    usrp_rx_state_t state;
    usrp_stream_command_t current, queue[USRP_STREAM_COMMANDS];
    size_t queued;
    uint32_t left;    /* samples of the current command */
    uint32_t divider; /* ticks a sample */
    uint32_t samples_a_packet;
    bool eight_bits;
    float gain;            /* of the board and the converter */
    float scale;           /* full scale to integer, gain included */
    uint32_t packet_count; /* of 4 bits on the wire */
    float complex *packet; /* what is in the packet that is being filled */
    uint32_t filled;
    uint64_t packet_time;
    uint32_t lose;             /* so many packets go lost yet */
    uint64_t next_overflow;    /* ticks; forced */
    bool receiving;            /* the air sends us samples */
    bool primed;               /* the resampler follows the air */
    uint64_t grid;             /* raw ticks of the next sample that the resampler gives */
    usrp_resample_t *resample; /* NULL: the air's rate */
    float complex *air, *samples;
} usrp_rx_t;

/* A packet that has gone to the air, until the air has sent it. */
typedef struct {
    uint64_t position; /* in the air's ring: behind its last sample */
    uint32_t sequence;
    bool acknowledge;
} usrp_flight_t;

typedef struct {
    uint8_t *bytes; /* packets that wait, each with a header of ours; a ring */
    size_t first, used;
    uint32_t divider;
    uint32_t lose; /* so many packets go lost yet */
    uint32_t next_sequence;
    float gain;  /* of the board */
    float scale; /* integer to full scale, gain included */
    bool eight_bits;
    bool in_burst;  /* of the packets that arrive */
    bool dropping;  /* the rest of a burst after an error */
    bool air_burst; /* of the samples that go to the air */
    usrp_flight_t *flights;
    size_t flight_first, flight_count;
    uint32_t consumed, reported; /* sequence numbers */
    uint64_t next_update;        /* ticks */
    uint32_t answer_count;
    usrp_resample_t *resample;
    float complex *samples, *out; /* of one packet, and at the air's rate */
    size_t out_room, out_count, out_done;
    bool out_start, out_end, out_pending;
    uint64_t out_timestamp;
    uint32_t out_sequence;
} usrp_tx_t;

struct usrp {
    usrp_config_t config;
    radio_air_t *air;
    uint32_t air_divider; /* ticks of an air sample */

    int socket[PORT_COUNT];
    struct sockaddr_in host[PORT_COUNT];
    bool known[PORT_COUNT]; /* `host` is */

    uint32_t settings[256];
    uint32_t firmware[8];
    uint8_t eeprom[3][256], eeprom_at[3];
    struct in_addr owner; /* the host that has locked it: its control port … */
    in_port_t owner_port;
    uint64_t owner_seen; /* … and when it last said so, in raw ticks; 0: nobody */

    uint64_t raw;   /* ticks of the air's time, one look a loop */
    int64_t offset; /* the device's time is raw + offset */
    bool pps_pending;
    uint64_t pps_time, pps_edge; /* the time to take at that edge (raw) */
    bool executing;              /* a timed access: time reads as its own time */
    uint64_t execution_time;

    usrp_command_t command[USRP_COMMANDS];
    size_t command_first, command_count;

    usrp_side_t rx_side, tx_side;
    usrp_rx_t rx;
    usrp_tx_t tx;
    rng_t rng;
    usrp_counts_t counts;

    pthread_t thread;
    bool started;
    _Atomic bool stop;
};

/* --- words on the wire --- */

static inline uint32_t usrp_word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void usrp_put_word(uint8_t *at, uint32_t word)
{
    at[0] = (uint8_t)(word >> 24);
    at[1] = (uint8_t)(word >> 16);
    at[2] = (uint8_t)(word >> 8);
    at[3] = (uint8_t)word;
}

/* --- usrp_ports.c --- */
int usrp_ports_open(usrp_t *usrp, err_t *err);
void usrp_ports_close(usrp_t *usrp);
/* Sleeps until a datagram comes or the time is up. */
void usrp_ports_wait(usrp_t *usrp, double timeout_s);
/* One datagram: its length, 0 when there is none. */
size_t usrp_ports_take(usrp_t *usrp, usrp_port_t port, uint8_t *data, struct sockaddr_in *from);
void usrp_ports_send(usrp_t *usrp, usrp_port_t port, const uint8_t *data, size_t size);

/* --- the rooms of the device --- */
void usrp_eeprom_fill(usrp_t *usrp);
void usrp_control_serve(usrp_t *usrp);
/* The SPI word `data` (in its lowest bits) for a chip; what the chip answers. */
uint32_t usrp_board_spi(usrp_t *usrp, uint32_t chip, uint32_t data, unsigned bits);
void usrp_board_gpio(usrp_t *usrp);
void usrp_board_tune(usrp_t *usrp); /* tells the air where it listens and sends */

void usrp_poke(usrp_t *usrp, uint32_t address, uint32_t data); /* a setting register's number */
uint32_t usrp_peek(usrp_t *usrp, uint32_t address);            /* a readback register's number */

void usrp_command_serve(usrp_t *usrp);
void usrp_command_run(usrp_t *usrp); /* those whose time has come */

void usrp_clock_look(usrp_t *usrp); /* once a loop */
uint64_t usrp_clock_now(const usrp_t *usrp);
uint64_t usrp_clock_pps(const usrp_t *usrp);
void usrp_clock_set(usrp_t *usrp, uint64_t time, bool at_pps);
/* Raw ticks to the air's ticks (rounds up) and samples (rounds down), and samples back. */
uint64_t usrp_clock_air_ticks(const usrp_t *usrp, uint64_t raw);
uint64_t usrp_clock_to_air(const usrp_t *usrp, uint64_t raw);
uint64_t usrp_clock_from_air(const usrp_t *usrp, uint64_t sample);

void usrp_rx_clear(usrp_t *usrp);
void usrp_rx_rate(usrp_t *usrp);
void usrp_rx_scale(usrp_t *usrp);
void usrp_rx_command(usrp_t *usrp, uint32_t word, uint64_t time);
void usrp_rx_run(usrp_t *usrp);
void usrp_rx_serve(usrp_t *usrp); /* where the host is */
/* The stream ends here. */
void usrp_rx_overflow(usrp_t *usrp, uint64_t time);
bool usrp_rx_busy(const usrp_t *usrp);
/* Adds samples to packets and sends the full ones; a last one goes as it is. */
void usrp_rx_packet_add(usrp_t *usrp, const float complex *x, size_t count, uint64_t time,
                        bool last);
void usrp_rx_packet_flush(usrp_t *usrp, bool last);
void usrp_rx_packet_error(usrp_t *usrp, uint32_t code, uint64_t time);

void usrp_tx_clear(usrp_t *usrp);
void usrp_tx_rate(usrp_t *usrp);
void usrp_tx_scale(usrp_t *usrp);
void usrp_tx_serve(usrp_t *usrp);
bool usrp_tx_busy(const usrp_t *usrp);
void usrp_tx_burst_run(usrp_t *usrp); /* packets to the air, answers to the host */
/* Takes the oldest packet that waits: its length, 0: none. */
size_t usrp_tx_oldest(usrp_t *usrp, uint8_t *data, bool *drop);
/* Where a datagram's samples lie. */
typedef struct {
    uint32_t sequence;
    bool start, end, timed;
    uint64_t time;
    const uint8_t *payload;
    size_t samples;
} usrp_tx_packet_t;
bool usrp_tx_read(const uint8_t *data, size_t size, bool eight_bits, usrp_tx_packet_t *packet);

void usrp_async_send(usrp_t *usrp, uint32_t code, uint32_t sequence, uint64_t time);

/* Full scale is `full_scale` in x. */
void usrp_mixer_apply(const usrp_mixer_t *mixer, float full_scale, float complex *x, size_t count);

bool usrp_chance(usrp_t *usrp, double probability);
/* Whether this packet goes lost; `left` of its run. */
bool usrp_lose(usrp_t *usrp, uint32_t *left);

#endif
