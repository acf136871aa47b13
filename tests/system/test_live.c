/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live page of a real receiver on the emulated air: what it serves, to whom, and at what cost.
 */
#include "daemons.h"
#include "web_client.h"

#include <ctype.h>

static char air_name[32], host[64];
static int port;
static program_t air, rx, tx;

/* A slow air: a sanitised receiver keeps up with it on a busy core. */
static void begin(const char *rx_more)
{
    static int count;
    snprintf(air_name, sizeof air_name, "live%d-%d", (int)getpid(), count++);
    port = web_free_port();
    snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", port);
    air = start("air", "--air %s --air.rate_hz=480k --channel.snr_db=15", air_name);
    CU_ASSERT(wait_for(&air, "air \""));
    rx = start("rx",
               "--radio.address=%s --rate=480k --radio.timeout_s=20 --reference.path=cifar10:%s "
               "--codec.name=%s --codec.threads=1 --rx.buffer_ms=10000 --summary %s "
               "--live 127.0.0.1:%d --live.rate_hz=20 %s",
               air_name, in_work("set.bin"), in_work("codec"), in_work("rx.json"), port, rx_more);
    CU_ASSERT(wait_for(&rx, "listening"));
    tx = start("tx",
               "cifar10:%s --radio.address=%s --rate=480k --radio.timeout_s=20 --codec.name=%s "
               "--frame.images=2 --tx.frame_rate=20 --summary %s",
               in_work("set.bin"), air_name, in_work("codec"), in_work("tx.json"));
}

static json_t *ask_json(const char *line)
{
    web_answer_t answer = web_ask(port, line, host, NULL);
    json_t *object = json_loads(answer.body, 0, NULL);
    free(answer.text);
    return object;
}

static double status_number(const char *group, const char *key)
{
    json_t *status = ask_json("GET /status.json");
    json_t *from = *group != 0 ? json_object_get(status, group) : status;
    const double number = json_number_value(json_object_get(from, key));
    json_decref(status);
    return number;
}

/* Until the number is there; false after 20 s. */
static bool wait_number(const char *group, const char *key, double least)
{
    for (int i = 0; i < 400; i++) {
        if (status_number(group, key) >= least) {
            return true;
        }
        clock_sleep_s(0.05);
    }
    fprintf(stderr, "%s.%s never was %g\n", group, key, least);
    return false;
}

static void end(void)
{
    CHECK_INT(interrupt(&tx), 0);
    for (int i = 0;
         i < 100 && status_number("", "frames") < number_in(in_work("tx.json"), "frames"); i++) {
        clock_sleep_s(0.05);
    }
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
}

/* ---- what is served ---- */

/* NAME{label="…"} NUMBER, comments apart; how many, -1: a line is none of these. */
static int count_metrics(char *text)
{
    int count = 0;
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *at = line, *last;
        if (strncmp(line, "# HELP semradio_rx_", 19) == 0 ||
            strncmp(line, "# TYPE semradio_rx_", 19) == 0) {
            continue;
        }
        while (isalnum((unsigned char)*at) || *at == '_') {
            at++;
        }
        char *close = *at == '{' ? strstr(at, "\"} ") : NULL;
        at = close != NULL ? close + 2 : at;
        (void)strtod(at, &last);
        if (at == line || *at != ' ' || last == at || *last != 0) {
            fprintf(stderr, "not a metric: %s\n", line);
            return -1;
        }
        count++;
    }
    return count;
}

static void check_served(void)
{
    static const char *const paths[] = {"GET /",        "GET /page.css", "GET /page.js",
                                        "GET /draw.js", "GET /chart.js", "GET /options.json",
                                        "HEAD /"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        CHECK_INT(web_status(port, paths[i], host, NULL), 200);
    }
    web_answer_t page = web_ask(port, "GET /", host, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(page.text, "Content-Security-Policy: default-src 'none'"));
    CU_ASSERT_PTR_NULL(strstr(page.body, "http://"));
    CU_ASSERT_PTR_NULL(strstr(page.body, "https://"));
    free(page.text);
    web_answer_t metrics = web_ask(port, "GET /metrics", host, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(metrics.body, "semradio_rx_frames_total{status=\"lost_gap\"} 0"));
    CHECK_AT_LEAST(count_metrics(metrics.body), 30);
    free(metrics.text);
    web_answer_t lines = web_ask(port, "GET /frames.jsonl", host, NULL);
    char *save = NULL;
    int good = 0;
    for (char *line = strtok_r(lines.body, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        frame_report_t report;
        good += report_from_json(line, &report, NULL) == 0 ? 1 : -1000;
    }
    CHECK_AT_LEAST(good, 4);
    CHECK_AT_MOST(good, 256);
    free(lines.text);
}

/* ---- a message ---- */

static const void *array_of(const json_t *head, const uint8_t *data, const char *name,
                            size_t *bytes)
{
    size_t i;
    json_t *entry, *list = json_object_get(head, "arrays");
    json_array_foreach(list, i, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0) {
            *bytes = (size_t)json_integer_value(json_object_get(entry, "bytes"));
            return data + json_integer_value(json_object_get(entry, "offset"));
        }
    }
    *bytes = 0;
    return NULL;
}

static json_t *read_message(int fd, uint8_t **data, const uint8_t **arrays)
{
    size_t size;
    *data = web_message(fd, &size);
    if (*data == NULL || size < 4) {
        return NULL;
    }
    size_t length = (*data)[0] | (size_t)(*data)[1] << 8 | (size_t)(*data)[2] << 16;
    *arrays = *data + ((4 + length + 3) & ~(size_t)3);
    return length + 4 <= size ? json_loadb((char *)*data + 4, length, 0, NULL) : NULL;
}

/* The equaliser brings the symbols nearer to what was sent: after * h is before, but for noise. */
static void check_arrays(const json_t *head, const uint8_t *arrays)
{
    size_t before, after, channel, spectrum, sent, received;
    const float *h = array_of(head, arrays, "channel", &channel);
    const float *a = array_of(head, arrays, "after", &after);
    const float *b = array_of(head, arrays, "before", &before);
    array_of(head, arrays, "spectrum_db", &spectrum);
    const uint8_t *s = array_of(head, arrays, "sent", &sent);
    const uint8_t *r = array_of(head, arrays, "received", &received);
    CHECK_INT(channel, 132 * 8);
    CHECK_INT(spectrum, 256 * 4);
    CHECK_INT(before, 480 * 8);
    CHECK_INT(after, before);
    CHECK_INT(sent, 3 * 32 * 32);
    CHECK_INT(received, sent);
    if (h == NULL || a == NULL || b == NULL || s == NULL || r == NULL) {
        return;
    }
    double energy = 0, off = 0; /* AWGN: |h| is the same everywhere */
    for (int i = 0; i < 480; i++) {
        const double out = hypot(a[2 * i], a[2 * i + 1]), in = hypot(b[2 * i], b[2 * i + 1]);
        energy += in * in;
        off += (in - out * hypot(h[0], h[1])) * (in - out * hypot(h[0], h[1]));
    }
    CHECK_AT_MOST(off / energy, 0.02);
    double mse = 0;
    for (size_t i = 0; i < sent; i++) {
        mse += (s[i] - r[i]) * (s[i] - r[i]) / (double)sent;
    }
    const json_t *report = json_object_get(json_object_get(head, "image"), "report");
    CHECK_NEAR(json_number_value(json_object_get(report, "mse")), mse, 0.01 * mse);
}

static void check_message(void)
{
    int status;
    uint8_t *data = NULL;
    const uint8_t *arrays = NULL;
    int fd = web_socket(port, "", &status);
    CHECK_INT(status, 101);
    json_t *head = read_message(fd, &data, &arrays);
    CU_ASSERT_PTR_NOT_NULL_FATAL(head);
    check_arrays(head, arrays);
    const json_t *series = json_array_get(json_object_get(head, "curve"), 0);
    const json_t *point = json_array_get(json_object_get(series, "points"), 0);
    CHECK_NEAR(json_number_value(json_array_get(point, 0)), 15, 1.5);
    CHECK_AT_LEAST(json_number_value(json_array_get(point, 1)), 10);
    json_decref(head);
    free(data);
    close(fd);
}

/* ---- options ---- */

static void check_options(void)
{
    const char *on = "{\"values\":{\"quality.ssim\":\"false\"}}";
    char other[128];
    snprintf(other, sizeof other, "%sOrigin: http://127.0.0.1:%d\r\n", host, port);
    CHECK_INT(web_status(port, "POST /options", other, on), 200); /* a browser's own page */
    CU_ASSERT(wait_for(&rx, "set from the live page: {\"quality.ssim\":\"false\"}"));
    bool reached = false;
    for (int i = 0; i < 200 && !reached; i++) {
        clock_sleep_s(0.05);
        web_answer_t lines = web_ask(port, "GET /frames.jsonl", host, NULL);
        char *last = lines.body != NULL ? strrchr(lines.body, '{') : NULL;
        reached = last != NULL && strstr(last, "\"ssim\":null") != NULL;
        free(lines.text);
    }
    CU_ASSERT(reached);
    CHECK_INT(web_status(port, "POST /options", host, "{\"values\":{\"codec.threads\":\"2\"}}"),
              400);
    CHECK_INT(web_status(port, "POST /options", host, "{\"values\":{\"rx.id\":\"900\"}}"), 400);
    CHECK_INT(web_status(port, "POST /options", host, "{\"values\":[]}"), 400);
    CHECK_INT(web_status(port, "POST /options", host, "{"), 400);
}

static void test_page(void)
{
    begin("");
    CU_ASSERT(wait_number("", "images", 4));
    check_served();
    check_message();
    check_options();
    end();
}

/* ---- who is kept out ---- */

static void test_refused(void)
{
    int status;
    char text[9200];
    begin("");
    CHECK_INT(web_status(port, "GET /", "Host: attacker.example\r\n", NULL), 403);
    CHECK_INT(web_status(port, "GET /status.json", "Host: 127.0.0.1.attacker.example\r\n", NULL),
              403);
    CHECK_INT(web_status(port, "GET /", "Host: 127.0.0.1:1; script-src *\r\n", NULL), 403);
    CHECK_INT(web_status(port, "GET /", "Host: localhost\r\n", NULL), 200);
    snprintf(text, sizeof text, "%sOrigin: http://attacker.example\r\n", host);
    CHECK_INT(web_status(port, "POST /options", text, "{\"values\":{\"rx.id\":\"7\"}}"), 403);
    CHECK_INT(web_socket(port, "Origin: http://attacker.example\r\n", &status), -1);
    CHECK_INT(status, 403);
    CHECK_INT(web_socket(port, "Origin: null\r\n", &status), -1);
    static const char *const paths[] = {"GET /../rx.json",
                                        "GET /%2e%2e/%2e%2e/etc/passwd",
                                        "GET /page.js%00",
                                        "GET //etc/passwd",
                                        "GET /page/page.js",
                                        "GET /campaign.csv",
                                        "GET /chart.js/../../../etc/passwd"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        status = web_status(port, paths[i], host, NULL);
        if (status != 404 && status != 400) {
            fprintf(stderr, "%s: %d\n", paths[i], status);
        }
        CU_ASSERT(status == 404 || status == 400);
    }
    CHECK_INT(web_status(port, "DELETE /", host, NULL), 405);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    CHECK_INT(web_status(port, "POST /options", host, text), 413);
    memcpy(text, "X: ", 3);
    strcpy(text + 9000, "\r\n");
    CU_ASSERT(web_status(port, "GET /", text, NULL) != 200); /* longer than any request */
    CU_ASSERT(wait_number("live", "requests_refused", 6));
    end();
}

static void test_token(void)
{
    char line[256];
    const char *token = "c0rrect-horse-battery";
    snprintf(line, sizeof line, "--live.token=%s", token);
    begin(line);
    program_t open = start("rx",
                           "--live 0.0.0.0:%d --radio.address=%s --rate=480k --codec.name=%s "
                           "--reference.path=cifar10:%s",
                           web_free_port(), air_name, in_work("codec"), in_work("set.bin"));
    CHECK_INT(finish(&open, 60), 1);
    expect_says(&open, "it needs live.token");
    CHECK_INT(web_status(port, "GET /status.json", host, NULL), 401);
    CHECK_INT(web_status(port, "GET /?token=c0rrect-horse-batterz", host, NULL), 401);
    CHECK_INT(web_status(port, "POST /options", host, "{}"), 401);
    snprintf(line, sizeof line, "%sAuthorization: Bearer c0rrect-horse-batter\r\n", host);
    CHECK_INT(web_status(port, "GET /metrics", line, NULL), 401);
    snprintf(line, sizeof line, "%sAuthorization: Bearer %s\r\n", host, token);
    CHECK_INT(web_status(port, "GET /page.css", line, NULL), 200);
    snprintf(line, sizeof line, "GET /?token=%s", token);
    web_answer_t entered = web_ask(port, line, host, NULL);
    CHECK_INT(entered.status, 303);
    CU_ASSERT_PTR_NOT_NULL(strstr(entered.text, "HttpOnly; SameSite=Strict"));
    free(entered.text);
    int status;
    CHECK_INT(web_socket(port, "", &status), -1);
    CHECK_INT(status, 401);
    snprintf(line, sizeof line, "Cookie: other=1; semradio=%s\r\n", token);
    int fd = web_socket(port, line, &status);
    CHECK_INT(status, 101);
    close(fd);
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
}

/* ---- many, and slow ones ---- */

enum { BROWSERS = 50, STUCK = 5, ROUNDS = 30 };

static json_int_t message_number(int fd)
{
    uint8_t *data = NULL;
    const uint8_t *arrays;
    json_t *head = read_message(fd, &data, &arrays);
    const json_int_t number = json_integer_value(json_object_get(head, "message"));
    json_decref(head);
    free(data);
    return number;
}

/* It has three messages; after it woke up it gets the newest, and what lay between was dropped. */
static void check_stuck(int fd)
{
    json_int_t last = 0;
    for (int i = 0; i < 3; i++) {
        last = message_number(fd);
    }
    CHECK_AT_LEAST(last, 1);
    CU_ASSERT(web_acknowledge(fd));
    CHECK_AT_LEAST(message_number(fd), last + 5);
}

static void test_many(void)
{
    int fd[BROWSERS], stuck[STUCK], status, read = 0;
    begin("--live.clients=55");
    CU_ASSERT(wait_number("", "images", 2));
    for (int i = 0; i < STUCK; i++) { /* they never read */
        stuck[i] = web_socket(port, "", &status);
        CHECK_INT(status, 101);
    }
    for (int i = 0; i < BROWSERS; i++) {
        fd[i] = web_socket(port, "", &status);
        CHECK_INT(status, 101);
    }
    CU_ASSERT(wait_number("live", "clients", BROWSERS + STUCK));
    size_t size;
    int more = web_socket(port, "", &status); /* no place is left */
    CHECK_INT(more, -1);
    CHECK_INT(status, 503);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BROWSERS; i++) {
            uint8_t *data = web_message(fd[i], &size);
            read += data != NULL && web_acknowledge(fd[i]);
            free(data);
        }
    }
    CHECK_INT(read, BROWSERS * ROUNDS);
    CU_ASSERT(wait_number("live", "messages_dropped", STUCK * 5));
    for (int i = 0; i < STUCK; i++) {
        check_stuck(stuck[i]);
    }
    CHECK_INT(status_number("live", "clients_refused"), 1);
    CHECK_INT(status_number("live", "reports_missed"), 0);
    for (int i = 0; i < BROWSERS; i++) {
        close(fd[i]);
    }
    for (int i = 0; i < STUCK; i++) {
        close(stuck[i]);
    }
    end();
    CHECK_INT(number_in(in_work("rx.json"), "samples_dropped"), 0);
    CHECK_INT(number_in(in_work("rx.json"), "dropped"), 0);
    CHECK_INT(number_in(in_work("rx.json"), "frames_ok"), number_in(in_work("tx.json"), "frames"));
}

static const check_test_t tests[] = {
    {"page, totals, metrics, messages and options are the receiver's own", test_page},
    {"other hosts, origins, paths and sizes are refused", test_refused},
    {"beyond this machine nothing goes without the token", test_token},
    {"50 browsers and 5 that are stuck cost the receiver nothing", test_many},
};

int main(void)
{
    return daemons_run("live", tests, CHECK_COUNT(tests));
}
