/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings: what is read, what is refused and why, and that what is written keeps SigMF's rules.
 */
#include "check.h"
#include "clock.h"
#include "file.h"
#include "radio/recorder.h"
#include "rng.h"

#include <errno.h>
#include <jansson.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64] = "/tmp/semradio-sigmf-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

/* ---- reading ---- */

#define GOOD_GLOBAL                                                                                \
    "\"global\":{\"core:datatype\":\"cf32_le\",\"core:sample_rate\":1e6,\"core:version\":\"1.0."   \
    "0\"}"

static sigmf_t *parse(const char *text, err_t *err)
{
    return sigmf_parse(text, strlen(text), "some.sigmf-meta", err);
}

static void refuse(const char *text, err_code_t code, const char *names)
{
    err_t err = ERR_INIT;
    sigmf_t *sigmf = parse(text, &err);
    CU_ASSERT_PTR_NULL(sigmf);
    CHECK_INT(err.code, code);
    CHECK_ERROR_NAMES(&err, names);
    CHECK_ERROR_NAMES(&err, "some.sigmf-meta");
    sigmf_free(sigmf);
}

static void test_refusals(void)
{
    const char *rest = ",\"captures\":[],\"annotations\":[]}";
    char text[1024];
    refuse("", ERR_FORMAT, "not JSON");
    refuse("{\"global\":", ERR_FORMAT, "not JSON");
    refuse("[1]", ERR_FORMAT, "global");
    refuse("{}", ERR_FORMAT, "global");
    refuse("{\"global\":{},\"global\":{}}", ERR_FORMAT, "duplicate");
    refuse("{" GOOD_GLOBAL "}", ERR_FORMAT, "captures");
    refuse("{" GOOD_GLOBAL ",\"captures\":{},\"annotations\":[]}", ERR_FORMAT, "captures");
    refuse("{" GOOD_GLOBAL ",\"captures\":[]}", ERR_FORMAT, "annotations");
    refuse("{" GOOD_GLOBAL ",\"captures\":[{}],\"annotations\":[]}", ERR_FORMAT, "sample_start");
    refuse("{" GOOD_GLOBAL ",\"captures\":[5],\"annotations\":[]}", ERR_FORMAT, "object");
    refuse("{" GOOD_GLOBAL ",\"captures\":[{\"core:sample_start\":-1}],\"annotations\":[]}",
           ERR_FORMAT, "whole number");
    refuse("{" GOOD_GLOBAL ",\"captures\":[{\"core:sample_start\":7}],\"annotations\":[]}",
           ERR_FORMAT, "first");
    refuse("{" GOOD_GLOBAL ",\"captures\":[{\"core:sample_start\":0},{\"core:sample_start\":0}],"
           "\"annotations\":[]}",
           ERR_FORMAT, "order");
    refuse("{" GOOD_GLOBAL ",\"captures\":[{\"core:sample_start\":0,\"core:global_index\":10},"
           "{\"core:sample_start\":5,\"core:global_index\":14}],\"annotations\":[]}",
           ERR_FORMAT, "global_index");
    refuse("{" GOOD_GLOBAL ",\"captures\":[],\"annotations\":[{\"core:sample_count\":1}]}",
           ERR_FORMAT, "annotations");
    refuse("{" GOOD_GLOBAL ",\"captures\":[],\"annotations\":[{\"core:sample_start\":5},"
           "{\"core:sample_start\":4}]}",
           ERR_FORMAT, "order");
    static const struct {
        const char *global;
        err_code_t code;
        const char *names;
    } globals[] = {
        {"\"core:sample_rate\":1,\"core:version\":\"1.0.0\"", ERR_FORMAT, "core:datatype"},
        {"\"core:datatype\":\"ri8\",\"core:sample_rate\":1,\"core:version\":\"1.0.0\"",
         ERR_UNSUPPORTED, "ri8"},
        {"\"core:datatype\":\"cf32_be\",\"core:sample_rate\":1,\"core:version\":\"1.0.0\"",
         ERR_UNSUPPORTED, "cf32_be"},
        {"\"core:datatype\":\"cf32_le\",\"core:version\":\"1.0.0\"", ERR_FORMAT, "sample_rate"},
        {"\"core:datatype\":\"cf32_le\",\"core:sample_rate\":0,\"core:version\":\"1.0.0\"",
         ERR_FORMAT, "sample_rate"},
        {"\"core:datatype\":\"cf32_le\",\"core:sample_rate\":\"1\",\"core:version\":\"1.0.0\"",
         ERR_FORMAT, "sample_rate"},
        {"\"core:datatype\":\"cf32_le\",\"core:sample_rate\":1", ERR_FORMAT, "version"},
        {"\"core:datatype\":\"cf32_le\",\"core:sample_rate\":1,\"core:version\":\"2.0.0\"",
         ERR_UNSUPPORTED, "2.0.0"},
        {"\"core:datatype\":\"cf32_le\",\"core:sample_rate\":1,\"core:version\":\"1.0.0\","
         "\"core:num_channels\":2",
         ERR_UNSUPPORTED, "one channel"},
        {"\"core:datatype\":\"cf32_le\",\"core:sample_rate\":1,\"core:version\":\"1.0.0\","
         "\"core:extensions\":[{\"name\":\"strange\",\"version\":\"1\",\"optional\":false}]",
         ERR_UNSUPPORTED, "strange"},
    };
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++) {
        snprintf(text, sizeof text, "{\"global\":{%s}%s", globals[i].global, rest);
        refuse(text, globals[i].code, globals[i].names);
    }
}

static void test_reading(void)
{
    err_t err = ERR_INIT;
    sigmf_t *s = parse(
        "{\"global\":{\"core:datatype\":\"ci16_le\",\"core:sample_rate\":250000,\"core:version\":"
        "\"1.2.0\",\"core:offset\":100,\"other:thing\":[1],\"core:extensions\":[{\"name\":"
        "\"other\","
        "\"version\":\"0\",\"optional\":true}]},\"captures\":[{\"core:sample_start\":100,"
        "\"core:frequency\":1e9},{\"core:sample_start\":150,\"core:global_index\":1150}],"
        "\"annotations\":[{\"core:sample_start\":120,\"core:sample_count\":10,\"core:label\":\"x\"}"
        "]}",
        &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_INT(s->datatype, SIGMF_CI16);
    CHECK_NEAR(s->rate_hz, 250000, 0);
    CHECK_INT(s->segment_count, 2);
    CHECK_INT(s->segments[0].timestamp, 100);
    CHECK_NEAR(s->segments[0].freq_hz, 1e9, 0);
    CHECK_INT(s->segments[1].start, 50);
    CHECK_INT(s->segments[1].timestamp, 1150);
    CHECK_INT(s->annotations[0].start, 20);
    CHECK_INT(sigmf_check_data(s, 50, "data", NULL), 0);
    CHECK_INT(sigmf_check_data(s, 49, "data", &err), -1);
    CHECK_ERROR_NAMES(&err, "segment");
    sigmf_free(s);
    s = parse("{" GOOD_GLOBAL ",\"captures\":[],\"annotations\":[{\"core:sample_start\":90,"
              "\"core:sample_count\":11}]}",
              &err);
    CHECK_INT(s->segment_count, 1);
    CHECK_INT(sigmf_check_data(s, 101, "data", NULL), 0);
    CHECK_INT(sigmf_check_data(s, 100, "data", &err), -1);
    CHECK_ERROR_NAMES(&err, "annotation 0");
    sigmf_free(s);
}

static void test_formats(void)
{
    const float complex x[4] = {CMPLXF(1.0f, -1.0f), CMPLXF(0.5f, 0.0f), CMPLXF(1.5f, -9.0f),
                                CMPLXF((float)NAN, 1e-5f)};
    float complex back[4];
    int16_t raw[8];
    CHECK_INT(sigmf_encode(SIGMF_CI16, x, raw, 4), 3);
    CHECK_INT(raw[0], 32767);
    CHECK_INT(raw[1], -32767);
    CHECK_INT(raw[2], 16384);
    CHECK_INT(raw[4], 32767);
    CHECK_INT(raw[5], -32767);
    CHECK_INT(raw[6], 0);
    sigmf_decode(SIGMF_CI16, raw, back, 4);
    CHECK_NEAR(crealf(back[0]), 1.0, 0);
    CHECK_NEAR(crealf(back[1]), 0.5, 0.5 / 32767);
}

/* ---- writing ---- */

static recorder_t *record(const char *name, sigmf_datatype_t datatype, err_t *err)
{
    const recorder_config_t config = {.path = in_folder(name),
                                      .datatype = datatype,
                                      .rate_hz = 7.68e6,
                                      .freq_hz = 3.5e9,
                                      .hardware = "radio \"x\"\\\n",
                                      .description = "a test"};
    return recorder_open(&config, err);
}

static json_t *load_meta(const char *name)
{
    char meta[128];
    json_error_t why;
    snprintf(meta, sizeof meta, "%s.sigmf-meta", name);
    json_t *root = json_load_file(in_folder(meta), JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        fprintf(stderr, "%s: %s\n", meta, why.text);
        CU_FAIL_FATAL("metadata is not JSON");
    }
    return root;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    CHECK_INT(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    const bool yes = text != NULL && regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return yes;
}

/* Fields of the core namespace that SigMF 1.0 knows in this place, with their types. */
typedef struct {
    const char *key;
    json_type type;
    bool required;
} rule_t;

static void check_object(json_t *object, const rule_t *rules, size_t count)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        CU_ASSERT(matches("^(core|semradio):[a-z_]+$", key));
        bool known = strncmp(key, "core:", 5) != 0;
        for (size_t i = 0; i < count; i++) {
            known = known || (strcmp(rules[i].key, key) == 0 &&
                              (json_typeof(value) == rules[i].type ||
                               (rules[i].type == JSON_REAL && json_is_number(value))));
        }
        if (!known) {
            fprintf(stderr, "%s is unknown or of the wrong type\n", key);
        }
        CU_ASSERT(known);
    }
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT(!rules[i].required || json_object_get(object, rules[i].key) != NULL);
    }
}

static void check_sorted(json_t *list, const rule_t *rules, size_t count)
{
    json_int_t last = -1;
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        check_object(item, rules, count);
        const json_int_t start = json_integer_value(json_object_get(item, "core:sample_start"));
        CU_ASSERT(start >= last);
        last = start;
    }
}

/* The rules of the SigMF specification 1.0 and its schema that concern a file like ours. */
static void check_schema(const char *name)
{
    static const rule_t global[] = {
        {"core:datatype", JSON_STRING, true},     {"core:sample_rate", JSON_REAL, true},
        {"core:version", JSON_STRING, true},      {"core:num_channels", JSON_INTEGER, false},
        {"core:recorder", JSON_STRING, false},    {"core:hw", JSON_STRING, false},
        {"core:description", JSON_STRING, false}, {"core:extensions", JSON_ARRAY, false}};
    static const rule_t capture[] = {{"core:sample_start", JSON_INTEGER, true},
                                     {"core:global_index", JSON_INTEGER, false},
                                     {"core:frequency", JSON_REAL, false},
                                     {"core:datetime", JSON_STRING, false}};
    static const rule_t annotation[] = {{"core:sample_start", JSON_INTEGER, true},
                                        {"core:sample_count", JSON_INTEGER, false},
                                        {"core:label", JSON_STRING, false}};
    json_t *root = load_meta(name), *item;
    json_t *top = json_object_get(root, "global"), *captures = json_object_get(root, "captures");
    size_t i;
    CHECK_INT(json_object_size(root), 3);
    check_object(top, global, CHECK_COUNT(global));
    CU_ASSERT(matches("^(c|r)(f32|f64|i32|i16|u32|u16)_(le|be)$",
                      json_string_value(json_object_get(top, "core:datatype"))));
    CU_ASSERT(matches("^[0-9]+\\.[0-9]+\\.[0-9]+$",
                      json_string_value(json_object_get(top, "core:version"))));
    CU_ASSERT(json_is_array(captures));
    check_sorted(captures, capture, CHECK_COUNT(capture));
    check_sorted(json_object_get(root, "annotations"), annotation, CHECK_COUNT(annotation));
    json_array_foreach(captures, i, item)
    {
        const json_t *when = json_object_get(item, "core:datetime");
        CU_ASSERT(when == NULL ||
                  matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?Z$",
                          json_string_value(when)));
    }
    json_array_foreach(json_object_get(root, "annotations"), i, item)
    {
        CU_ASSERT(strlen(json_string_value(json_object_get(item, "core:label"))) <= 20);
    }
    json_array_foreach(json_object_get(top, "core:extensions"), i, item)
    {
        CHECK_INT(json_object_size(item), 3);
        CU_ASSERT(json_is_string(json_object_get(item, "name")));
        CU_ASSERT(json_is_string(json_object_get(item, "version")));
        CU_ASSERT(json_is_boolean(json_object_get(item, "optional")));
    }
    json_decref(root);
}

static void note_at(recorder_t *rec, uint64_t timestamp, int64_t frame)
{
    recorder_note_t note;
    recorder_note_init(&note);
    note.timestamp = timestamp;
    note.count = 50;
    note.frame = frame;
    note.snr_db = 12.5;
    strcpy(note.label, "frame");
    strcpy(note.status, "ok");
    recorder_note(rec, &note);
}

static void test_written_file_keeps_the_rules(void)
{
    static float complex x[20000];
    err_t err = ERR_INIT;
    recorder_t *rec = record("rules", SIGMF_CF32, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rec);
    check_schema("rules"); /* valid from the first moment */
    recorder_push(rec, x, 20000, 1000);
    recorder_push(rec, x, 500, 30000); /* 9000 were lost */
    note_at(rec, 30100, 2);
    note_at(rec, 5000, 1);  /* told late */
    note_at(rec, 22000, 3); /* in the gap: not recorded */
    note_at(rec, 30480, 4); /* cut by the end */
    CHECK_INT(recorder_close(rec, &err), 0);
    check_schema("rules");
    sigmf_t *s = sigmf_load(in_folder("rules"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_INT(s->samples, 20500);
    CHECK_INT(s->segment_count, 2);
    CHECK_INT(s->segments[0].timestamp, 1000);
    CHECK_INT(s->segments[1].start, 20000);
    CHECK_INT(s->segments[1].timestamp, 30000);
    CHECK_INT(s->annotation_count, 3);
    CHECK_INT(s->annotations[0].start, 4000);
    CHECK_INT(s->annotations[1].start, 20100);
    CHECK_INT(s->annotations[2].start, 20480);
    CHECK_INT(s->annotations[2].count, 20);
    CHECK_INT(sigmf_check_data(s, 20500, "data", &err), 0);
    json_t *root = load_meta("rules");
    json_t *first = json_array_get(json_object_get(root, "annotations"), 0);
    CHECK_INT(json_integer_value(json_object_get(first, "semradio:frame")), 1);
    CHECK_NEAR(json_number_value(json_object_get(first, "semradio:snr_db")), 12.5, 0);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(json_object_get(root, "global"), "core:hw")),
        "radio \"x\"\\\n");
    json_decref(root);
    sigmf_free(s);
}

static void test_no_overwriting(void)
{
    err_t err = ERR_INIT;
    recorder_t *rec = record("kept", SIGMF_CI16, &err);
    CHECK_INT(recorder_close(rec, &err), 0);
    CU_ASSERT_PTR_NULL(record("kept.sigmf-meta", SIGMF_CI16, &err));
    CHECK_INT(err.code, ERR_STATE);
    CHECK_ERROR_NAMES(&err, "kept.sigmf-meta");
    CU_ASSERT_PTR_NULL(record("nowhere/kept", SIGMF_CI16, &err));
    CHECK_INT(err.code, ERR_IO);
}

/* Killed in the middle: what lies there reads, and is as long as it says. */
static void test_killed(void)
{
    static float complex x[8192];
    err_t err = ERR_INIT;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        recorder_t *rec = record("killed", SIGMF_CF32, &err);
        for (uint64_t i = 0; rec != NULL; i++) {
            recorder_push_wait(rec, x, 8192, i * 9000, 1.0); /* a gap after each */
            clock_sleep_s(0.002);
        }
        _exit(1);
    }
    clock_sleep_s(2.5);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    check_schema("killed");
    sigmf_t *s = sigmf_load(in_folder("killed"), &err);
    uint8_t *data;
    size_t size;
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_INT(file_read_all(in_folder("killed.sigmf-data"), 1u << 30, &data, &size, &err), 0);
    CHECK_INT(size % 8, 0);
    CHECK_AT_LEAST(s->segment_count, 100);
    CHECK_INT(sigmf_check_data(s, size / 8, "data", &err), 0);
    free(data);
    sigmf_free(s);
}

static void test_full_disk(void)
{
    static float complex x[8192];
    err_t err = ERR_INIT;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {1000003, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        recorder_t *rec = record("full", SIGMF_CI16, &err);
        for (uint64_t i = 0; i < 100; i++) {
            recorder_push_wait(rec, x, 8192, i * 8192, 1.0);
        }
        const bool drained = recorder_drained(rec, 10);
        const bool failed = recorder_failed(rec, &err) && strstr(err.text, "full.sigmf-data");
        _exit(drained && failed && recorder_close(rec, &err) == -1 ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
    check_schema("full");
    sigmf_t *s = sigmf_load(in_folder("full"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    uint8_t *data;
    size_t size;
    CHECK_INT(file_read_all(in_folder("full.sigmf-data"), 1u << 30, &data, &size, &err), 0);
    CHECK_INT(size, 30 * 8192 * 4);
    CHECK_INT(sigmf_check_data(s, size / 4, "data", &err), 0);
    CHECK_INT(s->samples, size / 4);
    free(data);
    sigmf_free(s);
}

static const check_test_t tests[] = {
    {"what cannot be true is refused, by name", test_refusals},
    {"segments, offsets and annotations are read", test_reading},
    {"ci16 clips, counts and scales", test_formats},
    {"a written recording keeps SigMF's rules at any moment", test_written_file_keeps_the_rules},
    {"a recording is never overwritten", test_no_overwriting},
    {"a killed program leaves a valid recording", test_killed},
    {"a full disk ends the recording, valid and said", test_full_disk},
};

int main(void)
{
    char command[128];
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = check_run("sigmf", tests, CHECK_COUNT(tests));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
