/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-align as people and scripts use it: exit codes, output, keys, completion. */
#include "control_daemons.h"

static char *output(void)
{
    return text_of(in_work("align.out"));
}

__attribute__((format(printf, 1, 2))) static int align(const char *format, ...)
{
    char words[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    program_t program = start("align", "%s", words);
    return finish(&program, 60);
}

static bool prints(const char *part)
{
    char *text = output();
    const bool found = strstr(text, part) != NULL;
    if (!found) {
        fprintf(stderr, "not printed: \"%s\" but: %.400s\n", part, text);
    }
    free(text);
    return found;
}

static void test_usage(void)
{
    CHECK_INT(align("--help"), 0);
    CU_ASSERT(prints("Exit codes"));
    CHECK_INT(align("fly"), 2);
    CHECK_INT(align("--no.such=1 get"), 2);
    CHECK_INT(align("--connect=nonsense ping"), 2);
    CHECK_INT(align("--connect=ipc://%s --timeout=0.3 ping", in_work("nobody")), 3);
    CHECK_INT(align("--connect=tcp://192.0.2.1:5600 ping"), 2); /* not here, and no keys */
}

/* The real thing over TCP with keys, as docs/CONTROL.md has it. */
static void test_keys(void)
{
    char *open, command[512];
    CHECK_INT(align("keys %s", in_work("daemon")), 0);
    CHECK_INT(align("keys %s", in_work("alice")), 0);
    CHECK_INT(align("keys %s", in_work("mallory")), 0);
    CHECK_INT(align("keys %s", in_work("alice")), 1); /* never overwritten */
    snprintf(command, sizeof command, "cp %s %s", in_work("alice.pub"), in_work("allowed"));
    CHECK_INT(system(command), 0);
    snprintf(air_name, sizeof air_name, "keys%d", (int)getpid());
    program_t naked = start("air", "--air %s-x --control.bind=tcp://0.0.0.0:*", air_name);
    CHECK_INT(finish(&naked, 20), 2);
    expect_says(&naked, "control.key");
    program_t air = start("air",
                          "--air %s --pace=free --control.bind=tcp://127.0.0.1:* --control.key=%s "
                          "--control.allow=%s",
                          air_name, in_work("daemon"), in_work("allowed"));
    CU_ASSERT(wait_for(&air, "control at"));
    open = text_of(air.log);
    char endpoint[64] = "";
    const char *at = strstr(open, "tcp://127");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    sscanf(at, "%60[^,]", endpoint);
    free(open);
    const char *words =
        "--connect=%s --server-key=%s --key=%s --timeout=%s --json get channel.snr_db";
    char line[1024];
#define ASK(server, key, timeout)                                                                  \
    (snprintf(line, sizeof line, words, endpoint, in_work(server), in_work(key), timeout),         \
     align("%s", line))
    CHECK_INT(ASK("daemon.pub", "alice", "10"), 0);
    CU_ASSERT(prints("{\"values\":{\"channel.snr_db\":\"20\"}}"));
    CHECK_INT(ASK("daemon.pub", "mallory", "1"), 4);
    CHECK_INT(ASK("mallory.pub", "alice", "1"), 4);
#undef ASK
    CHECK_INT(interrupt(&air), 0);
}

static void test_words(void)
{
    program_t air = start_air("");
    char line[256];
    snprintf(line, sizeof line, "--connect=ipc://%s", in_work("air.ipc"));
    CHECK_INT(align("%s set channel.snr_db=11 channel.cfo_hz=5", line), 0);
    CHECK_INT(align("%s get snr_db cfo_hz", line), 0);
    CU_ASSERT(prints("channel.snr_db                   11"));
    CHECK_INT(align("%s set channel.snr_db=hot", line), 1);
    CHECK_INT(align("%s set channel.snr_db", line), 2);
    CHECK_INT(align("%s list channel", line), 0);
    CU_ASSERT(prints("* channel.model"));
    CHECK_INT(align("%s status --json", line), 0);
    char *text = output();
    json_t *status = json_loads(text, 0, NULL);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(status, "program")), "semradio-air");
    json_decref(status);
    free(text);
    CHECK_INT(align("%s watch status --count=2 --json", line), 0);
    CU_ASSERT(prints("\"topic\":\"status\""));
    CHECK_INT(align("%s arm x", line), 1); /* not a hub */
    CHECK_INT(interrupt(&air), 0);
}

static void test_completion(void)
{
    char command[512];
    CHECK_INT(align("completion"), 0);
    CU_ASSERT(prints("complete -F _semradio_align semradio-align"));
    snprintf(
        command, sizeof command,
        "bash -c 'source %s && COMP_WORDS=(semradio-align st) COMP_CWORD=1 && _semradio_align && "
        "[[ \"${COMPREPLY[*]}\" == \"status stage\" ]]'",
        in_work("align.out"));
    CHECK_INT(system(command), 0);
}

static const check_test_t tests[] = {
    {"wrong words, nobody listening: each has its exit code", test_usage},
    {"keys let the right ones in", test_keys},
    {"words do what they say, for people and as JSON", test_words},
    {"bash completes the words", test_completion},
};

int main(void)
{
    return daemons_run("control_align", tests, CHECK_COUNT(tests));
}
