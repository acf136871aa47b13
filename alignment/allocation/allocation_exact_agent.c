/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: the exact optimum in the per-agent reading, with GLPK on the whole programme:
 *
 *   x_i[l]  agent i's depth is at least l (binary, x_i[1] = 1, falling in l)
 *   z_hi[l] agent i fetches level l from h:  s_i[l] + sum_h z_hi[l] >= x_i[l],  z_hi[l] <= s_h[l]
 *   y_p[l]  both ends of pair p are that deep:  y_p[l] <= x_i[l], x_j[l]
 *
 * y and z are integral by themselves.  N^2 L rows: for small networks.
 */
#include "allocation/allocation_private.h"
#include "clock.h"

#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const allocation_t *a;
    glp_prob *lp;
    int index[ALLOCATION_MAX_AGENTS + 3];
    double number[ALLOCATION_MAX_AGENTS + 3];
    int count;
    double bound, value;
} whole_t;

static int holding(const whole_t *w, int level, int agent)
{
    return 1 + level * w->a->agents + agent;
}

static int deep(const whole_t *w, int level, int agent)
{
    return holding(w, w->a->depth + level, agent);
}

static void term(whole_t *w, int column, double factor)
{
    w->index[++w->count] = column;
    w->number[w->count] = factor;
}

/* The collected terms >= least. */
static void row_at_least(whole_t *w, double least)
{
    const int row = glp_add_rows(w->lp, 1);
    glp_set_row_bnds(w->lp, row, GLP_LO, least, 0.0);
    glp_set_mat_row(w->lp, row, w->count, w->index, w->number);
    w->count = 0;
}

static int unit_column(whole_t *w, double cost)
{
    const int column = glp_add_cols(w->lp, 1);
    glp_set_col_bnds(w->lp, column, GLP_DB, 0.0, 1.0);
    glp_set_obj_coef(w->lp, column, cost);
    return column;
}

static void add_binaries(whole_t *w)
{
    const allocation_t *a = w->a;
    for (int kind = 0; kind < 2; kind++) {
        for (int l = 0; l < a->depth; l++) {
            for (int i = 0; i < a->agents; i++) {
                const int c = unit_column(w, kind == 0 ? a->eta_s * a->size[l] : 0.0);
                glp_set_col_kind(w->lp, c, GLP_BV);
            }
        }
    }
    for (int i = 0; i < a->agents; i++) {
        if (a->served[i]) {
            glp_set_col_bnds(w->lp, deep(w, 0, i), GLP_FX, 1.0, 1.0);
        }
        for (int l = 1; l < a->depth; l++) {
            term(w, deep(w, l - 1, i), 1.0);
            term(w, deep(w, l, i), -1.0);
            row_at_least(w, 0.0);
        }
    }
    for (int i = 0; i < a->agents; i++) {
        term(w, holding(w, 0, i), 1.0);
    }
    row_at_least(w, 1.0);
}

static void add_fetches(whole_t *w)
{
    const allocation_t *a = w->a;
    for (int i = 0; i < a->agents; i++) {
        const double *fetch = a->fetch + (size_t)i * (size_t)a->stride;
        for (int l = 0; l < a->depth; l++) {
            const int first = glp_get_num_cols(w->lp) + 1;
            for (int h = 0; h < a->agents; h++) {
                if (h != i && fetch[h] < a->far) {
                    const int z = unit_column(w, a->traffic[i] * a->size[l] * fetch[h]);
                    term(w, holding(w, l, h), 1.0);
                    term(w, z, -1.0);
                    row_at_least(w, 0.0);
                }
            }
            for (int z = first; z <= glp_get_num_cols(w->lp); z++) {
                term(w, z, 1.0);
            }
            term(w, holding(w, l, i), 1.0);
            term(w, deep(w, l, i), -1.0);
            row_at_least(w, 0.0);
        }
    }
}

static double add_links(whole_t *w)
{
    const allocation_t *a = w->a;
    double constant = 0.0;
    for (int i = 0; i < a->agents; i++) {
        for (int j = 0; j < i; j++) {
            const double weight = a->weight[(size_t)i * (size_t)a->stride + (size_t)j];
            constant += weight * a->base[0];
            for (int l = 1; weight > 0.0 && l < a->depth; l++) {
                const int y = unit_column(w, -weight * (a->base[l - 1] - a->base[l]));
                for (int end = 0; end < 2; end++) {
                    term(w, deep(w, l, end ? i : j), 1.0);
                    term(w, y, -1.0);
                    row_at_least(w, 0.0);
                }
            }
        }
    }
    return constant;
}

static void in_tree(glp_tree *tree, void *info)
{
    whole_t *w = info;
    const int best = glp_ios_best_node(tree);
    if (best != 0) {
        w->bound = fmax(w->bound, glp_ios_node_bound(tree, best));
    }
}

static int solve(whole_t *w, double time_limit_s, uint8_t *hold, err_t *err)
{
    const double start_s = clock_thread_cpu_s();
    glp_smcp simplex;
    glp_init_smcp(&simplex);
    simplex.msg_lev = GLP_MSG_OFF;
    simplex.meth = GLP_DUALP;
    simplex.tm_lim = (int)fmin(2e9, 1e3 * time_limit_s);
    const int failed = glp_simplex(w->lp, &simplex);
    if (failed == GLP_ETMLIM) {
        return 0;
    }
    if (failed != 0 || glp_get_status(w->lp) != GLP_OPT) {
        return err_set(err, ERR_UNSUPPORTED, "GLPK found no relaxed solution");
    }
    w->bound = fmax(w->bound, glp_get_obj_val(w->lp));
    glp_iocp how;
    glp_init_iocp(&how);
    how.msg_lev = GLP_MSG_OFF;
    how.cb_func = in_tree;
    how.cb_info = w;
    how.bt_tech = GLP_BT_BLB;
    how.mip_gap = 1e-8;
    how.tm_lim = (int)fmin(2e9, fmax(1.0, 1e3 * (time_limit_s + start_s - clock_thread_cpu_s())));
    const int code = glp_intopt(w->lp, &how);
    if (code != 0 && code != GLP_ETMLIM && code != GLP_EMIPGAP) {
        return err_set(err, ERR_UNSUPPORTED, "GLPK's search failed");
    }
    const int status = glp_mip_status(w->lp);
    if (code == 0 && status == GLP_OPT) {
        w->bound = glp_mip_obj_val(w->lp);
    }
    for (int c = 0; (status == GLP_OPT || status == GLP_FEAS) && c < w->a->depth * w->a->agents;
         c++) {
        hold[c] = glp_mip_col_val(w->lp, c + 1) > 0.5;
    }
    return 0;
}

int allocation_exact_agent(allocation_t *a, double time_limit_s, uint8_t *hold, double *bound,
                           err_t *err)
{
    const size_t size = allocation_hold_size(a);
    uint8_t *found = malloc(size);
    if (found == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a plan of %d agents", a->agents);
    }
    int code = allocation_search_agent(a, 1, hold, err);
    if (code == 0) {
        whole_t w = {.a = a, .value = allocation_value(a, hold)};
        code = allocation_bound(a, w.value, 150, &w.bound, NULL, err);
        glp_term_out(GLP_OFF);
        w.lp = glp_create_prob();
        add_binaries(&w);
        add_fetches(&w);
        glp_set_obj_coef(w.lp, 0, add_links(&w));
        memcpy(found, hold, size);
        code = code == 0 ? solve(&w, time_limit_s, found, err) : code;
        glp_delete_prob(w.lp);
        allocation_make_feasible(a, found);
        const double value = allocation_value(a, found);
        if (code == 0 && value < w.value) {
            memcpy(hold, found, size);
            w.value = value;
        }
        *bound = fmin(w.bound, w.value);
    }
    free(found);
    return code;
}
