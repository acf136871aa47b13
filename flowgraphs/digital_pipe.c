/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "digital_pipe.h"

#include "modem/modem.h"
#include "mosaic.h"

#include <stdlib.h>

struct digital_pipe {
    mosaic_t mosaic;
    still_t *still;
    modem_t *modem;
    uint8_t *whole; /* [mosaic_bytes] */
    uint8_t *bytes; /* [budget] */
};

static int open_stages(digital_pipe_t *pipe, const digital_mode_t *mode, size_t symbols, err_t *err)
{
    size_t budget = modem_payload_bytes(mode->modulation, symbols, digital_code_rate(mode));
    if (budget == 0) {
        return err_set(err, ERR_ARGUMENT, "%zu symbols of %s at code rate %d/%d carry not one byte",
                       symbols, modulation_name(mode->modulation), mode->rate_numerator,
                       mode->rate_denominator);
    }
    modem_config_t config = {
        .modulation = mode->modulation, .payload_bytes = budget, .symbols = symbols};
    pipe->still = still_create(mode->source, mosaic_width(&pipe->mosaic),
                               mosaic_height(&pipe->mosaic), budget, err);
    pipe->modem = pipe->still != NULL ? modem_create(&config, err) : NULL;
    if (pipe->modem == NULL) {
        return -1;
    }
    pipe->whole = malloc(mosaic_bytes(&pipe->mosaic));
    pipe->bytes = malloc(budget);
    return pipe->whole != NULL && pipe->bytes != NULL
               ? 0
               : err_set(err, ERR_MEMORY, "no memory for pictures of %zu bytes", budget);
}

digital_pipe_t *digital_pipe_create(const digital_mode_t *mode, int pictures, int width, int height,
                                    size_t symbols, err_t *err)
{
    digital_pipe_t *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a digital link");
        return NULL;
    }
    pipe->mosaic = mosaic_of(pictures, width, height);
    if (open_stages(pipe, mode, symbols, err) != 0) {
        digital_pipe_destroy(pipe);
        return NULL;
    }
    return pipe;
}

void digital_pipe_destroy(digital_pipe_t *pipe)
{
    if (pipe != NULL) {
        modem_destroy(pipe->modem);
        still_destroy(pipe->still);
        free(pipe->whole);
        free(pipe->bytes);
        free(pipe);
    }
}

size_t digital_pipe_bytes(const digital_pipe_t *pipe)
{
    return still_budget(pipe->still);
}

static bool compress(digital_pipe_t *pipe, const uint8_t *rgb)
{
    mosaic_join(&pipe->mosaic, rgb, pipe->whole);
    return still_encode(pipe->still, pipe->whole, pipe->bytes) == STILL_SENT;
}

static bool expand(digital_pipe_t *pipe, uint8_t *rgb)
{
    if (!still_decode(pipe->still, pipe->bytes, pipe->whole)) {
        return false;
    }
    mosaic_split(&pipe->mosaic, pipe->whole, rgb);
    return true;
}

bool digital_pipe_encode(digital_pipe_t *pipe, const uint8_t *rgb, float complex *symbols)
{
    bool fits = compress(pipe, rgb);
    modem_encode(pipe->modem, pipe->bytes, symbols);
    return fits;
}

bool digital_pipe_decode(digital_pipe_t *pipe, const float complex *soft, const float *noise_var,
                         uint8_t *rgb)
{
    return modem_decode(pipe->modem, soft, noise_var, pipe->bytes, NULL) == 0 && expand(pipe, rgb);
}

bool digital_pipe_squeeze(digital_pipe_t *pipe, const uint8_t *rgb, uint8_t *squeezed)
{
    return compress(pipe, rgb) && expand(pipe, squeezed);
}
