/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/train_run.h"

#include "clock.h"
#include "lines.h"
#include "nn/checkpoint.h"
#include "train/train_notes.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order of the options' choices. */
enum { SCHEDULE_COSINE, SCHEDULE_TRIANGLE, SCHEDULE_TRAPEZOID };

/* What a checkpoint counts. */
enum { COUNT_STEP, COUNT_SECONDS, COUNTERS };

typedef struct {
    const options_t *options;
    train_task_t *task;
    optimizer_t *optimizer;
    lines_t *log;
    char recipe[TRAIN_TEXT_MAX];
    int64_t counters[COUNTERS];
    int64_t steps, steps_here; /* of the schedule; since this process started */
    uint64_t started_ns, saved_ns;
    double loss, norm; /* running means */
} run_t;

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

static void say(run_t *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(run_t *run, const char *format, ...)
{
    char text[TRAIN_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    length = length < (int)sizeof(text) ? length : (int)sizeof(text) - 1;
    fprintf(stderr, "%s%s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", text);
    lines_put(run->log, text, (size_t)length, NULL);
}

static double elapsed_s(const run_t *run)
{
    return (double)run->counters[COUNT_SECONDS] + (double)(clock_now_ns() - run->started_ns) * 1e-9;
}

static checkpoint_t checkpoint_state(run_t *run)
{
    return (checkpoint_t){.params = run->task->params,
                          .optimizer = run->optimizer,
                          .counters = run->counters,
                          .counter_count = COUNTERS,
                          .recipe = run->recipe};
}

static int save_checkpoint(run_t *run, err_t *err)
{
    int64_t before = run->counters[COUNT_SECONDS];
    run->counters[COUNT_SECONDS] = (int64_t)elapsed_s(run);
    checkpoint_t state = checkpoint_state(run);
    int status = checkpoint_save(options_string(run->options, "train.checkpoint"), &state, err);
    run->counters[COUNT_SECONDS] = before;
    run->saved_ns = clock_now_ns();
    return status;
}

static int load_checkpoint(run_t *run, err_t *err)
{
    const char *path = options_string(run->options, "train.checkpoint");
    if (!options_bool(run->options, "train.resume") || access(path, R_OK) != 0) {
        return 0;
    }
    checkpoint_t state = checkpoint_state(run);
    if (checkpoint_load(path, &state, err) < 0) {
        return -1;
    }
    params_changed(run->task->params);
    say(run, "resumed %s at step %lld", path, (long long)run->counters[COUNT_STEP]);
    return 0;
}

/* Writes the averaged weights with all their notes. */
static int export_weights(run_t *run, const char *path, const char *figures, err_t *err)
{
    const train_task_t *task = run->task;
    const char *keys[TRAIN_NOTES_MAX + 8], *values[TRAIN_NOTES_MAX + 8];
    char step[32], minutes[32], revision[64];
    snprintf(step, sizeof(step), "%lld", (long long)run->counters[COUNT_STEP]);
    snprintf(minutes, sizeof(minutes), "%.1f", elapsed_s(run) / 60.0);
    train_revision(revision, sizeof(revision));
    int count = 0;
    for (; count < task->notes; count++) {
        keys[count] = task->keys[count];
        values[count] = task->values[count];
    }
    const char *more[][2] = {
        {"recipe", run->recipe}, {"revision", revision},
        {"steps", step},         {"minutes", minutes},
        {"figures", figures},    {"program", "semradio-train " SEMRADIO_VERSION}};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++, count++) {
        keys[count] = more[i][0];
        values[count] = more[i][1];
    }
    optimizer_swap_ema(run->optimizer);
    int status = params_save(task->params, path, "", keys, values, count, err);
    optimizer_swap_ema(run->optimizer);
    params_changed(task->params);
    return status;
}

/* Exports beside the checkpoint, measures, and says so.  `figures` gets the text. */
static int validate(run_t *run, bool final, char *figures, size_t size, err_t *err)
{
    char path[4096];
    figures[0] = '\0';
    if (run->task->validate == NULL) {
        return 0;
    }
    snprintf(path, sizeof(path), "%s.weights", options_string(run->options, "train.checkpoint"));
    if (export_weights(run, path, "", err) < 0 ||
        run->task->validate(run->task->context, path, final, figures, size, err) < 0) {
        return -1;
    }
    say(run, "%s step %lld: %s", final ? "final" : "check", (long long)run->counters[COUNT_STEP],
        figures);
    return 0;
}

static float learning_rate(const run_t *run, int64_t step)
{
    float peak = (float)options_real(run->options, "train.peak_lr");
    float end = (float)options_real(run->options, "train.floor_lr");
    int64_t warmup = (int64_t)(options_real(run->options, "train.warmup") * (double)run->steps);
    int schedule = options_choice(run->options, "train.schedule");
    if (schedule == SCHEDULE_COSINE) {
        return schedule_cosine((uint64_t)step, (uint64_t)warmup, (uint64_t)run->steps, peak, end);
    }
    if (step < warmup) {
        return peak * (float)(step + 1) / (float)warmup;
    }
    if (schedule == SCHEDULE_TRAPEZOID) {
        double decline = options_real(run->options, "train.decline") * (double)run->steps;
        double left = decline > 0.0 ? (double)(run->steps - step) / decline : 1.0;
        return end + (peak - end) * (float)(left < 1.0 ? left : 1.0);
    }
    return end + (peak - end) * (float)(run->steps - step) / (float)(run->steps - warmup);
}

static void take_step(run_t *run)
{
    train_task_t *task = run->task;
    int64_t step = run->counters[COUNT_STEP];
    if (task->begin != NULL) {
        task->begin(task->context, step);
    }
    double loss = task->step != NULL ? task->step(task->context, step)
                                     : workers_step(task->workers, step);
    double norm = optimizer_step(run->optimizer, learning_rate(run, step));
    double share = run->steps_here == 0 ? 1.0 : 0.01;
    if (isfinite(loss) && isfinite(norm)) {
        run->loss += share * (loss - run->loss);
        run->norm += share * (norm - run->norm);
    }
    run->counters[COUNT_STEP]++;
    run->steps_here++;
}

static void progress_text(const run_t *run, char *text, size_t size)
{
    double here_s = (double)(clock_now_ns() - run->started_ns) * 1e-9;
    double rate = (double)run->steps_here / here_s;
    int64_t step = run->counters[COUNT_STEP];
    snprintf(text, size,
             "step %lld/%lld epoch %.2f loss %.4f norm %.2f lr %.2e skipped %llu %.0f images/s "
             "%.1f min, %.1f to go",
             (long long)step, (long long)run->steps,
             (double)step / (double)run->task->steps_per_epoch, run->loss, run->norm,
             (double)learning_rate(run, step),
             (unsigned long long)optimizer_skipped(run->optimizer),
             rate * (double)options_int(run->options, "train.batch"), elapsed_s(run) / 60.0,
             (double)(run->steps - step) / rate / 60.0);
}

static void show_progress(run_t *run)
{
    char text[512], more[512] = "";
    int64_t step = run->counters[COUNT_STEP];
    if (step % 250 == 0 || run->steps_here == 50) {
        progress_text(run, text, sizeof(text));
        if (run->task->describe != NULL) {
            run->task->describe(run->task->context, more, sizeof(more));
        }
        say(run, "%s %s", text, more);
    } else if (isatty(STDERR_FILENO) && step % 10 == 0) {
        progress_text(run, text, sizeof(text));
        fprintf(stderr, "\r\033[K%s", text);
    }
}

static int loop(run_t *run, err_t *err)
{
    char figures[1024];
    uint64_t every_ns = (uint64_t)(options_real(run->options, "train.checkpoint_minutes") * 60e9);
    run->started_ns = run->saved_ns = clock_now_ns();
    while (run->counters[COUNT_STEP] < run->steps) {
        take_step(run);
        show_progress(run);
        if (stop_asked) {
            say(run, "stopped by a signal at step %lld; --resume goes on",
                (long long)run->counters[COUNT_STEP]);
            return save_checkpoint(run, err) < 0 ? -1 : 1;
        }
        if (clock_now_ns() - run->saved_ns >= every_ns &&
            (save_checkpoint(run, err) < 0 ||
             validate(run, false, figures, sizeof(figures), err) < 0)) {
            return -1;
        }
    }
    const char *out = options_string(run->options, "train.out");
    if (save_checkpoint(run, err) < 0 || validate(run, true, figures, sizeof(figures), err) < 0 ||
        export_weights(run, out, figures, err) < 0) {
        return -1;
    }
    say(run, "wrote %s after %.1f minutes", out, elapsed_s(run) / 60.0);
    return 0;
}

static optimizer_t *make_optimizer(const options_t *options, params_t *params, err_t *err)
{
    static const optimizer_options_t kinds[] = {OPTIMIZER_ADAMW, OPTIMIZER_SGD, OPTIMIZER_MUON};
    optimizer_options_t settings = kinds[options_choice(options, "train.optimizer")];
    if (settings.kind != OPTIMIZER_SGD_KIND) {
        settings.beta2 = (float)options_real(options, "train.beta2");
    }
    settings.decay = (float)options_real(options, "train.decay");
    settings.clip_norm = (float)options_real(options, "train.clip");
    settings.ema = (float)options_real(options, "train.ema");
    return optimizer_create(params, &settings, err);
}

int train_run(const options_t *options, train_task_t *task, err_t *err)
{
    run_t run = {.options = options, .task = task};
    run.steps = llround(options_real(options, "train.epochs") * (double)task->steps_per_epoch);
    run.steps = run.steps > 0 ? run.steps : 1;
    train_recipe(options, task->kind, run.recipe, sizeof(run.recipe));
    run.log = lines_open(options_string(options, "train.log"),
                         options_bool(options, "train.resume"), err);
    run.optimizer = run.log == NULL ? NULL : make_optimizer(options, task->params, err);
    int status = -1;
    if (run.optimizer != NULL) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        say(&run, "semradio-train %s, %lld steps, %zu weights\n%s", task->kind,
            (long long)run.steps, params_trainable(task->params), run.recipe);
        const char *init = options_string(options, "train.init");
        bool ready = init[0] == '\0' ||
                     params_load(task->params, init, "", PARAMS_PARTIAL, err) >= 0;
        params_changed(task->params);
        status = !ready || load_checkpoint(&run, err) < 0 ? -1 : loop(&run, err);
    }
    optimizer_destroy(run.optimizer);
    lines_close(run.log, NULL);
    return status;
}
