/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crew_links: what a plan makes of each link, by the formula of allocation.h (per link):
 *
 *     T_i[l] = min over holders h of S[l]/R_hi      depth_ij = argmin_m eta_A J_A[m]
 *                                                              + eta_T sum_{l<=m} (T_i[l] + T_j[l])
 */
#include "crew/crew_private.h"

#include <math.h>
#include <stdlib.h>

static void fill_fetch(const allocation_input_t *in, const uint8_t *held, double *fetch)
{
    for (int i = 0; i < in->agents; i++) {
        for (int l = 0; l < in->levels; l++) {
            double best = held[i * in->levels + l] ? 0.0 : INFINITY;
            for (int h = 0; h < in->agents; h++) {
                const double rate = in->rate[(size_t)h * (size_t)in->agents + (size_t)i];
                if (h != i && held[h * in->levels + l] && rate > 0) {
                    best = fmin(best, in->size[l] / rate);
                }
            }
            fetch[i * in->levels + l] = best;
        }
    }
}

/* Depth of link i -> j and its two costs. */
static int choose(const allocation_input_t *in, const double *fetch, int i, int j, double *loss,
                  double *overhead)
{
    double sum = 0, best = INFINITY;
    int depth = 0;
    for (int l = 0; l < in->levels; l++) {
        sum += fetch[i * in->levels + l] + fetch[j * in->levels + l];
        const double cost = in->eta_a * in->loss[l] + (in->eta_t > 0 ? in->eta_t * sum
                                                       : isinf(sum)  ? sum
                                                                     : 0.0);
        if (cost < best) {
            best = cost;
            depth = l + 1;
            *loss = in->loss[l];
            *overhead = sum;
        }
    }
    return depth;
}

int crew_links(const network_t *network, const uint8_t *held, crew_links_t *links, err_t *err)
{
    const allocation_input_t *in = network_input(network);
    const size_t n = (size_t)in->agents;
    *links = (crew_links_t){.fetch = calloc(n * (size_t)in->levels, sizeof(double)),
                            .depth = calloc(n * n, sizeof(int))};
    if (links->fetch == NULL || links->depth == NULL) {
        crew_links_free(links);
        return err_set(err, ERR_MEMORY, "no memory for the links of %zu agents", n);
    }
    fill_fetch(in, held, links->fetch);
    for (size_t k = 0; k < n * n; k++) {
        const int i = (int)(k / n), j = (int)(k % n);
        double loss = 0, overhead = 0;
        if (i != j && in->frequency[k] > 0) {
            links->depth[k] = choose(in, links->fetch, i, j, &loss, &overhead);
            links->alignment += in->eta_a * in->frequency[k] * loss;
            links->transmission += in->eta_t * in->frequency[k] * overhead;
        }
    }
    for (size_t k = 0; k < n * (size_t)in->levels; k++) {
        links->storage += held[k] ? in->eta_s * in->size[k % (size_t)in->levels] : 0.0;
    }
    return 0;
}

void crew_links_free(crew_links_t *links)
{
    free(links->fetch);
    free(links->depth);
    links->fetch = NULL;
    links->depth = NULL;
}
