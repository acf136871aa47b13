/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Adapters that change while real daemons send real frames: transmitter, air, receiver and hub as
 * four processes, any of which may die.
 */
#include "control_daemons.h"

enum { ADAPTERS = 3 };

static digest_t ids[ADAPTERS];

static program_t start_hub(const char *more)
{
    program_t hub =
        start("align",
              "hub --hub.bind=ipc://%s --hub.tx=ipc://%s --hub.rx=ipc://%s --hub.store=%s "
              "--hub.beat_ms=50 %s",
              in_work("hub.ipc"), in_work("tx.ipc"), in_work("rx.ipc"), in_work("hub-store"), more);
    CU_ASSERT(wait_for(&hub, "hub at"));
    return hub;
}

/* semradio-align WORDS at the hub: its exit code. */
__attribute__((format(printf, 1, 2))) static int align(const char *format, ...)
{
    char words[512];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    program_t program =
        start("align", "--connect=ipc://%s --timeout=30 --json %s", in_work("hub.ipc"), words);
    return finish(&program, 60);
}

static const char *hash_of(int i)
{
    static char text[DIGEST_TEXT];
    return digest_text(&ids[i], text);
}

/* The first 16 digits, as reports have them; "" is the base codec. */
static char expected[17];

static bool with_expected(const frame_report_t *report)
{
    return strcmp(report->adapter, expected) == 0 && (*expected != 0) == (report->adapter_tag > 0);
}

static bool see_adapter(int i)
{
    snprintf(expected, sizeof expected, "%.16s", i < 0 ? "" : hash_of(i));
    return wait_until(with_expected, i < 0 ? "the base codec" : "the adapter");
}

typedef struct {
    char adapter[65536][17]; /* by tag */
    uint64_t by_adapter, losses, contradictions;
} seen_t;

static seen_t seen;

/* A tag means one adapter for ever, and nothing is lost. */
static void check_report(const frame_report_t *report, void *context)
{
    (void)context;
    if (report->status != REPORT_OK) {
        seen.losses++;
        return;
    }
    if (report->adapter_tag > 0) {
        char *before = seen.adapter[report->adapter_tag];
        seen.by_adapter++;
        seen.contradictions += *before != 0 && strcmp(before, report->adapter) != 0;
        seen.contradictions += *report->adapter == 0;
        strcpy(before, report->adapter);
    } else {
        seen.contradictions += *report->adapter != 0;
    }
}

static void make_adapters(void)
{
    for (int i = 0; i < ADAPTERS; i++) {
        ids[i] = make_adapter(in_work("a%d.safetensors", i), (uint64_t)i + 1);
        CHECK_INT(align("put %s a%d", in_work("a%d.safetensors", i), i), 0);
    }
}

static void test_swaps(void)
{
    (void)unlink(in_work("rx.jsonl"));
    program_t air = start_air("--channel.snr_db=25"), rx = start_rx(""), tx = start_tx(""),
              hub = start_hub("");
    make_adapters();
    CU_ASSERT(see_adapter(-1));
    for (int round = 0; round < 6; round++) {
        CHECK_INT(align("arm a%d", round % ADAPTERS), 0);
        CU_ASSERT(see_adapter(round % ADAPTERS));
    }
    CHECK_INT(align("arm %s", hash_of(1)), 0);
    CHECK_INT(align("revert"), 0);
    CU_ASSERT(see_adapter(-1));
    /* What can't be: unknown bytes, another codec's adapter, a word that is none. */
    CHECK_INT(align("arm nothing"), 2);
    control_client_t *client = client_of("rx");
    CHECK_INT(status_number(client, "adapter_not_held"), 0);
    control_client_destroy(client);
    CHECK_INT(interrupt(&tx), 0);
    settle(in_work("rx.jsonl"));
    CHECK_INT(interrupt(&hub), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    memset(&seen, 0, sizeof seen);
    CHECK_AT_LEAST(read_reports(in_work("rx.jsonl"), check_report, NULL), 100);
    CHECK_INT(seen.losses, 0);
    CHECK_INT(seen.contradictions, 0);
    CHECK_AT_LEAST(seen.by_adapter, 6);
}

static void die(program_t *program)
{
    kill(program->pid, SIGKILL);
    (void)finish(program, 10);
}

/* Each of the three is killed and comes back; every time the adapter is in use again. */
static void test_deaths(void)
{
    (void)unlink(in_work("rx.jsonl"));
    program_t air = start_air("--channel.snr_db=25"), rx = start_rx(""), tx = start_tx(""),
              hub = start_hub("");
    make_adapters();
    CHECK_INT(align("arm a0"), 0);
    CU_ASSERT(see_adapter(0));

    die(&rx);
    (void)unlink(in_work("rx.jsonl")); /* its last line may be half */
    rx = start_rx("");
    CU_ASSERT(wait_for(&tx, "back to the base codec"));
    CU_ASSERT(see_adapter(0));

    die(&hub);
    CU_ASSERT(wait_for(&tx, "nothing was heard of the receiver")); /* within the lease */
    CU_ASSERT(see_adapter(-1));
    hub = start_hub("");
    CU_ASSERT(see_adapter(0)); /* the new hub knows what was wanted */

    die(&tx);
    tx = start_tx("");
    CU_ASSERT(see_adapter(0));

    CHECK_INT(align("revert"), 0);
    CU_ASSERT(see_adapter(-1));
    CHECK_INT(interrupt(&tx), 0);
    settle(in_work("rx.jsonl"));
    CHECK_INT(interrupt(&hub), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    memset(&seen, 0, sizeof seen);
    CHECK_AT_LEAST(read_reports(in_work("rx.jsonl"), check_report, NULL), 10);
    CHECK_INT(seen.contradictions, 0);
}

static bool at_rate_1_4(const frame_report_t *report)
{
    return report->rate_denominator == 4;
}

/* The hub follows the SNR that the receiver reports. */
static void test_auto(void)
{
    (void)unlink(in_work("rx.jsonl"));
    program_t air = start_air("--channel.snr_db=5"), rx = start_rx(""), tx = start_tx(""),
              hub = start_hub("--hub.dwell_s=0.2 --hub.smooth_s=0.1");
    make_adapters();
    CHECK_INT(align("set hub.ladder=a0:1/4,10,a1:1/6,20,base hub.adapt=auto"), 0);
    CU_ASSERT(see_adapter(0));
    control_client_t *client = client_of("air");
    CU_ASSERT(set(client, "channel.snr_db", "15"));
    CU_ASSERT(see_adapter(1));
    CU_ASSERT(set(client, "channel.snr_db", "28"));
    CU_ASSERT(see_adapter(-1));
    CU_ASSERT(set(client, "channel.snr_db", "5"));
    CU_ASSERT(see_adapter(0));
    CU_ASSERT(wait_until(at_rate_1_4, "rate 1/4"));
    CHECK_INT(align("arm a1"), 1); /* the hub decides by itself */
    control_client_destroy(client);
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&hub), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
}

static const check_test_t tests[] = {
    {"swaps while frames fly: none is lost, each decoded with the adapter it names", test_swaps},
    {"receiver, hub and transmitter die and come back: the adapter is in use again", test_deaths},
    {"adapt=auto follows the reported SNR", test_auto},
};

int main(void)
{
    return daemons_run("control_swap_daemons", tests, CHECK_COUNT(tests));
}
