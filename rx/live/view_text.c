/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The view's lines: numbers, the channel, quality against SNR. */
#include "live/view_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

view_line_t *view_line(view_page_t *page)
{
    if (page->count == page->most) {
        return NULL;
    }
    view_line_t *line = &page->line[page->count++];
    *line = (view_line_t){.columns = page->columns};
    return line;
}

void view_put(view_line_t *line, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (const char *at = text; line != NULL && *at != 0; at++) {
        view_sign(line, "", (char[]){*at, 0});
    }
}

void view_sign(view_line_t *line, const char *escape, const char *sign)
{
    const size_t size = strlen(escape) + strlen(sign);
    if (line == NULL || line->column >= line->columns ||
        line->used + size + 8 > sizeof line->text) {
        return;
    }
    line->used += (size_t)snprintf(line->text + line->used, size + 1, "%s%s", escape, sign);
    line->column++;
}

/* A number, or "-" when it was not measured; `before` and `after` are words. */
static void put_number(view_line_t *line, const char *before, int digits, double value,
                       const char *after)
{
    if (isfinite(value)) {
        view_put(line, "%s%.*f%s", before, digits, value, after);
    } else {
        view_put(line, "%s-%s", before, after);
    }
}

/* Seven columns. */
static void put_cell(view_line_t *line, int digits, double value)
{
    if (isfinite(value)) {
        view_put(line, "%7.*f", digits, value);
    } else {
        view_put(line, "%7s", "-");
    }
}

static void put_head(const view_t *view, view_page_t *page, const view_numbers_t *n)
{
    view_line_t *line = view_line(page);
    const frame_report_t *last = &view->last;
    view_put(line, "semradio-rx  %.1f s", n->time_s);
    if (view->has_last) {
        view_put(line, "  %s %d/%d, adapter %.8s", last->codec, last->rate_numerator,
                 last->rate_denominator, last->adapter[0] != 0 ? last->adapter : "none");
    } else {
        view_put(line, "  nothing received yet");
    }
}

static void put_totals(view_page_t *page, const view_numbers_t *n)
{
    const tally_t *t = n->total;
    view_line_t *line = view_line(page);
    view_put(line, "frames    %llu ok, %llu lost: gap %llu, header %llu, damaged %llu, busy %llu",
             (unsigned long long)t->frames_ok, (unsigned long long)tally_frames_lost(t),
             (unsigned long long)t->lost_gap, (unsigned long long)t->lost_header,
             (unsigned long long)t->damaged, (unsigned long long)t->dropped);
    view_put(line, "; %llu samples dropped", (unsigned long long)n->samples_dropped);
}

static void put_now(view_page_t *page, const view_numbers_t *n)
{
    const tally_t *w = n->window;
    view_line_t *line = view_line(page);
    put_number(line, "radio     SNR ", 2, tally_mean(&w->snr_db), " dB");
    put_number(line, "  EVM ", 2, tally_mean(&w->evm_db), " dB");
    put_number(line, "  carrier ", 1, tally_mean(&w->cfo_hz), " Hz");
    line = view_line(page);
    put_number(line, "images    ", 1, (double)w->images / n->span_s, "/s");
    put_number(line, "  PSNR ", 2, tally_psnr_of_mean_mse_db(w), " dB");
    put_number(line, " (mean ", 2, tally_mean_psnr_db(w), ")");
    put_number(line, "  SSIM ", 3, tally_mean(&w->ssim), "");
    put_number(line, "  accuracy ", 1, 100.0 * tally_accuracy(w), " %");
    line = view_line(page);
    put_number(line, "latency   ", 1, tally_mean(&w->latency_ms), " ms");
    put_number(line, "  rings ", 0, n->ring_percent, " %");
}

static double power_db(float complex h)
{
    return 10.0 * log10(creal(h * conj(h)) + 1e-20);
}

/* |H| as bars, at least 3 dB from bottom to top, so that a flat channel looks flat. */
static void put_channel(const view_t *view, view_page_t *page, const view_terminal_t *terminal)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const signs[] = {".", ":", "-", "=", "+", "*", "#", "@"};
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < NUMEROLOGY_USED && view->has_frame; i++) {
        low = fmin(low, power_db(view->frame.channel[i]));
        high = fmax(high, power_db(view->frame.channel[i]));
    }
    if (!view->has_frame) {
        return;
    }
    view_line_t *line = view_line(page);
    view_put(line, "|H| dB    %.1f to %.1f ", low, high);
    const int width = line != NULL ? line->columns - line->column : 0;
    const int cells = width < NUMEROLOGY_USED ? width : NUMEROLOGY_USED;
    const double span = fmax(high - low, 3.0);
    for (int i = 0; i < cells; i++) {
        const double db = power_db(view->frame.channel[i * NUMEROLOGY_USED / cells]);
        const int level = (int)fmin(7.0, 8.0 * (db - low) / span);
        view_sign(line, "", (terminal->utf8 ? bars : signs)[level]);
    }
}

/* The series that was added to last: its steps with the highest SNR that fit. */
static void put_curve(const view_t *view, view_page_t *page)
{
    const curve_series_t *s = &view->curve.series[0];
    int step[CURVE_STEPS], steps = 0, most = (page->columns - 10) / 7;
    for (int i = 1; i < CURVE_SERIES; i++) {
        s = view->curve.series[i].used > s->used ? &view->curve.series[i] : s;
    }
    for (int i = 0; i < CURVE_STEPS && s->used > 0; i++) {
        if (s->step[i].snr_db.count > 0) {
            step[steps++] = i;
        }
    }
    const int first = steps > most ? steps - most : 0;
    if (steps == 0 || most < 1) {
        return;
    }
    view_line_t *snr = view_line(page), *psnr = view_line(page), *right = view_line(page);
    view_put(snr, "SNR dB    ");
    view_put(psnr, "PSNR dB   ");
    view_put(right, "accuracy %%");
    for (int i = first; i < steps; i++) {
        const double mse = tally_mean(&s->step[step[i]].mse);
        view_put(snr, "%7d", step[i] + CURVE_FIRST_DB);
        put_cell(psnr, 2, 10.0 * log10(255.0 * 255.0 / mse));
        put_cell(right, 1, 100.0 * tally_mean(&s->step[step[i]].correct));
    }
}

int view_write(view_t *view, const view_numbers_t *numbers, const view_terminal_t *terminal,
               char text[VIEW_TEXT])
{
    view_page_t page = {.columns = terminal->columns, .most = terminal->rows - 1};
    page.most = page.most < 1 ? 1 : page.most < VIEW_LINES ? page.most : VIEW_LINES;
    put_head(view, &page, numbers);
    put_totals(&page, numbers);
    put_now(&page, numbers);
    put_channel(view, &page, terminal);
    put_curve(view, &page);
    view_pictures(view, &page, terminal);
    size_t used = 0;
    int lines = 0;
    for (; lines < page.count; lines++) {
        const view_line_t *line = &page.line[lines];
        if (used + line->used + 2 > VIEW_TEXT) {
            break;
        }
        memcpy(text + used, line->text, line->used);
        used += line->used;
        text[used++] = '\n';
    }
    text[used] = 0;
    return lines;
}
