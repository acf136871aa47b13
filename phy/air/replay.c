/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The paths' gains are g = E' (E E' + lambda 1)^-1 h, with E[i][p] = exp(-2 pi i f_i
 * tau_p): the estimate of least mean square error for independent paths of equal
 * power in noise of lambda / paths of the channel's (20 dB below).  The matrix is
 * made once for each width of channel.
 */
#include "air/replay.h"

#include "air/csi_file.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = CSI_FILE_CARRIERS, P = REPLAY_PATHS };
static const double PI = 3.14159265358979323846;
static const double FIRST_NS = -250.0, STEP_NS = 50.0;
static const double NOISE = 0.01;
static const double MOST_STEP_US = 1e6, USUAL_STEP_US = 1e3;

typedef struct {
    float re[P], im[P];
} gains_t;

typedef double complex solver_t[P][N];

struct replay {
    size_t count;
    double *time_s; /* of each packet, from 0 */
    gains_t *gains;
    double start_s;
};

double replay_delay_ns(size_t j)
{
    return FIRST_NS + STEP_NS * (double)j;
}

static double complex steer(bool wide, int i, size_t p)
{
    const double angle = -2.0 * PI * csi_carrier_hz(wide, i) * replay_delay_ns(p) * 1e-9;
    return __builtin_complex(cos(angle), sin(angle));
}

/* l := the lower Cholesky factor of the Hermitian matrix in it. */
static void factorise(double complex l[N][N])
{
    for (int j = 0; j < N; j++) {
        for (int i = j; i < N; i++) {
            double complex sum = l[i][j];
            for (int k = 0; k < j; k++) {
                sum -= l[i][k] * conj(l[j][k]);
            }
            l[i][j] = i == j ? sqrt(creal(sum)) : sum / l[j][j];
        }
    }
}

static void make_solver(bool wide, solver_t solver)
{
    double complex l[N][N];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j <= i; j++) {
            l[i][j] = i == j ? P * NOISE : 0.0;
            for (size_t p = 0; p < P; p++) {
                l[i][j] += steer(wide, i, p) * conj(steer(wide, j, p));
            }
        }
    }
    factorise(l);
    for (size_t p = 0; p < P; p++) { /* row p of E' (L L')^-1: solve L L' x = column of E */
        double complex x[N];
        for (int i = 0; i < N; i++) {
            x[i] = steer(wide, i, p);
            for (int k = 0; k < i; k++) {
                x[i] -= l[i][k] * x[k];
            }
            x[i] /= l[i][i];
        }
        for (int i = N - 1; i >= 0; i--) {
            for (int k = i + 1; k < N; k++) {
                x[i] -= conj(l[k][i]) * x[k];
            }
            x[i] /= l[i][i];
        }
        for (int i = 0; i < N; i++) {
            solver[p][i] = conj(x[i]);
        }
    }
}

/* To the power that the card reports, in its own units of dB. */
static double scale_of(const csi_packet_t *packet)
{
    double received = 0.0;
    for (int i = 0; i < 3; i++) {
        received += packet->rssi[i] > 0 ? pow(10.0, 0.1 * packet->rssi[i]) : 0.0;
    }
    const double power = csi_packet_power(packet);
    return power > 0.0 ? sqrt(received * pow(10.0, -0.1 * packet->agc_db) / power) : 0.0;
}

/* The mean delay to 0. */
static void centre(bool wide, double complex *h)
{
    const int step = wide ? 4 : 2;
    double complex slope = 0.0;
    for (int i = 0; i + 1 < N; i++) {
        const double gap_hz = csi_carrier_hz(wide, i + 1) - csi_carrier_hz(wide, i);
        if (gap_hz == 312.5e3 * step) { /* exact: halves of integers */
            slope += h[i + 1] * conj(h[i]);
        }
    }
    const double per_hz = carg(slope) / (312.5e3 * step);
    for (int i = 0; i < N; i++) {
        h[i] *= cexp(-I * per_hz * csi_carrier_hz(wide, i));
    }
}

/* The phase of the packet before. */
static void align(gains_t *gains, const gains_t *last)
{
    double complex likeness = 0.0;
    for (int p = 0; p < P; p++) {
        likeness += (double complex)__builtin_complex(gains->re[p], -gains->im[p]) *
                    (double complex)__builtin_complex(last->re[p], last->im[p]);
    }
    const double size = cabs(likeness);
    const double complex turn = size > 0.0 ? likeness / size : 1.0;
    for (int p = 0; p < P; p++) {
        const double complex g =
            (double complex)__builtin_complex(gains->re[p], gains->im[p]) * turn;
        gains->re[p] = (float)creal(g);
        gains->im[p] = (float)cimag(g);
    }
}

static bool convert(const csi_packet_t *packet, int path_link, solver_t solver, gains_t *gains)
{
    float complex raw[N];
    double complex h[N];
    const double scale = scale_of(packet);
    if (!(scale > 0.0) ||
        !csi_packet_read(packet, path_link / 3, path_link % 3, raw)) {
        return false;
    }
    double power = 0.0;
    for (int i = 0; i < N; i++) {
        h[i] = scale * (double complex)raw[i];
        power += cabs(h[i]);
    }
    if (!(power > 0.0)) {
        return false;
    }
    centre(packet->wide, h);
    for (int p = 0; p < P; p++) {
        double complex g = 0.0;
        for (int i = 0; i < N; i++) {
            g += solver[p][i] * h[i];
        }
        gains->re[p] = (float)creal(g);
        gains->im[p] = (float)cimag(g);
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* time_s holds the card's clock in microseconds at first.  `scratch` has room for as many. */
static void straighten_time(replay_t *r, double *scratch)
{
    size_t good = 0;
    for (size_t i = 1; i < r->count; i++) {
        const double step_us = fmod(r->time_s[i] - r->time_s[i - 1] + 0x1p32, 0x1p32);
        if (step_us > 0.0 && step_us <= MOST_STEP_US) {
            scratch[good++] = step_us;
        }
    }
    qsort(scratch, good, sizeof *scratch, by_value);
    const double usual_us = good > 0 ? scratch[good / 2] : USUAL_STEP_US;
    double last_us = r->time_s[0];
    double now_us = 0.0;
    r->time_s[0] = 0.0;
    for (size_t i = 1; i < r->count; i++) {
        const double step_us = fmod(r->time_s[i] - last_us + 0x1p32, 0x1p32);
        last_us = r->time_s[i];
        now_us += step_us > 0.0 && step_us <= MOST_STEP_US ? step_us : usual_us;
        r->time_s[i] = 1e-6 * now_us;
    }
}

static double band_power(const gains_t *gains, double rate_hz)
{
    enum { POINTS = 27 };
    double sum = 0.0;
    for (int k = 0; k < POINTS; k++) {
        const double f_hz = (k - POINTS / 2) * 0.02 * rate_hz;
        double complex h = 0.0;
        for (size_t p = 0; p < P; p++) {
            const double angle = -2.0 * PI * f_hz * replay_delay_ns(p) * 1e-9;
            h += (double complex)__builtin_complex(gains->re[p], gains->im[p]) *
                 __builtin_complex(cos(angle), sin(angle));
        }
        sum += creal(h) * creal(h) + cimag(h) * cimag(h);
    }
    return sum / POINTS;
}

static void normalise(replay_t *r, double rate_hz)
{
    double sum = 0.0;
    for (size_t i = 0; i < r->count; i++) {
        sum += band_power(&r->gains[i], rate_hz);
    }
    const float scale = (float)sqrt((double)r->count / sum);
    for (size_t i = 0; i < r->count; i++) {
        for (int p = 0; p < P; p++) {
            r->gains[i].re[p] *= scale;
            r->gains[i].im[p] *= scale;
        }
    }
}

static void convert_all(replay_t *r, const csi_file_t *file, int path_link, solver_t solver[2])
{
    for (size_t i = 0; i < csi_file_count(file); i++) {
        const csi_packet_t *packet = csi_file_at(file, i);
        gains_t *gains = &r->gains[r->count];
        if (convert(packet, path_link, solver[packet->wide], gains)) {
            if (r->count > 0) {
                align(gains, gains - 1);
            }
            r->time_s[r->count++] = packet->timestamp_us;
        }
    }
}

static int load(replay_t *r, const csi_file_t *file, const char *path, int path_link,
                double rate_hz, err_t *err)
{
    const size_t room = csi_file_count(file);
    r->time_s = calloc(room, sizeof *r->time_s);
    r->gains = calloc(room, sizeof *r->gains);
    double *scratch = calloc(room, sizeof *scratch);
    solver_t *solver = calloc(2, sizeof *solver);
    int result = 0;
    if (r->time_s == NULL || r->gains == NULL || scratch == NULL || solver == NULL) {
        result = err_set(err, ERR_MEMORY, "no memory for channel state");
    } else {
        make_solver(false, solver[0]);
        make_solver(true, solver[1]);
        convert_all(r, file, path_link, solver);
        if (r->count == 0) {
            result = err_set(err, ERR_ARGUMENT,
                             "channel.path_link = %d: none of the %zu measurements in %s holds that "
                             "pair of antennas with any power",
                             path_link, room, path);
        } else {
            straighten_time(r, scratch);
            normalise(r, rate_hz);
        }
    }
    free(solver);
    free(scratch);
    return result;
}

replay_t *replay_open(const char *path, int path_link, double rate_hz, err_t *err)
{
    csi_file_t *file = csi_file_open(path, err);
    if (file == NULL) {
        err_prefix(err, "channel.path");
        return NULL;
    }
    replay_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for channel state");
    } else if (load(r, file, path, path_link, rate_hz, err) < 0) {
        replay_close(r);
        r = NULL;
    }
    csi_file_close(file);
    return r;
}

void replay_close(replay_t *r)
{
    if (r != NULL) {
        free(r->time_s);
        free(r->gains);
        free(r);
    }
}

size_t replay_paths(const replay_t *r)
{
    (void)r;
    return P;
}

size_t replay_packets(const replay_t *r)
{
    return r->count;
}

double replay_duration_s(const replay_t *r)
{
    return r->time_s[r->count - 1];
}

void replay_start(replay_t *r, double share)
{
    r->start_s = share * replay_duration_s(r);
}

void replay_at(const replay_t *r, double seconds, float *gr, float *gi)
{
    const double length = replay_duration_s(r);
    double t = 0.0;
    if (length > 0.0) { /* there and back */
        t = fabs(fmod(r->start_s + seconds, 2.0 * length));
        t = t > length ? 2.0 * length - t : t;
    }
    size_t low = 0, high = r->count - 1; /* time_s[low] <= t <= time_s[high] */
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (r->time_s[middle] <= t) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const double span = r->time_s[high] - r->time_s[low];
    const float share = span > 0.0 ? (float)((t - r->time_s[low]) / span) : 0.0f;
    for (int p = 0; p < P; p++) {
        gr[p] = r->gains[low].re[p] + share * (r->gains[high].re[p] - r->gains[low].re[p]);
        gi[p] = r->gains[low].im[p] + share * (r->gains[high].im[p] - r->gains[low].im[p]);
    }
}
