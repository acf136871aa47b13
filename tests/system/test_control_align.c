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

/* With --json each word prints lines of JSON and nothing else. */
static bool prints_json(void)
{
    char *text = output(), *save = NULL;
    int lines = 0;
    bool all = true;
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        json_t *object = json_loads(line, 0, NULL);
        all = all && json_is_object(object);
        json_decref(object);
        lines++;
    }
    free(text);
    return all && lines > 0;
}

static program_t store_hub(void)
{
    program_t hub = start("align", "hub --hub.bind=ipc://%s --hub.store=%s", in_work("hub.ipc"),
                          in_work("hub-store"));
    CU_ASSERT(wait_for(&hub, "hub at"));
    (void)make_adapter(in_work("one.safetensors"), 1);
    return hub;
}

static void test_json(void)
{
    program_t hub = store_hub();
    char line[256];
    snprintf(line, sizeof line, "--connect=ipc://%s --json", in_work("hub.ipc"));
    static const char *const words[] = {"get",  "get hub.adapt", "set hub.dwell_s=2",
                                        "list", "list hub",      "status",
                                        "ping", "adapters"};
    CHECK_INT(align("%s put %s night-city", line, in_work("one.safetensors")), 0);
    CU_ASSERT(prints_json());
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CHECK_INT(align("%s %s", line, words[i]), 0);
        if (!prints_json()) {
            fprintf(stderr, "\"%s\" does not print JSON\n", words[i]);
            CU_FAIL("--json");
        }
    }
    CHECK_INT(align("%s fetch night-city %s", line, in_work("back.safetensors")), 0);
    CU_ASSERT(prints_json());
    CHECK_INT(align("%s keys %s", line, in_work("json-keys")), 0);
    CU_ASSERT(prints_json());
    CHECK_INT(interrupt(&hub), 0);
}

/* What bash offers for the words so far; the last one is being typed. */
static bool completes(const char *words, const char *offered)
{
    char command[1024];
    snprintf(command, sizeof command,
             "PATH=%s:$PATH bash -c 'source %s && COMP_WORDS=(semradio-align %s) && "
             "COMP_CWORD=$((${#COMP_WORDS[@]}-1)) && _semradio_align && "
             "[[ \" ${COMPREPLY[*]} \" == %s ]] || { echo \"%s: ${COMPREPLY[*]}\" >&2; false; }'",
             SEMRADIO_BIN_DIR, in_work("complete.sh"), words, offered, words);
    return system(command) == 0;
}

static void test_completion(void)
{
    char command[512], line[256];
    program_t hub = store_hub();
    CHECK_INT(align("--connect=ipc://%s put %s night-city", in_work("hub.ipc"),
                    in_work("one.safetensors")),
              0);
    CHECK_INT(align("completion"), 0);
    CU_ASSERT(prints("complete -F _semradio_align semradio-align"));
    snprintf(command, sizeof command, "cp %s %s", in_work("align.out"), in_work("complete.sh"));
    CHECK_INT(system(command), 0);
    CU_ASSERT(completes("st", "\" status stage \""));
    CU_ASSERT(completes("f", "\" fetch fit federated federated-campaign \""));
    CU_ASSERT(completes("--to = \"\"", "\" tx rx \""));
    CU_ASSERT(completes("--hub.adapt =", "\" fixed auto script \""));
    CU_ASSERT(completes("fit --fit.met", "\" --fit.method= \""));
    CU_ASSERT(completes("fit --fit.method = p", "\" procrustes \""));
    CU_ASSERT(completes("watch a", "\" adapter \""));
    /* What the other end knows. */
    snprintf(line, sizeof line, "--connect = ipc://%s", in_work("hub.ipc"));
    char words[320];
    snprintf(words, sizeof words, "%s arm night", line);
    CU_ASSERT(completes(words, "\" night-city \""));
    snprintf(words, sizeof words, "%s set hub.hy", line);
    CU_ASSERT(completes(words, "\" hub.hysteresis_db \""));
    snprintf(words, sizeof words, "%s list \"\"", line);
    CU_ASSERT(completes(words, "*\" hub \"*"));
    CHECK_INT(interrupt(&hub), 0);
}

static const check_test_t tests[] = {
    {"wrong words, nobody listening: each has its exit code", test_usage},
    {"keys let the right ones in", test_keys},
    {"words do what they say, for people and as JSON", test_words},
    {"with --json every word prints JSON", test_json},
    {"bash completes words, options, choices, and what the other end knows", test_completion},
};

int main(void)
{
    return daemons_run("control_align", tests, CHECK_COUNT(tests));
}
