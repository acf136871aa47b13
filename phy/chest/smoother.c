/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The assumed profile is sampled every half sample: R = A A^H, one column of
 * A per delay.  R's eigenvectors come from the small Gram matrix A^H A
 * (cyclic Jacobi on a Hermitian matrix, Golub and Van Loan section 8.5), so no
 * 132 x 132 problem is ever solved.
 */
#include "chest/smoother.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = NUMEROLOGY_USED, MAX_RANK = 64, MAX_DELAYS = 192, SWEEPS = 30 };

#define RANK_CUT 1e-6 /* eigenvalues below this part of the largest carry no channel */

struct smoother {
    int rank;
    float eigenvalue[MAX_RANK]; /* of R with unit diagonal: they add up to 132 */
    float re[N][MAX_RANK], im[N][MAX_RANK];   /* eigenvectors, by carrier */
    float tre[MAX_RANK][N], tim[MAX_RANK][N]; /* the same, by number */
};

/*
 * The first path lies one to six samples into the window (acquire.c puts it
 * there), later ones decay; a floor over the whole prefix and a little beyond
 * keeps other channels possible.  The tail scales with the prefix.
 */
static double profile(double delay, int cp)
{
    double tail = cp / 5.0, power = 0.001;
    if (delay >= 0.5 && delay <= 6.0) {
        power += 1.0;
    } else if (delay > 6.0 && delay <= cp + 1.0) {
        power += exp(-(delay - 6.0) / tail);
    }
    return power;
}

static int make_columns(double complex (*a)[N], int cp)
{
    int count = 0;
    double total = 0.0, power[MAX_DELAYS];
    for (double delay = -2.0; delay <= cp + 3.0; delay += 0.5) {
        power[count] = profile(delay, cp);
        total += power[count];
        for (int u = 0; u < N; u++) {
            int bin = numerology_bin(u);
            int carrier = bin < NUMEROLOGY_FFT / 2 ? bin : bin - NUMEROLOGY_FFT;
            a[count][u] = cexp(-2.0 * I * M_PI * carrier * delay / NUMEROLOGY_FFT);
        }
        count++;
    }
    for (int i = 0; i < count; i++) {
        for (int u = 0; u < N; u++) {
            a[i][u] *= sqrt(power[i] / total);
        }
    }
    return count;
}

/* Turns g's rows and columns p, q so that g[p][q] becomes 0; v collects the turns. */
static void rotate(double complex *g, double complex *v, int n, int p, int q)
{
    double complex off = g[p * n + q];
    double size = cabs(off);
    double app = creal(g[p * n + p]), aqq = creal(g[q * n + q]);
    if (size <= 1e-15 * sqrt(fabs(app * aqq)) || size == 0.0) {
        return;
    }
    double theta = (aqq - app) / (2.0 * size);
    double t = (theta >= 0.0 ? 1.0 : -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
    double c = 1.0 / sqrt(t * t + 1.0);
    double complex s = t * c * off / size;
    for (int k = 0; k < n; k++) {
        double complex x = g[k * n + p], y = g[k * n + q];
        g[k * n + p] = c * x - conj(s) * y;
        g[k * n + q] = s * x + c * y;
        x = v[k * n + p];
        y = v[k * n + q];
        v[k * n + p] = c * x - conj(s) * y;
        v[k * n + q] = s * x + c * y;
    }
    for (int k = 0; k < n; k++) {
        double complex x = g[p * n + k], y = g[q * n + k];
        g[p * n + k] = c * x - s * y;
        g[q * n + k] = conj(s) * x + c * y;
    }
}

static void jacobi(double complex *g, double complex *v, int n)
{
    memset(v, 0, (size_t)(n * n) * sizeof(*v));
    for (int i = 0; i < n; i++) {
        v[i * n + i] = 1.0;
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0.0, diagonal = 0.0;
        for (int p = 0; p < n; p++) {
            diagonal += creal(g[p * n + p]) * creal(g[p * n + p]);
            for (int q = p + 1; q < n; q++) {
                off += creal(g[p * n + q] * conj(g[p * n + q]));
            }
        }
        if (off <= 1e-24 * diagonal) {
            return;
        }
        for (int p = 0; p < n; p++) {
            for (int q = p + 1; q < n; q++) {
                rotate(g, v, n, p, q);
            }
        }
    }
}

/* Eigenvector number `at` of R: A v / sqrt(eigenvalue). */
static void keep_vector(smoother_t *s, double complex (*a)[N], const double complex *v, int n,
                        int column, double eigenvalue)
{
    int at = s->rank++;
    s->eigenvalue[at] = (float)eigenvalue;
    for (int u = 0; u < N; u++) {
        double complex sum = 0.0;
        for (int i = 0; i < n; i++) {
            sum += a[i][u] * v[i * n + column];
        }
        sum /= sqrt(eigenvalue);
        s->re[u][at] = s->tre[at][u] = (float)creal(sum);
        s->im[u][at] = s->tim[at][u] = (float)cimag(sum);
    }
}

static int decompose(smoother_t *s, int cp, double complex (*a)[N], double complex *g,
                     double complex *v)
{
    int n = make_columns(a, cp);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double complex sum = 0.0;
            for (int u = 0; u < N; u++) {
                sum += conj(a[i][u]) * a[j][u];
            }
            g[i * n + j] = sum;
        }
    }
    jacobi(g, v, n);
    double largest = 0.0;
    for (int i = 0; i < n; i++) {
        largest = fmax(largest, creal(g[i * n + i]));
    }
    for (int i = 0; i < n && s->rank < MAX_RANK; i++) {
        double eigenvalue = creal(g[i * n + i]);
        if (eigenvalue > RANK_CUT * largest) {
            keep_vector(s, a, v, n, i, eigenvalue);
        }
    }
    return 0;
}

smoother_t *smoother_create(int cp, err_t *err)
{
    smoother_t *s = calloc(1, sizeof(*s));
    double complex(*a)[N] = calloc(MAX_DELAYS, sizeof(*a));
    double complex *g = calloc(2 * MAX_DELAYS * MAX_DELAYS, sizeof(*g));
    int ok = s != NULL && a != NULL && g != NULL;
    if (ok) {
        decompose(s, cp, a, g, g + MAX_DELAYS * MAX_DELAYS);
    } else {
        err_set(err, ERR_MEMORY, "smoother: out of memory");
        free(s);
        s = NULL;
    }
    free(a);
    free(g);
    return s;
}

void smoother_destroy(smoother_t *s)
{
    free(s);
}

int smoother_rank(const smoother_t *s)
{
    return s->rank;
}

/* c = U^H h.  All MAX_RANK places, the unused ones zero: fixed loops vectorise. */
static void analyse(const smoother_t *s, const float complex *h, float *cre, float *cim)
{
    memset(cre, 0, MAX_RANK * sizeof(*cre));
    memset(cim, 0, MAX_RANK * sizeof(*cim));
    int width = (s->rank + 7) & ~7;
    for (int u = 0; u < N; u++) {
        float hr = crealf(h[u]), hi = cimagf(h[u]);
        const float *re = s->re[u], *im = s->im[u];
        for (int i = 0; i < width; i++) {
            cre[i] += re[i] * hr + im[i] * hi;
            cim[i] += re[i] * hi - im[i] * hr;
        }
    }
}

static double energy(const float complex *h)
{
    double sum = 0.0;
    for (int u = 0; u < N; u++) {
        sum += crealf(h[u]) * crealf(h[u]) + cimagf(h[u]) * cimagf(h[u]);
    }
    return sum;
}

double smoother_residual(const smoother_t *s, const float complex *h)
{
    float cre[MAX_RANK], cim[MAX_RANK];
    analyse(s, h, cre, cim);
    double inside = 0.0;
    for (int i = 0; i < s->rank; i++) {
        inside += cre[i] * cre[i] + cim[i] * cim[i];
    }
    return fmax(energy(h) - inside, 0.0);
}

double smoother_apply(const smoother_t *s, const float complex *h_ls, double power, double noise,
                      float complex *h)
{
    float cre[MAX_RANK], cim[MAX_RANK], hr[N] = {0}, hi[N] = {0};
    analyse(s, h_ls, cre, cim);
    double error = 0.0;
    for (int i = 0; i < s->rank; i++) {
        double signal = s->eigenvalue[i] * power;
        double gain = signal > 0.0 ? signal / (signal + noise) : 0.0;
        error += gain * noise;
        float c = (float)gain * cre[i], d = (float)gain * cim[i];
        const float *re = s->tre[i], *im = s->tim[i];
        for (int u = 0; u < N; u++) {
            hr[u] += re[u] * c - im[u] * d;
            hi[u] += re[u] * d + im[u] * c;
        }
    }
    for (int u = 0; u < N; u++) {
        h[u] = CMPLXF(hr[u], hi[u]);
    }
    return fmin(error / N, noise);
}
