/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench.h"

#include "clock.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>

enum { SIDES = 3 }; /* ours, peer, limit */

int bench_pin(int core, err_t *err)
{
    cpu_set_t may, one;
    if (sched_getaffinity(0, sizeof(may), &may) != 0) {
        return err_set(err, ERR_IO, "the cores of this process are not to be had");
    }
    for (int i = 0; core < 0 && i < CPU_SETSIZE; i++) {
        /* Counted from the end: the first core serves most interrupts. */
        core = CPU_ISSET((size_t)(CPU_SETSIZE - 1 - i), &may) ? CPU_SETSIZE - 1 - i : -1;
    }
    CPU_ZERO(&one);
    if (core < 0 || core >= CPU_SETSIZE) {
        return err_set(err, ERR_ARGUMENT, "there is no core %d", core);
    }
    CPU_SET((size_t)core, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) {
        return err_set(err, ERR_ARGUMENT, "this process may not run on core %d", core);
    }
    return core;
}

static double now_s(const bench_row_t *row, void *state)
{
    return row->clock_s != NULL ? row->clock_s(state) : clock_thread_cpu_s();
}

/* Runs `passes` passes; seconds for one unit of work. */
static double time_slice(const bench_row_t *row, bench_pass_t *pass, void *state, long passes)
{
    double work = 0.0, start = now_s(row, state);
    for (long i = 0; i < passes; i++) {
        work += pass(state);
    }
    double spent = now_s(row, state) - start;
    return fmax(spent, 1e-9) / fmax(work, 1.0);
}

/* Warms caches, branch predictors and clock rate up; how many passes fill a slice. */
static long calibrate(const bench_row_t *row, bench_pass_t *pass, void *state, double slice_s)
{
    double start = now_s(row, state), spent;
    long passes = 0;
    do {
        pass(state);
        passes++;
        spent = now_s(row, state) - start;
    } while (spent < slice_s);
    return passes;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantile q of values[count], which gets sorted. */
static double quantile(double *values, int count, double q)
{
    qsort(values, (size_t)count, sizeof(*values), by_value);
    double at = q * (count - 1);
    int low = (int)at;
    int high = low + 1 < count ? low + 1 : low;
    return values[low] + (at - low) * (values[high] - values[low]);
}

static double in_unit(const bench_row_t *row, double seconds)
{
    return row->unit == BENCH_US ? seconds * 1e6 : (row->unit == BENCH_MS ? 1e-6 : 1.0) / seconds;
}

static void summarise(const bench_row_t *row, double (*took)[BENCH_MAX_ROUNDS], int rounds,
                      bench_result_t *result)
{
    static double ratios[BENCH_MAX_ROUNDS];
    double median[SIDES];
    bool has[SIDES] = {true, row->peer != NULL, row->limit != NULL};
    for (int i = 0; i < rounds; i++) {
        ratios[i] = has[1] ? took[1][i] / took[0][i] : (double)NAN;
    }
    result->low = has[1] ? quantile(ratios, rounds, 0.25) : (double)NAN;
    result->high = has[1] ? quantile(ratios, rounds, 0.75) : (double)NAN;
    for (int s = 0; s < SIDES; s++) {
        median[s] = has[s] ? quantile(took[s], rounds, 0.5) : (double)NAN;
    }
    result->ours = in_unit(row, median[0]);
    result->peer = in_unit(row, median[1]);
    result->limit = in_unit(row, median[2]);
    result->ratio = median[1] / median[0];
    result->of_limit = median[2] / median[0];
    result->rounds = rounds;
}

static void run_rounds(const bench_row_t *row, void *state, const bench_effort_t *effort,
                       bench_result_t *result)
{
    static double took[SIDES][BENCH_MAX_ROUNDS];
    bench_pass_t *pass[SIDES] = {row->ours, row->peer, row->limit};
    long passes[SIDES];
    for (int s = 0; s < SIDES; s++) {
        passes[s] = pass[s] != NULL ? calibrate(row, pass[s], state, effort->slice_s) : 0;
    }
    for (int i = 0; i < effort->rounds; i++) {
        for (int s = 0; s < SIDES; s++) {
            took[s][i] = pass[s] != NULL ? time_slice(row, pass[s], state, passes[s]) : (double)NAN;
        }
    }
    summarise(row, took, effort->rounds, result);
}

int bench_measure(const bench_row_t *row, const bench_effort_t *effort, bench_result_t *result,
                  err_t *err)
{
    void *state = row->create(err);
    if (state == NULL) {
        return err_prefix(err, "row %s", row->name);
    }
    run_rounds(row, state, effort, result);
    int status = row->verify != NULL ? row->verify(state, err) : 0;
    row->destroy(state);
    return status == 0 ? 0 : err_prefix(err, "row %s", row->name);
}
