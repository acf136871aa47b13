/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache is a safetensors file with tensors "0", "1" …, each [rows][columns][4]. */
#include "train/deka_bank.h"

#include "rng.h"
#include "safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHANNELS = 4 };

struct deka_bank {
    int count, capacity;
    int *rows, *columns;
    float **z;
};

static size_t floats_of(int rows, int columns)
{
    return (size_t)rows * (size_t)columns * CHANNELS;
}

/* Takes `z` over, also on failure. */
static int append(deka_bank_t *bank, int rows, int columns, float *z, err_t *err)
{
    if (z == NULL || bank->count == bank->capacity) {
        free(z);
        return err_set(err, ERR_MEMORY, "no memory for latents");
    }
    bank->rows[bank->count] = rows;
    bank->columns[bank->count] = columns;
    bank->z[bank->count++] = z;
    return 0;
}

static void mirror(image_t *picture)
{
    for (int y = 0; y < picture->height; y++) {
        uint8_t *row = picture->rgb + (size_t)y * (size_t)picture->width * 3;
        for (int x = 0; x < picture->width / 2; x++) {
            uint8_t *a = row + 3 * (size_t)x, *b = row + 3 * (size_t)(picture->width - 1 - x), t[3];
            memcpy(t, a, 3);
            memcpy(a, b, 3);
            memcpy(b, t, 3);
        }
    }
}

static int encode_all(deka_bank_t *bank, const dataset_t *set, latent_t *latent, err_t *err)
{
    image_t picture = IMAGE_EMPTY;
    int status = 0;
    for (size_t i = 0; status == 0 && i < dataset_count(set); i++) {
        int label;
        status = dataset_get(set, i, &picture, &label, err);
        for (int turn = 0; status == 0 && turn < 2; turn++) {
            size_t count = latent_count(latent, picture.width, picture.height);
            float *z = count > 0 ? malloc(count * sizeof(*z)) : NULL;
            if (z != NULL &&
                latent_encode(latent, picture.rgb, picture.width, picture.height, z, err) < 0) {
                free(z);
                status = -1;
                break;
            }
            status = append(bank, latent_places(latent, picture.height),
                            latent_places(latent, picture.width), z, err);
            mirror(&picture);
        }
    }
    image_free(&picture);
    return status;
}

static void describe(const dataset_t *set, const latent_t *latent, char *text, size_t size)
{
    snprintf(text, size, "photos %016llx, %zu; latent codec %016llx",
             (unsigned long long)dataset_hash(set), dataset_count(set),
             (unsigned long long)latent_hash(latent));
}

static int read_cache(deka_bank_t *bank, const char *path, const char *what, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    const char *note = file == NULL ? NULL : safetensors_note(file, "bank");
    if (note == NULL || strcmp(note, what) != 0) {
        safetensors_close(file);
        return file == NULL ? -1
                            : err_set(err, ERR_FORMAT,
                                      "%s: holds other latents (%s), wanted %s; "
                                      "delete it",
                                      path, note != NULL ? note : "nothing", what);
    }
    int status = 0;
    for (int i = 0; status == 0 && i < safetensors_count(file); i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        const safetensors_tensor_t *tensor = safetensors_find(file, name);
        if (tensor == NULL || tensor->rank != 3 || tensor->shape[2] != CHANNELS) {
            status = err_set(err, ERR_FORMAT, "%s: tensor %s is not a latent", path, name);
            break;
        }
        float *z = malloc(tensor->count * sizeof(*z));
        if (z != NULL) {
            safetensors_to_float(tensor, z);
        }
        status = append(bank, (int)tensor->shape[0], (int)tensor->shape[1], z, err);
    }
    safetensors_close(file);
    return status;
}

static int write_cache(const deka_bank_t *bank, const char *path, const char *what, err_t *err)
{
    size_t count = (size_t)bank->count;
    safetensors_tensor_t *tensors = calloc(count, sizeof(*tensors));
    char(*names)[24] = calloc(count, sizeof(*names));
    int status = -1;
    if (tensors == NULL || names == NULL) {
        err_set(err, ERR_MEMORY, "no memory to write %s", path);
    } else {
        for (size_t i = 0; i < count; i++) {
            snprintf(names[i], sizeof(names[i]), "%zu", i);
            tensors[i] =
                (safetensors_tensor_t){.name = names[i],
                                       .dtype = SAFETENSORS_F32,
                                       .rank = 3,
                                       .shape = {bank->rows[i], bank->columns[i], CHANNELS},
                                       .count = floats_of(bank->rows[i], bank->columns[i]),
                                       .data = bank->z[i]};
        }
        const char *key = "bank";
        status = safetensors_write(path, tensors, bank->count, &key, &what, 1, err);
    }
    free(tensors);
    free(names);
    return status;
}

deka_bank_t *deka_bank_create(const dataset_t *set, latent_t *latent, const char *cache, err_t *err)
{
    char what[160];
    deka_bank_t *bank = calloc(1, sizeof(*bank));
    size_t capacity = 2 * dataset_count(set);
    if (bank == NULL || (bank->rows = calloc(capacity, sizeof(*bank->rows))) == NULL ||
        (bank->columns = calloc(capacity, sizeof(*bank->columns))) == NULL ||
        (bank->z = calloc(capacity, sizeof(*bank->z))) == NULL) {
        err_set(err, ERR_MEMORY, "no memory for latents");
        deka_bank_destroy(bank);
        return NULL;
    }
    bank->capacity = (int)capacity;
    describe(set, latent, what, sizeof(what));
    int status;
    if (cache[0] != '\0' && access(cache, R_OK) == 0) {
        status = read_cache(bank, cache, what, err);
    } else {
        status = encode_all(bank, set, latent, err);
        if (status == 0 && cache[0] != '\0') {
            status = write_cache(bank, cache, what, err);
        }
    }
    if (status == 0 && bank->count == 0) {
        status = err_set(err, ERR_ARGUMENT, "no photos to train on");
    }
    if (status < 0) {
        deka_bank_destroy(bank);
        return NULL;
    }
    return bank;
}

void deka_bank_destroy(deka_bank_t *bank)
{
    if (bank == NULL) {
        return;
    }
    for (int i = 0; i < bank->count; i++) {
        free(bank->z[i]);
    }
    free(bank->rows);
    free(bank->columns);
    free(bank->z);
    free(bank);
}

int deka_bank_count(const deka_bank_t *bank)
{
    return bank->count;
}

deka_latent_t deka_bank_at(const deka_bank_t *bank, int index)
{
    return (deka_latent_t){bank->rows[index], bank->columns[index], bank->z[index]};
}

int deka_bank_side(const deka_bank_t *bank)
{
    int side = bank->rows[0];
    for (int i = 0; i < bank->count; i++) {
        side = bank->rows[i] < side ? bank->rows[i] : side;
        side = bank->columns[i] < side ? bank->columns[i] : side;
    }
    return side;
}

void deka_bank_crop(const deka_bank_t *bank, uint64_t seed, uint64_t index, int side, float *out)
{
    rng_t rng;
    rng_seed(&rng, seed, index);
    deka_latent_t from = deka_bank_at(bank, (int)rng_below(&rng, (uint32_t)bank->count));
    int y0 = (int)rng_below(&rng, (uint32_t)(from.rows - side + 1));
    int x0 = (int)rng_below(&rng, (uint32_t)(from.columns - side + 1));
    size_t row = floats_of(1, side);
    for (int y = 0; y < side; y++) {
        memcpy(out + (size_t)y * row, from.z + floats_of(1, (y0 + y) * from.columns + x0),
               row * sizeof(*out));
    }
}
