/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "federated/federated_write.h"

#include "safetensors.h"

#include <assert.h>
#include <stdlib.h>

enum { MOST = 8 };

/* free() it; NULL: no memory. */
static double *by_rows(const matrix_t *m)
{
    double *v = malloc((matrix_doubles(m) + 1) * sizeof *v), *to = v;
    for (int i = 0; v && i < m->rows; i++) {
        for (int j = 0; j < m->cols; j++) {
            for (int p = 0; p < (m->real ? 1 : 2); p++) {
                *to++ = matrix_at(m, i, j)[p];
            }
        }
    }
    return v;
}

int federated_write(const char *path, const federated_matrix_name_t *matrices, int matrix_count,
                    const federated_number_name_t *numbers, int number_count,
                    const char *const notes[][2], int note_count, err_t *err)
{
    safetensors_tensor_t tensor[2 * MOST];
    double *own[MOST] = {NULL};
    const char *keys[MOST], *values[MOST];
    int count = 0, code = 0;
    assert(matrix_count <= MOST && number_count <= MOST && note_count <= MOST);
    for (int i = 0; i < matrix_count; i++) {
        const matrix_t *m = matrices[i].m;
        own[i] = by_rows(m);
        code = own[i] ? code : err_set(err, ERR_MEMORY, "%s: no memory to write it", path);
        tensor[count++] = (safetensors_tensor_t){.name = matrices[i].name,
                                                 .dtype = SAFETENSORS_F64,
                                                 .rank = m->real ? 2 : 3,
                                                 .shape = {m->rows, m->cols, 2},
                                                 .count = matrix_doubles(m),
                                                 .data = own[i]};
    }
    for (int i = 0; i < number_count; i++) {
        tensor[count++] = (safetensors_tensor_t){.name = numbers[i].name,
                                                 .dtype = SAFETENSORS_F64,
                                                 .rank = 1,
                                                 .shape = {1},
                                                 .count = 1,
                                                 .data = &numbers[i].value};
    }
    for (int i = 0; i < note_count; i++) {
        keys[i] = notes[i][0];
        values[i] = notes[i][1];
    }
    code = code == 0 ? safetensors_write(path, tensor, count, keys, values, note_count, err) : -1;
    for (int i = 0; i < matrix_count; i++) {
        free(own[i]);
    }
    return code;
}
