/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes over symbols and over the whole waveform.  With arguments: lines of docs/MODEM.md,
 *
 *     phy_test_modem awgn|rayleigh MODULATION RATE FROM:STEP:TO FRAMES BYTES
 *     phy_test_modem awgn 64QAM 2/3 13:0.5:16 500 1000
 *
 * FRAMES frames of the waveform with BYTES payload bytes each, received with everything
 * estimated; RATE: a/b; Es/N0 in dB; rayleigh: 300 ns, fresh for each frame.
 */
#include "coded.h"
#include "link.h"

#include "coding/crc24.h"
#include "modem/modem.h"
#include "modem/scrambler.h"

static void random_bytes(rng_t *rng, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)rng_bits(rng);
    }
}

/* --- over the waveform --- */

typedef struct {
    modem_t *modem;
    uint8_t *payload;
    int received, failed; /* blocks, of the frames received */
} listener_t;

typedef struct {
    int frames, received, whole, wrong; /* wrong: said to be whole, and is not */
} over_waveform_t;

static void listen(void *context, const received_frame_t *f)
{
    listener_t *l = context;
    if (f->status == RECEIVED_OK && f->symbol_count == modem_get_plan(l->modem)->symbols) {
        l->received = 1;
        l->failed = modem_decode(l->modem, f->symbols, f->noise_var, l->payload, NULL);
    }
}

static over_waveform_t over_waveform(modulation_t modulation, double rate, size_t bytes,
                                     bool rayleigh, double snr_db, int frames)
{
    modem_config_t c = {.modulation = modulation, .payload_bytes = bytes};
    c.symbols = modem_symbols(modulation, bytes, rate);
    err_t err = ERR_INIT;
    modem_t *modem = modem_create(&c, &err);
    if (modem == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    numerology_t n = numerology_default();
    size_t length = numerology_frame_samples(&n, (uint32_t)c.symbols), count = length + 4500;
    float complex *points = malloc(c.symbols * sizeof(*points));
    float complex *samples = malloc(length * sizeof(*samples)), *x = malloc(count * sizeof(*x));
    uint8_t *sent = malloc(bytes), *got = malloc(bytes);
    listener_t listener = {.modem = modem, .payload = got};
    receiver_config_t config = receiver_default();
    config.on_frame = listen;
    config.context = &listener;
    receiver_t *rx = receiver_create(&config, NULL);
    transmitter_t *tx = transmitter_create(&n, NULL);
    over_waveform_t r = {.frames = frames};
    rng_t rng;
    rng_seed(&rng, 8, bytes);
    for (int i = 0; i < frames; i++) {
        random_bytes(&rng, sent, bytes);
        modem_encode(modem, sent, points);
        frame_header_t h = link_header((uint16_t)i, 1, (uint32_t)c.symbols);
        transmitter_modulate(tx, &h, points, samples);
        link_channel_t channel = rayleigh ? link_rayleigh(snr_db, 300.0, &rng) : link_awgn(snr_db);
        channel.cfo = 2.0 * (double)rng_uniform(&rng) - 1.0;
        link_pass(&channel, samples, length, 200 + rng_below(&rng, 1800), &rng, x, count);
        listener.received = 0;
        const float complex *antenna = x;
        receiver_push(rx, &antenna, count, (uint64_t)i * count);
        r.received += listener.received;
        bool whole = listener.received && listener.failed == 0;
        r.whole += whole;
        r.wrong += whole && memcmp(sent, got, bytes) != 0;
    }
    receiver_destroy(rx);
    transmitter_destroy(tx);
    modem_destroy(modem);
    free(points);
    free(samples);
    free(x);
    free(sent);
    free(got);
    return r;
}

static int print_lines(int count, char **word)
{
    int over = 0, under = 0, modulation = count == 7 ? modulation_find(word[2]) : -1;
    double from, step, to;
    int frames = count == 7 ? atoi(word[5]) : 0, bytes = count == 7 ? atoi(word[6]) : 0;
    if (modulation < 0 || sscanf(word[3], "%d/%d", &over, &under) != 2 || under < 1 ||
        sscanf(word[4], "%lf:%lf:%lf", &from, &step, &to) != 3 || step <= 0.0 || frames < 1 ||
        bytes < 1) {
        fprintf(stderr, "phy_test_modem awgn|rayleigh MODULATION RATE FROM:STEP:TO FRAMES BYTES\n");
        return 2;
    }
    double rate = (double)over / under, low, high;
    size_t symbols = modem_symbols((modulation_t)modulation, (size_t)bytes, rate);
    printf("%s, %d bytes in %zu symbols of %s\n", word[1], bytes, symbols, word[2]);
    for (int i = 0; from + i * step < to + 1e-9; i++) {
        over_waveform_t r = over_waveform((modulation_t)modulation, rate, (size_t)bytes,
                                          word[1][0] == 'r', from + i * step, frames);
        coded_interval(r.frames - r.whole, r.frames, &low, &high);
        printf("Es/N0 %6.2f dB  %d frames, %d received, payload whole in %d, lost %.4f (95 %% "
               "%.4f ... %.4f), wrong %d\n",
               from + i * step, r.frames, r.received, r.whole, 1.0 - (double)r.whole / r.frames,
               low, high, r.wrong);
        fflush(stdout);
    }
    return 0;
}

static void waveform_carries_bytes(void)
{
    over_waveform_t r = over_waveform(MODULATION_QAM64, 2.0 / 3.0, 1500, false, 15.0, 20);
    CHECK_INT(r.whole, 20);
    CHECK_INT(r.wrong, 0);
    r = over_waveform(MODULATION_QPSK, 1.0 / 3.0, 100, true, 8.0, 20);
    CHECK_AT_LEAST(r.whole, 18);
    CHECK_INT(r.wrong, 0);
    r = over_waveform(MODULATION_QAM64, 2.0 / 3.0, 1500, false, 10.0, 10); /* below the cliff */
    CHECK_INT(r.received, 10);
    CHECK_INT(r.whole, 0);
}

/* --- the modem alone --- */

typedef struct {
    modem_t *modem;
    const modem_plan_t *plan;
    uint8_t *sent, *got;
    float complex *symbols;
    float *noise_var;
    bool *ok;
} bench_t;

static bench_t bench_open(const modem_config_t *c, rng_t *rng)
{
    bench_t b = {.modem = modem_create(c, NULL)};
    CU_ASSERT_FATAL(b.modem != NULL);
    b.plan = modem_get_plan(b.modem);
    b.sent = malloc(c->payload_bytes);
    b.got = malloc(c->payload_bytes);
    b.symbols = malloc(c->symbols * sizeof(*b.symbols));
    b.noise_var = malloc(c->symbols * sizeof(*b.noise_var));
    b.ok = malloc((size_t)b.plan->blocks * sizeof(*b.ok));
    random_bytes(rng, b.sent, c->payload_bytes);
    modem_encode(b.modem, b.sent, b.symbols);
    for (size_t i = 0; i < c->symbols; i++) {
        b.noise_var[i] = 1e-3f;
    }
    return b;
}

static void bench_close(bench_t *b)
{
    modem_destroy(b->modem);
    free(b->sent);
    free(b->got);
    free(b->symbols);
    free(b->noise_var);
    free(b->ok);
}

static void bytes_come_back(void)
{
    static const size_t sizes[] = {1, 2, 33, 36, 37, 475, 478, 1052, 1053, 1054, 5000, 12345};
    static const double rates[] = {0.1, 0.2, 1.0 / 3, 0.5, 2.0 / 3, 8.0 / 9};
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (int s = 0; s < CHECK_COUNT(sizes); s++) {
        for (int r = 0; r < CHECK_COUNT(rates); r++) {
            modem_config_t c = {.modulation = (modulation_t)((s + r) % MODULATION_COUNT),
                                .payload_bytes = sizes[s],
                                .unbiased = true};
            c.symbols = modem_symbols(c.modulation, c.payload_bytes, rates[r]);
            CHECK_AT_LEAST(c.symbols, 1);
            bench_t b = bench_open(&c, &rng);
            CHECK_AT_MOST(b.plan->rate, rates[r] + 1e-9);
            CHECK_INT(modem_decode(b.modem, b.symbols, b.noise_var, b.got, b.ok), 0);
            CU_ASSERT(memcmp(b.sent, b.got, sizes[s]) == 0);
            CHECK_AT_LEAST(modem_get_iterations(b.modem), b.plan->blocks);
            bench_close(&b);
        }
    }
}

static void plan_and_its_reverse(void)
{
    rng_t rng;
    rng_seed(&rng, 2, 0);
    for (int i = 0; i < 3000; i++) {
        modulation_t m = (modulation_t)rng_below(&rng, MODULATION_COUNT);
        double rate = 0.05 + 0.85 * (double)rng_uniform(&rng);
        size_t bytes = 1 + rng_below(&rng, 20000), symbols = modem_symbols(m, bytes, rate);
        modem_plan_t p, q;
        CHECK_INT(modem_plan(m, bytes, symbols, &p, NULL), 0);
        CHECK_AT_MOST(p.rate, rate + 1e-9);
        CHECK_AT_LEAST((size_t)p.blocks * (size_t)p.block_bytes, bytes);
        size_t back = modem_payload_bytes(m, symbols, rate);
        CHECK_AT_LEAST(back, bytes);
        CHECK_INT(modem_plan(m, back, symbols, &q, NULL), 0);
        CHECK_AT_MOST(q.rate, rate + 1e-9);
    }
    /* The baseline: 64QAM at 2/3 is four bits a symbol, less three bytes a block. */
    size_t bytes = modem_payload_bytes(MODULATION_QAM64, 2048, 2.0 / 3.0);
    CHECK_INT(bytes, 2048 * 4 / 8 - 3);
    bytes = modem_payload_bytes(MODULATION_QAM64, 6144, 2.0 / 3.0);
    CHECK_INT(bytes, 6144 * 4 / 8 - 3 * 3);
    CHECK_INT(modem_payload_bytes(MODULATION_QPSK, 3, 0.5), 0);
    CHECK_INT(modem_symbols(MODULATION_QPSK, 100, 0.99), 0);
    CHECK_INT(modem_symbols(MODULATION_QPSK, 100, NAN), 0);
    CHECK_INT(modem_symbols(MODULATION_QPSK, 0, 0.5), 0);
}

/* Energy 1 and no repeating points, even when every byte is the same. */
static void dull_payloads_are_scrambled(void)
{
    modem_config_t c = {.modulation = MODULATION_QAM64, .payload_bytes = 6000, .unbiased = true};
    c.symbols = modem_symbols(c.modulation, c.payload_bytes, 0.75);
    rng_t rng;
    rng_seed(&rng, 3, 0);
    bench_t b = bench_open(&c, &rng);
    memset(b.sent, 0, c.payload_bytes);
    modem_encode(b.modem, b.sent, b.symbols);
    float complex mean = 0.0f, step = 0.0f;
    double energy = 0.0, count = (double)c.symbols;
    for (size_t i = 0; i < c.symbols; i++) {
        mean += b.symbols[i] / (float)c.symbols;
        step += b.symbols[i] * conjf(b.symbols[(i + 1) % c.symbols]) / (float)c.symbols;
        energy += (double)crealf(b.symbols[i] * conjf(b.symbols[i])) / count;
    }
    CHECK_NEAR(energy, 1.0, 4.0 * 0.62 / sqrt(count));
    CHECK_AT_MOST(cabsf(mean), 4.0 / sqrt(count));
    CHECK_AT_MOST(cabsf(step), 4.0 / sqrt(count));
    CHECK_INT(modem_decode(b.modem, b.symbols, b.noise_var, b.got, NULL), 0);
    CU_ASSERT(memcmp(b.sent, b.got, c.payload_bytes) == 0);
    bench_close(&b);
}

/* The recurrences of TS 38.211 section 5.2.1, written out. */
static void gold_sequence(void)
{
    enum { COUNT = 500, ALL = COUNT + 1600 + 31 };
    static uint8_t x1[ALL], x2[ALL], bits[COUNT];
    uint32_t c_init = 0x2a5f3b71;
    x1[0] = 1;
    for (int n = 0; n < 31; n++) {
        x2[n] = c_init >> n & 1;
    }
    for (int n = 0; n + 31 < ALL; n++) {
        x1[n + 31] = x1[n + 3] ^ x1[n];
        x2[n + 31] = x2[n + 3] ^ x2[n + 2] ^ x2[n + 1] ^ x2[n];
    }
    scrambler_sequence(c_init, bits, COUNT);
    for (int n = 0; n < COUNT; n++) {
        CHECK_INT(bits[n], x1[n + 1600] ^ x2[n + 1600]);
    }
}

static void crc_check_value(void)
{
    CHECK_INT(crc24((const uint8_t *)"123456789", 9), 0xcde703); /* CRC-24/LTE-A's */
    CHECK_INT(crc24(NULL, 0), 0);
}

static void one_lost_block(void)
{
    modem_config_t c = {.modulation = MODULATION_QAM16, .payload_bytes = 4000, .unbiased = true};
    c.symbols = modem_symbols(c.modulation, c.payload_bytes, 0.75);
    rng_t rng;
    rng_seed(&rng, 4, 0);
    bench_t b = bench_open(&c, &rng);
    CHECK_INT(b.plan->blocks, 4);
    size_t each = c.symbols / 4;
    for (size_t i = each + 5; i < 2 * each - 5; i++) {
        b.symbols[i] = i % 3 ? NAN : CMPLXF(INFINITY, 0.0f);
    }
    CHECK_INT(modem_decode(b.modem, b.symbols, b.noise_var, b.got, b.ok), 1);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(b.ok[i], i != 1);
    }
    size_t bytes = (size_t)b.plan->block_bytes;
    CU_ASSERT(memcmp(b.sent, b.got, bytes) == 0);
    CU_ASSERT(memcmp(b.sent + 2 * bytes, b.got + 2 * bytes, c.payload_bytes - 2 * bytes) == 0);
    bench_close(&b);
}

static void nothing_is_never_whole(void)
{
    rng_t rng;
    rng_seed(&rng, 5, 0);
    for (int way = 0; way < 2; way++) {
        modem_config_t c = {.modulation = MODULATION_QAM64, .payload_bytes = 500, .unbiased = way};
        c.symbols = modem_symbols(c.modulation, c.payload_bytes, 1.0 / 3.0);
        bench_t b = bench_open(&c, &rng);
        static const float said[] = {1e-3f, 0.5f, 1.0f, NAN, INFINITY, 0.0f, -1.0f};
        for (int kind = 0; kind < 4; kind++) {
            for (int v = 0; v < CHECK_COUNT(said); v++) {
                rng_complex_normal(&rng, 1.0f, b.symbols, c.symbols);
                for (size_t i = 0; i < c.symbols; i++) {
                    float complex fixed[] = {0.0f, NAN, CMPLXF(INFINITY, -INFINITY)};
                    b.symbols[i] = kind < 3 ? fixed[kind] : b.symbols[i];
                    b.noise_var[i] = said[v];
                }
                CHECK_INT(modem_decode(b.modem, b.symbols, b.noise_var, b.got, b.ok),
                          b.plan->blocks);
                CHECK_INT(b.ok[0], false);
            }
        }
        bench_close(&b);
    }
}

/* The code word of all zeros, scrambled and mapped: what a stuck sender may send. */
static void zeros_are_no_block(void)
{
    enum { SYMBOLS = 400, BITS = 2 * SYMBOLS };
    modem_config_t c = {.modulation = MODULATION_QPSK,
                        .payload_bytes = 40,
                        .symbols = SYMBOLS,
                        .unbiased = true,
                        .scrambling = 12345};
    rng_t rng;
    rng_seed(&rng, 7, 0);
    bench_t b = bench_open(&c, &rng);
    static uint8_t bits[BITS];
    scrambler_sequence(c.scrambling, bits, BITS);
    modulation_map(c.modulation, bits, SYMBOLS, b.symbols);
    CHECK_INT(modem_decode(b.modem, b.symbols, b.noise_var, b.got, NULL), 1);
    bench_close(&b);
}

/* Ten thousand blocks of noise just below the cliff: the CRC lets no wrong one through. */
static void wrong_is_never_whole(void)
{
    modem_config_t c = {.modulation = MODULATION_QPSK, .payload_bytes = 4, .unbiased = true};
    c.symbols = modem_symbols(c.modulation, c.payload_bytes, 0.5);
    rng_t rng;
    rng_seed(&rng, 6, 0);
    bench_t b = bench_open(&c, &rng);
    float complex noise[64], clean[64];
    CU_ASSERT_FATAL(c.symbols <= 64);
    memcpy(clean, b.symbols, c.symbols * sizeof(*clean));
    int whole = 0, wrong = 0;
    for (int i = 0; i < 10000; i++) {
        rng_complex_normal(&rng, 1.0f, noise, c.symbols);
        for (size_t k = 0; k < c.symbols; k++) {
            b.symbols[k] = clean[k] + noise[k];
            b.noise_var[k] = 1.0f;
        }
        bool ok = modem_decode(b.modem, b.symbols, b.noise_var, b.got, NULL) == 0;
        whole += ok;
        wrong += ok && memcmp(b.sent, b.got, 4) != 0;
    }
    CHECK_AT_LEAST(whole, 1000);
    CHECK_AT_LEAST(10000 - whole, 1000);
    CHECK_INT(wrong, 0);
    bench_close(&b);
}

static void bad_arguments(void)
{
    static const struct {
        modem_config_t config;
        const char *says;
    } bad[] = {
        {{.modulation = (modulation_t)9, .payload_bytes = 10, .symbols = 100}, "modulation 9"},
        {{.modulation = MODULATION_QPSK, .payload_bytes = 0, .symbols = 100}, "0 bytes"},
        {{.modulation = MODULATION_QPSK, .payload_bytes = 10, .symbols = 0}, "0 symbols"},
        {{.modulation = MODULATION_QPSK, .payload_bytes = 100, .symbols = 420}, "rate of 0.98"},
        {{.modulation = MODULATION_QPSK, .payload_bytes = 1, .symbols = 2000}, "2000 symbols"},
        {{.modulation = MODULATION_QPSK, .payload_bytes = 100, .symbols = 1000, .iterations = -4},
         "-4 iterations"},
        {{.modulation = MODULATION_QPSK,
          .payload_bytes = 100,
          .symbols = 1000,
          .scrambling = 0x80000000},
         "scrambling"},
    };
    for (int i = 0; i < CHECK_COUNT(bad); i++) {
        err_t err = ERR_INIT;
        CU_ASSERT_PTR_NULL(modem_create(&bad[i].config, &err));
        CHECK_INT(err.code, ERR_ARGUMENT);
        CHECK_ERROR_NAMES(&err, bad[i].says);
    }
    modem_destroy(NULL);
}

static const check_test_t tests[] = {
    {"bytes come back at every modulation, rate and size", bytes_come_back},
    {"a plan keeps the rate asked for, and its reverse fits as much", plan_and_its_reverse},
    {"a payload of zeros makes no regular symbols", dull_payloads_are_scrambled},
    {"the scrambler is NR's Gold sequence", gold_sequence},
    {"the CRC gives its published check value", crc_check_value},
    {"a block that is lost is named, and the others are whole", one_lost_block},
    {"no signal, and no number, is ever a whole payload", nothing_is_never_whole},
    {"the word of all zeros is no block", zeros_are_no_block},
    {"a wrong block is never said to be whole", wrong_is_never_whole},
    {"the whole waveform carries bytes", waveform_carries_bytes},
    {"numbers out of range are named", bad_arguments},
};

int main(int count, char **word)
{
    return count > 1 ? print_lines(count, word) : check_run("modem", tests, CHECK_COUNT(tests));
}
