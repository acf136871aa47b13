/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Figures of a network on pictures, all with perfect channel knowledge and true Es/N0:
 *
 *     latent_mse    mean (z' - z)^2 over all pictures and draws; latents have variance 1
 *     psnr_db       of f_LD(z') against f_LD(z), what the channel costs (the paper's figure)
 *     photo_db      of f_LD(z') against the photo, what the user sees
 *     q1, median, q3  of psnr_db over pictures and draws
 *
 * PSNR is of the mean MSE after rounding to 8 bits.  Fading and noise of draw d of picture i depend
 * on the seed, i, and d, not on SNR, rate, or network: differences between lines are not luck.
 */
#include "train/deka_task.h"

#include "file.h"
#include "quality/quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 512, LATENT_FLOATS = SIDE / 8 * (SIDE / 8) * 4, BYTES = SIDE * SIDE * 3 };
enum { PICTURES_MAX = 64, DRAWS_MAX = 32 };

typedef struct {
    uint8_t photo[BYTES], decoded[BYTES]; /* decoded: f_LD(z) */
    float z[LATENT_FLOATS];
} picture_t;

typedef struct {
    deka_task_t *task;
    picture_t *pictures;
    int count, draws;
    FILE *out;
} figures_t;

/* The middle 512x512 pixels. */
static int cut(const image_t *image, uint8_t *out, err_t *err)
{
    if (image->width < SIDE || image->height < SIDE) {
        return err_set(err, ERR_ARGUMENT,
                       "data.test has a picture of %d x %d; figures need 512 x 512", image->width,
                       image->height);
    }
    int x0 = (image->width - SIDE) / 2, y0 = (image->height - SIDE) / 2;
    for (int y = 0; y < SIDE; y++) {
        memcpy(out + (size_t)y * SIDE * 3,
               image->rgb + ((size_t)(y0 + y) * (size_t)image->width + (size_t)x0) * 3, SIDE * 3);
    }
    return 0;
}

static int load_pictures(figures_t *f, const dataset_t *set, err_t *err)
{
    image_t image = IMAGE_EMPTY;
    latent_t *latent = f->task->latent;
    int status = 0;
    f->count = dataset_count(set) < PICTURES_MAX ? (int)dataset_count(set) : PICTURES_MAX;
    f->pictures = calloc((size_t)f->count, sizeof(*f->pictures));
    if (f->pictures == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %d pictures", f->count);
    }
    for (int i = 0; status == 0 && i < f->count; i++) {
        picture_t *p = &f->pictures[i];
        int label;
        if (dataset_get(set, (size_t)i, &image, &label, err) < 0 ||
            cut(&image, p->photo, err) < 0 ||
            latent_encode(latent, p->photo, SIDE, SIDE, p->z, err) < 0 ||
            latent_decode(latent, p->z, SIDE, SIDE, p->decoded, err) < 0) {
            status = -1;
        }
    }
    image_free(&image);
    return status;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One line: `channels` sent at one SNR and delay spread (0: AWGN). */
static int measure(figures_t *f, deka_link_t *link, int channels, double snr_db, double spread_ns,
                   err_t *err)
{
    static uint8_t received[BYTES];
    double latent_mse = 0.0, mse = 0.0, photo_mse = 0.0, psnr[PICTURES_MAX * DRAWS_MAX];
    int count = 0;
    deka_link_set_channels(link, channels);
    for (int i = 0; i < f->count; i++) {
        const picture_t *p = &f->pictures[i];
        for (int d = 0; d < f->draws; d++, count++) {
            rng_t rng;
            rng_seed(&rng, (uint64_t)options_int(f->task->options, "train.seed"),
                     UINT64_C(7) << 54 | (uint64_t)(i * DRAWS_MAX + d));
            memcpy(graph_data(link->graph, link->latent), p->z, sizeof(p->z));
            deka_link_draw(link, 0, snr_db, spread_ns, &rng);
            graph_forward(link->graph);
            const float *z = graph_data(link->graph, link->out);
            for (int k = 0; k < LATENT_FLOATS; k++) {
                double e = (double)(z[k] - p->z[k]);
                latent_mse += e * e / LATENT_FLOATS;
            }
            if (latent_decode(f->task->latent, z, SIDE, SIDE, received, err) < 0) {
                return -1;
            }
            double here = quality_mse(p->decoded, received, BYTES);
            mse += here;
            photo_mse += quality_mse(p->photo, received, BYTES);
            psnr[count] = quality_psnr_db(here);
        }
    }
    qsort(psnr, (size_t)count, sizeof(*psnr), compare);
    fprintf(f->out,
            "channels=%d snr_db=%g delay_spread_ns=%g latent_mse=%.5f psnr_db=%.3f photo_db=%.3f "
            "q1=%.3f median=%.3f q3=%.3f count=%d\n",
            channels, snr_db, spread_ns, latent_mse / count, quality_psnr_db(mse / count),
            quality_psnr_db(photo_mse / count), psnr[count / 4], psnr[count / 2],
            psnr[3 * count / 4], count);
    return 0;
}

typedef struct {
    int draws;
    double snr_db[7], spread_ns[5];
    bool all_channels; /* else 4 */
    bool trained_only; /* delay spreads: leave out what deka.delay_spread_ns does not name */
} points_t;

/* Fig. 6; 7a; 7b; 8a with the same on AWGN; 8b. */
static const points_t objective_points[] = {{2, {10, 20, NAN}, {300, NAN}, false, false}, {0}};
static const points_t rates_points[] = {{2, {20, NAN}, {300, NAN}, true, false}, {0}};
static const points_t snr_points[] = {{1, {0, 5, 10, 15, 20, 25, NAN}, {300, NAN}, true, false},
                                      {0}};
static const points_t group_points[] = {{3, {0, 5, 10, 15, 20, 25, NAN}, {300, NAN}, false, false},
                                        {1, {0, 5, 10, 15, 20, 25, NAN}, {0, NAN}, false, false},
                                        {0}};
static const points_t spread_points[] = {{6, {10, NAN}, {30, 100, 300, 1000, NAN}, false, true},
                                         {0}};

static bool trained_at(const options_t *options, double spread_ns)
{
    for (size_t i = 0; i < options_count(options, "deka.delay_spread_ns"); i++) {
        if (fabs(options_real_at(options, "deka.delay_spread_ns", i) - spread_ns) < 0.5) {
            return true;
        }
    }
    return false;
}

static int measure_all(figures_t *f, const points_t *points, err_t *err)
{
    deka_task_t *task = f->task;
    int status = 0;
    f->draws = points->draws;
    for (int r = 0; status == 0 && r < task->rates; r++) {
        deka_link_t link;
        if (!points->all_channels && task->rates > 1 && task->channels[r] != 4) {
            continue;
        }
        if (deka_link_create(&link, task->params, GRAPH_INFER, 1, SIDE / 16, SIDE / 16,
                             task->channels[r], 1, &task->link, err) < 0) {
            return -1;
        }
        for (int s = 0; status == 0 && !isnan(points->snr_db[s]); s++) {
            for (int w = 0; status == 0 && !isnan(points->spread_ns[w]); w++) {
                double spread_ns = points->spread_ns[w];
                if (!points->trained_only || trained_at(task->options, spread_ns)) {
                    status =
                        measure(f, &link, task->channels[r], points->snr_db[s], spread_ns, err);
                }
            }
        }
        deka_link_destroy(&link);
    }
    return status;
}

int deka_figures(deka_task_t *task, err_t *err)
{
    static const points_t *const sets[] = {objective_points, rates_points, snr_points, group_points,
                                           spread_points};
    const points_t *points = sets[options_choice(task->options, "deka.points")];
    figures_t f = {.task = task};
    dataset_t *set = dataset_open(options_string(task->options, "data.test"), err);
    file_writer_t *writer = NULL;
    int status = set == NULL ? -1 : load_pictures(&f, set, err);
    if (status == 0) {
        writer = file_writer_open(options_string(task->options, "deka.table"), err);
        status = writer == NULL ? -1 : 0;
    }
    if (status == 0) {
        f.out = file_writer_stream(writer);
        for (; status == 0 && points->draws > 0; points++) {
            status = measure_all(&f, points, err);
        }
    }
    if (status == 0) {
        status = file_writer_commit(writer, err);
    } else {
        file_writer_abort(writer);
    }
    dataset_close(set);
    free(f.pictures);
    return status;
}
