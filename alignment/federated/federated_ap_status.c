/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_ap_status: what an alignment came to, for people, programs and files. */
#include "federated/federated_ap_private.h"

#include "clock.h"
#include "federated/federated_write.h"

static const char *state_name(federated_state_t state)
{
    static const char *const names[] = {"gather", "rounds", "deploy", "in use"};
    return names[state];
}

static json_t *user_json(const federated_ap_t *ap, const ap_user_t *u)
{
    json_t *object = json_pack(
        "{s:s, s:b, s:b, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "name", u->name, "here",
        ap_user_lives(ap, u, clock_now_ns()), "armed", ap->order > 0 && u->ready_order == ap->order,
        "rounds", u->rounds, "missed", u->missed, "bytes_task", (json_int_t)u->bytes_task,
        "bytes_share", (json_int_t)u->bytes_share, "bytes_up", (json_int_t)u->bytes_up,
        "bytes_down", (json_int_t)u->bytes_down, "bytes_round", (json_int_t)u->last_up);
    if (u->left_out[0]) {
        json_object_set_new(object, "left_out", json_string(u->left_out));
    } else if (u->ready_order > 0) {
        json_object_set_new(object, "nmse", json_real(u->nmse));
        json_object_set_new(object, "nmse_raw", json_real(u->nmse_raw));
    }
    return object;
}

json_t *federated_ap_status(const federated_ap_t *ap)
{
    json_t *users = json_array();
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        if (ap_user_here(&ap->user[k])) {
            json_array_append_new(users, user_json(ap, &ap->user[k]));
        }
    }
    json_t *object = json_pack("{s:s, s:s, s:I, s:i, s:i, s:o}", "state", state_name(ap->state),
                               "method", federated_method_name(ap->config.task.config.method),
                               "alignment", (json_int_t)ap->alignment, "round", ap->round,
                               "rounds_done", ap->done, "users", users);
    if (ap->done > 0) {
        json_object_set_new(object, "obj_round", json_real(ap->obj[ap->done - 1]));
    }
    if (ap->in_use_ns >= ap->began_ns && ap->in_use_ns != 0) {
        json_object_set_new(object, "seconds",
                            json_real(1e-9 * (double)(ap->in_use_ns - ap->began_ns)));
    }
    return object;
}

void federated_ap_print(const federated_ap_t *ap, FILE *out)
{
    fprintf(out, "alignment %lld (%s): %s", (long long)ap->alignment,
            federated_method_name(ap->config.task.config.method), state_name(ap->state));
    if (ap->done > 0) {
        fprintf(out, ", %d rounds, J %.6g", ap->done, ap->obj[ap->done - 1]);
    }
    if (ap->in_use_ns >= ap->began_ns && ap->in_use_ns != 0) {
        fprintf(out, ", in use after %.3f s", 1e-9 * (double)(ap->in_use_ns - ap->began_ns));
    }
    fprintf(out, "\n%-16s %6s %6s %9s %9s %9s %9s %9s %8s %8s\n", "user", "rounds", "missed",
            "task B", "share B", "B/round", "up B", "down B", "NMSE", "raw");
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        const ap_user_t *u = &ap->user[k];
        if (!ap_user_here(u)) {
            continue;
        }
        fprintf(out, "%-16s %6d %6d %9llu %9llu %9llu %9llu %9llu", u->name, u->rounds, u->missed,
                (unsigned long long)u->bytes_task, (unsigned long long)u->bytes_share,
                (unsigned long long)u->last_up, (unsigned long long)u->bytes_up,
                (unsigned long long)u->bytes_down);
        if (u->left_out[0]) {
            fprintf(out, "  left out: %s\n", u->left_out);
        } else if (u->ready_order > 0) {
            fprintf(out, " %8.4f %8.4f\n", u->nmse, u->nmse_raw);
        } else {
            fprintf(out, "  not armed\n");
        }
    }
}

int federated_ap_save(const federated_ap_t *ap, const char *path, err_t *err)
{
    const federated_result_t *x = federated_split_result(ap->split);
    const federated_config_t *c = &ap->config.task.config;
    const matrix_t obj = {.rows = ap->done, .cols = 1, .real = true, .v = ap->obj};
    const federated_matrix_name_t matrices[] = {{"F", federated_split_f(ap->split)},
                                                {"Z", federated_split_z(ap->split)},
                                                {"x_mean", &x->x_mean},
                                                {"x_lower", &x->x_lower},
                                                {"obj_round", &obj}};
    const federated_number_name_t numbers[] = {{"K", c->channel_uses},
                                               {"sigma2", c->sigma2},
                                               {"rho", c->rho},
                                               {"P", c->power},
                                               {"rounds", c->rounds}};
    const char *const notes[][2] = {{"method", federated_method_name(c->method)},
                                    {"domain", c->domain == FEDERATED_RAW ? "raw" : "whitened"},
                                    {"widely_linear", c->widely_linear ? "true" : "false"}};
    return federated_write(path, matrices, ap->done > 0 ? 5 : 4, numbers, 5, notes, 3, err);
}
