/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The paths' gains are g = E' (E E' + lambda 1)^-1 h, with E[i][p] = exp(-2 pi i f_i
 * tau_p): the estimate of least mean square error for independent paths of equal
 * power in noise of lambda / paths of the channel's (20 dB below).  The received power
 * follows the CSI Tool's own scaling (get_total_rss: antennas' powers summed, less the
 * gain control).
 */
#include "air/csi_paths.h"

#include <math.h>

enum { N = CSI_FILE_CARRIERS, P = CSI_PATHS };
static const double PI = 3.14159265358979323846;
static const double FIRST_NS = -250.0, STEP_NS = 50.0;
static const double NOISE = 0.01;

double csi_paths_delay_ns(size_t p)
{
    return FIRST_NS + STEP_NS * (double)p;
}

static double complex steer(bool wide, int i, size_t p)
{
    const double angle = -2.0 * PI * csi_carrier_hz(wide, i) * csi_paths_delay_ns(p) * 1e-9;
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

void csi_paths_prepare(bool wide, csi_solver_t solver)
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

bool csi_paths_read(const csi_packet_t *packet, int rx, int tx, csi_solver_t solver,
                    csi_gains_t *gains)
{
    float complex raw[N];
    double complex h[N];
    const double scale = scale_of(packet);
    if (!(scale > 0.0) || !csi_packet_read(packet, rx, tx, raw)) {
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

double csi_paths_power(const csi_gains_t *gains, double f_hz)
{
    double complex h = 0.0;
    for (size_t p = 0; p < P; p++) {
        const double angle = -2.0 * PI * f_hz * csi_paths_delay_ns(p) * 1e-9;
        h += (double complex)__builtin_complex(gains->re[p], gains->im[p]) *
             __builtin_complex(cos(angle), sin(angle));
    }
    return creal(h) * creal(h) + cimag(h) * cimag(h);
}

void csi_paths_align(csi_gains_t *gains, const csi_gains_t *other)
{
    double complex likeness = 0.0;
    for (int p = 0; p < P; p++) {
        likeness += (double complex)__builtin_complex(gains->re[p], -gains->im[p]) *
                    (double complex)__builtin_complex(other->re[p], other->im[p]);
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
