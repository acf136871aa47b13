/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: the exact optimum per link, with GLPK.
 *
 * Benders' decomposition of (12): the master problem has the binaries s_h[l] and one cost lambda_p
 * for each pair of agents with traffic (i -> j and j -> i cost the same); what the pair's fetches
 * and depths cost is left to cuts (link_cut.h), made while they are violated: at the root until
 * none is, then in every node of the branch and bound.  The master's relaxation with all cuts is
 * the strong linear relaxation of (12), with N L + N^2/2 variables instead of N^3 L.  Our own plan
 * is the first incumbent; its distance to the root's bound fixes variables by their reduced costs.
 */
#include "allocation/allocation_private.h"
#include "allocation/link_cut.h"
#include "clock.h"

#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROOT_ROUNDS = 200, AGE = 4 };

typedef struct {
    allocation_t *a;
    glp_prob *master;
    int holdings, pairs;
    int (*pair)[2];
    double *share; /* [depth][agents] */
    int *index;    /* one row's columns, from 1 */
    double *number;
    double deadline, value; /* of the incumbent */
    double bound;
    const uint8_t *hold; /* the incumbent */
    bool offered;
} exact_t;

static int column(const exact_t *e, int level, int agent)
{
    return 1 + level * e->a->agents + agent;
}

static void add_columns(exact_t *e)
{
    const allocation_t *a = e->a;
    glp_add_cols(e->master, e->holdings + e->pairs);
    for (int l = 0; l < a->depth; l++) {
        for (int h = 0; h < a->agents; h++) {
            const int c = column(e, l, h);
            glp_set_col_kind(e->master, c, GLP_BV);
            glp_set_obj_coef(e->master, c, a->eta_s * a->size[l]);
        }
    }
    for (int p = 0; p < e->pairs; p++) {
        const int c = 1 + e->holdings + p;
        const size_t i = (size_t)e->pair[p][0], j = (size_t)e->pair[p][1];
        glp_set_col_bnds(e->master, c, GLP_LO, a->base[a->depth - 1], 0.0);
        glp_set_obj_coef(e->master, c, a->weight[i * (size_t)a->stride + j]);
    }
}

/* Level 1 is held, and within reach of all that have traffic. */
static void add_reach(exact_t *e)
{
    const allocation_t *a = e->a;
    for (int i = -1; i < a->agents; i++) {
        int count = 0;
        bool cut_off = i < 0;
        for (int h = 0; h < a->agents; h++) {
            if (i < 0 || a->fetch[(size_t)i * (size_t)a->stride + (size_t)h] < a->far) {
                e->index[++count] = column(e, 0, h);
                e->number[count] = 1.0;
            } else {
                cut_off = true;
            }
        }
        if (cut_off && (i < 0 || a->served[i])) {
            const int row = glp_add_rows(e->master, 1);
            glp_set_row_bnds(e->master, row, GLP_LO, 1.0, 0.0);
            glp_set_mat_row(e->master, row, count, e->index, e->number);
        }
    }
}

static void add_cut(exact_t *e, glp_prob *master, int p, const link_cut_t *cut)
{
    const allocation_t *a = e->a;
    int count = 0;
    for (int l = 0; l < a->depth; l++) {
        for (int h = 0; h < a->agents; h++) {
            const double slope = link_cut_slope(a, e->pair[p][0], e->pair[p][1], cut, l, h);
            if (slope > 1e-12) {
                e->index[++count] = column(e, l, h);
                e->number[count] = slope;
            }
        }
    }
    e->index[++count] = 1 + e->holdings + p;
    e->number[count] = 1.0;
    const int row = glp_add_rows(master, 1);
    glp_set_row_bnds(master, row, GLP_LO, cut->constant, 0.0);
    glp_set_mat_row(master, row, count, e->index, e->number);
}

/* Adds what the relaxation's solution violates; the number of cuts. */
static int separate(exact_t *e, glp_prob *master)
{
    const double least = 1e-7 * (1e-3 + e->a->base[0]);
    int added = 0;
    for (int c = 0; c < e->holdings; c++) {
        e->share[c] = fmin(1.0, fmax(0.0, glp_get_col_prim(master, c + 1)));
    }
    for (int p = 0; p < e->pairs; p++) {
        link_cut_t cut;
        link_cut_make(e->a, e->pair[p][0], e->pair[p][1], e->share, &cut);
        if (cut.value > glp_get_col_prim(master, 1 + e->holdings + p) + least) {
            add_cut(e, master, p, &cut);
            added++;
        }
    }
    return added;
}

static void drop_idle_rows(exact_t *e, int first)
{
    const int rows = glp_get_num_rows(e->master);
    int count = 0;
    int *idle = malloc(((size_t)rows + 1) * sizeof(*idle));
    for (int r = first; idle != NULL && r <= rows; r++) {
        if (glp_get_row_stat(e->master, r) == GLP_BS) {
            idle[++count] = r;
        }
    }
    if (count > 0) {
        glp_del_rows(e->master, count, idle);
    }
    free(idle);
}

static int relax(exact_t *e)
{
    glp_smcp how;
    glp_init_smcp(&how);
    how.msg_lev = GLP_MSG_OFF;
    how.meth = GLP_DUALP;
    how.tm_lim = (int)fmin(2e9, fmax(1.0, 1e3 * (e->deadline - clock_thread_cpu_s())));
    return glp_simplex(e->master, &how) == 0 && glp_get_status(e->master) == GLP_OPT ? 0 : -1;
}

/* Cuts until the relaxation is complete.  -1: GLPK failed before there was any bound. */
static int solve_root(exact_t *e, int first)
{
    for (int round = 0; round < ROOT_ROUNDS; round++) {
        if (relax(e) != 0) {
            return round == 0 && clock_thread_cpu_s() < e->deadline ? -1 : 0;
        }
        e->bound = fmax(e->bound, glp_get_obj_val(e->master));
        if (e->bound >= e->value - 1e-9 * e->a->scale || clock_thread_cpu_s() > e->deadline) {
            break;
        }
        if (round % AGE == AGE - 1) {
            drop_idle_rows(e, first);
        }
        const int added = separate(e, e->master);
        if (added == 0) {
            break;
        }
    }
    return 0;
}

/* A variable whose change would cost more than the gap stays where it is. */
static void fix_by_reduced_cost(exact_t *e)
{
    const double gap = e->value - glp_get_obj_val(e->master) + 1e-9 * e->a->scale;
    for (int c = 1; c <= e->holdings; c++) {
        if (glp_get_col_stat(e->master, c) == GLP_BS) {
            continue;
        }
        const double cost = glp_get_col_dual(e->master, c), at = glp_get_col_prim(e->master, c);
        if (at < 0.5 && cost > gap) {
            glp_set_col_bnds(e->master, c, GLP_FX, 0.0, 0.0);
        } else if (at > 0.5 && -cost > gap) {
            glp_set_col_bnds(e->master, c, GLP_FX, 1.0, 1.0);
        }
    }
}

static void offer_incumbent(exact_t *e, glp_tree *tree)
{
    double *x = calloc((size_t)(e->holdings + e->pairs) + 1, sizeof(*x));
    if (x == NULL) {
        return;
    }
    for (int c = 0; c < e->holdings; c++) {
        x[c + 1] = e->share[c] = e->hold[c];
    }
    for (int p = 0; p < e->pairs; p++) {
        link_cut_t cut;
        link_cut_make(e->a, e->pair[p][0], e->pair[p][1], e->share, &cut);
        x[1 + e->holdings + p] = cut.value;
    }
    glp_ios_heur_sol(tree, x);
    free(x);
    e->offered = true;
}

static void in_tree(glp_tree *tree, void *info)
{
    exact_t *e = info;
    const int best = glp_ios_best_node(tree);
    if (best != 0) {
        e->bound = fmax(e->bound, fmin(e->value, glp_ios_node_bound(tree, best)));
    }
    switch (glp_ios_reason(tree)) {
    case GLP_IROWGEN:
        separate(e, glp_ios_get_prob(tree));
        break;
    case GLP_IHEUR:
        if (!e->offered) {
            offer_incumbent(e, tree);
        }
        break;
    default:
        break;
    }
}

static int branch(exact_t *e, uint8_t *hold)
{
    if (relax(e) != 0) { /* the rounds ended on new cuts, and now there is no time left */
        return 0;
    }
    fix_by_reduced_cost(e);
    glp_iocp how;
    glp_init_iocp(&how);
    how.msg_lev = GLP_MSG_OFF;
    how.cb_func = in_tree;
    how.cb_info = e;
    how.br_tech = GLP_BR_DTH;
    how.bt_tech = GLP_BT_BLB;
    how.mip_gap = 1e-8;
    how.tm_lim = (int)fmin(2e9, fmax(1.0, 1e3 * (e->deadline - clock_thread_cpu_s())));
    const int code = glp_intopt(e->master, &how);
    if (code != 0 && code != GLP_ETMLIM && code != GLP_EMIPGAP) {
        return -1;
    }
    const int status = glp_mip_status(e->master);
    if (status == GLP_OPT || status == GLP_FEAS) {
        for (int c = 0; c < e->holdings; c++) {
            hold[c] = glp_mip_col_val(e->master, c + 1) > 0.5;
        }
        allocation_make_feasible(e->a, hold);
        const double value = allocation_value(e->a, hold);
        if (value > e->value) {
            memcpy(hold, e->hold, (size_t)e->holdings);
        }
        e->value = fmin(e->value, value);
    }
    if (code == 0) {
        e->bound = e->value; /* nothing is left in the tree */
    }
    return 0;
}

static int exact_begin(exact_t *e, const double *price)
{
    const allocation_t *a = e->a;
    const size_t n = (size_t)a->agents;
    e->holdings = a->depth * a->agents;
    e->pair = malloc((n * n / 2 + 1) * sizeof(*e->pair));
    e->share = malloc((size_t)e->holdings * sizeof(*e->share));
    e->index = malloc(((size_t)e->holdings + 2) * sizeof(*e->index));
    e->number = malloc(((size_t)e->holdings + 2) * sizeof(*e->number));
    if (!e->pair || !e->share || !e->index || !e->number) {
        return -1;
    }
    for (int i = 0; i < a->agents; i++) {
        for (int j = 0; j < i; j++) {
            if (a->weight[(size_t)i * (size_t)a->stride + (size_t)j] > 0.0) {
                e->pair[e->pairs][0] = i;
                e->pair[e->pairs++][1] = j;
            }
        }
    }
    e->master = glp_create_prob();
    add_columns(e);
    add_reach(e);
    for (int p = 0; p < e->pairs; p++) {
        link_cut_t cut;
        link_cut_from_prices(a, e->pair[p][0], e->pair[p][1], price, &cut);
        add_cut(e, e->master, p, &cut);
    }
    return 0;
}

static void exact_end(exact_t *e)
{
    if (e->master != NULL) {
        glp_delete_prob(e->master);
    }
    free(e->pair);
    free(e->share);
    free(e->index);
    free(e->number);
}

int allocation_exact(allocation_t *a, double time_limit_s, uint8_t *hold, double *bound, err_t *err)
{
    const size_t size = allocation_hold_size(a);
    exact_t e = {.a = a, .deadline = clock_thread_cpu_s() + time_limit_s};
    uint8_t *first = malloc(size);
    double *price = malloc((size_t)a->depth * (size_t)a->stride * sizeof(*price));
    int code = -1;
    glp_term_out(GLP_OFF);
    if (first == NULL || price == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the exact solution of %d agents", a->agents);
    } else if (allocation_search(a, 1, hold, err) == 0) {
        e.value = allocation_value(a, hold);
        memcpy(first, hold, size);
        e.hold = first;
        code = allocation_bound(a, e.value, 150, &e.bound, price, err);
        if (code == 0 && exact_begin(&e, price) != 0) {
            code = err_set(err, ERR_MEMORY, "no memory for GLPK's problem of %d agents", a->agents);
        }
        const int rows = e.master != NULL ? glp_get_num_rows(e.master) - e.pairs : 0;
        if (code == 0 && solve_root(&e, rows + 1) != 0) {
            code = err_set(err, ERR_UNSUPPORTED, "GLPK found no relaxed solution");
        }
        if (code == 0 && e.bound < e.value - 1e-9 * a->scale && clock_thread_cpu_s() < e.deadline) {
            code =
                branch(&e, hold) == 0 ? 0 : err_set(err, ERR_UNSUPPORTED, "GLPK's search failed");
        }
    }
    *bound = fmin(e.bound, e.value);
    exact_end(&e);
    free(first);
    free(price);
    return code;
}
