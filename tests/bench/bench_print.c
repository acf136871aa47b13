/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench.h"

#include <math.h>

static const char *unit_name(const bench_row_t *row)
{
    return row->unit == BENCH_US ? "us" : row->unit == BENCH_MS ? "MS/s" : "images/s";
}

/* Names are ours and plain: nothing to escape. */
static void put_text(const char *key, const char *text, FILE *out)
{
    if (text != NULL) {
        fprintf(out, "\"%s\": \"%s\"", key, text);
    } else {
        fprintf(out, "\"%s\": null", key);
    }
}

static void put_number(const char *key, double value, FILE *out)
{
    if (isfinite(value)) {
        fprintf(out, ", \"%s\": %.5g", key, value);
    } else {
        fprintf(out, ", \"%s\": null", key);
    }
}

void bench_print_json(const bench_row_t *row, const bench_result_t *result, FILE *out)
{
    fputs("{", out);
    put_text("name", row->name, out);
    fputs(", ", out);
    put_text("unit", unit_name(row), out);
    put_number("ours", result->ours, out);
    put_number("peer", result->peer, out);
    fputs(", ", out);
    put_text("peer_name", row->peer_name, out);
    put_number("ratio", result->ratio, out);
    put_number("ratio_low", result->low, out);
    put_number("ratio_high", result->high, out);
    put_number("asked", row->asked > 0.0 ? row->asked : (double)NAN, out);
    put_number("limit", result->limit, out);
    fputs(", ", out);
    put_text("limit_name", row->limit_name, out);
    put_number("of_limit", result->of_limit, out);
    fprintf(out, ", \"rounds\": %d, ", result->rounds);
    put_text("what", row->what, out);
    fputs("}\n", out);
    fflush(out);
}

void bench_print_heading(FILE *out)
{
    fprintf(out, "%-16s %9s %9s %7s %-15s %6s %9s %5s  %s\n", "row", "ours", "peer", "ratio",
            "(half of rounds)", "asked", "limit", "of it", "");
}

static void put_cell(double value, int width, FILE *out)
{
    if (isfinite(value)) {
        fprintf(out, " %*.*f", width, value < 10.0 ? 2 : value < 100.0 ? 1 : 0, value);
    } else {
        fprintf(out, " %*s", width, "-");
    }
}

void bench_print_line(const bench_row_t *row, const bench_result_t *result, FILE *out)
{
    char span[32] = "";
    if (isfinite(result->low)) {
        snprintf(span, sizeof(span), "(%.2f-%.2f)", result->low, result->high);
    }
    fprintf(out, "%-16s", row->name);
    put_cell(result->ours, 9, out);
    put_cell(result->peer, 9, out);
    put_cell(result->ratio, 7, out);
    fprintf(out, " %-16s", span);
    put_cell(row->asked > 0.0 ? row->asked : (double)NAN, 6, out);
    put_cell(result->limit, 9, out);
    put_cell(result->of_limit, 5, out);
    fprintf(out, "  %s%s%s%s%s\n", unit_name(row), row->peer_name != NULL ? "; peer: " : "",
            row->peer_name != NULL ? row->peer_name : "",
            row->limit_name != NULL ? "; limit: " : "",
            row->limit_name != NULL ? row->limit_name : "");
}
