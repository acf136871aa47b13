/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/csi_file.h"

#include "file.h"

#include <stdlib.h>
#include <string.h>

enum { CODE_MEASUREMENT = 0xbb, HEADER = 20, FILE_LIMIT = 1 << 28 };
enum { FLAG_WIDE = 1 << 11 }; /* of the rate word: a 40 MHz channel */

struct csi_file {
    uint8_t *data;
    csi_packet_t *packets;
    size_t count, room;
};

static unsigned little16(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static size_t body_size(int nrx, int ntx)
{
    return ((size_t)CSI_FILE_CARRIERS * (size_t)(nrx * ntx * 16 + 3) + 7) / 8;
}

/* Bits 0-1, 2-3, 4-5 name the antennas; what is no permutation is taken as straight. */
static void read_antennas(csi_packet_t *packet, unsigned selection)
{
    bool seen[4] = {false};
    bool straight = false;
    for (int i = 0; i < 3; i++) {
        packet->antenna[i] = (int)(selection >> (2 * i) & 3);
        straight =
            straight || (i < packet->nrx && (packet->antenna[i] > 2 || seen[packet->antenna[i]]));
        seen[packet->antenna[i]] = true;
    }
    for (int i = 0; straight && i < 3; i++) {
        packet->antenna[i] = i;
    }
}

/* p[size]: a measurement's header and body; `at`: its place in the file. */
static int read_packet(csi_packet_t *packet, const uint8_t *p, size_t size, size_t at,
                       const char *name, err_t *err)
{
    if (size < HEADER) {
        return err_set(err, ERR_FORMAT,
                       "%s: the measurement at byte %zu has %zu bytes, fewer than "
                       "its header of %d",
                       name, at, size, HEADER);
    }
    *packet = (csi_packet_t){.timestamp_us = little16(p) | (uint32_t)little16(p + 2) << 16,
                             .nrx = p[8],
                             .ntx = p[9],
                             .rssi = {p[10], p[11], p[12]},
                             .agc_db = p[14],
                             .wide = (little16(p + 18) & FLAG_WIDE) != 0,
                             .body = p + HEADER};
    if (packet->nrx < 1 || packet->nrx > 3 || packet->ntx < 1 || packet->ntx > 3) {
        return err_set(err, ERR_FORMAT,
                       "%s: the measurement at byte %zu has %d x %d antennas, not "
                       "1 to 3 each",
                       name, at, packet->nrx, packet->ntx);
    }
    const size_t wanted = body_size(packet->nrx, packet->ntx);
    if (little16(p + 16) != wanted || size - HEADER < wanted) {
        return err_set(err, ERR_FORMAT,
                       "%s: the measurement at byte %zu says %u bytes and has %zu, "
                       "where %d x %d antennas need %zu",
                       name, at, little16(p + 16), size - HEADER, packet->nrx, packet->ntx, wanted);
    }
    read_antennas(packet, p[15]);
    return 0;
}

static csi_packet_t *new_packet(csi_file_t *file, err_t *err)
{
    if (file->count == file->room) {
        const size_t room = file->room == 0 ? 64 : 2 * file->room;
        csi_packet_t *more = realloc(file->packets, room * sizeof *more);
        if (more == NULL) {
            err_set(err, ERR_MEMORY, "no memory for channel state");
            return NULL;
        }
        file->packets = more;
        file->room = room;
    }
    return &file->packets[file->count];
}

static int read_records(csi_file_t *file, size_t size, const char *name, err_t *err)
{
    for (size_t at = 0; at < size;) {
        const size_t length = size - at >= 2 ? (size_t)file->data[at] << 8 | file->data[at + 1] : 0;
        if (size - at < 3 || length == 0 || length > size - at - 2) {
            return err_set(err, ERR_FORMAT,
                           "%s: the record at byte %zu of %zu is cut off or has no length", name,
                           at, size);
        }
        if (file->data[at + 2] == CODE_MEASUREMENT) {
            csi_packet_t *packet = new_packet(file, err);
            if (packet == NULL ||
                read_packet(packet, file->data + at + 3, length - 1, at, name, err) < 0) {
                return -1;
            }
            file->count++;
        }
        at += 2 + length;
    }
    return file->count > 0
               ? 0
               : err_set(err, ERR_FORMAT, "%s: no channel measurement in %zu bytes", name, size);
}

/* Takes the data over. */
static csi_file_t *take(uint8_t *data, size_t size, const char *name, err_t *err)
{
    csi_file_t *file = calloc(1, sizeof *file);
    if (file == NULL) {
        free(data);
        err_set(err, ERR_MEMORY, "no memory for channel state");
        return NULL;
    }
    file->data = data;
    if (read_records(file, size, name, err) < 0) {
        csi_file_close(file);
        return NULL;
    }
    return file;
}

csi_file_t *csi_file_open(const char *path, err_t *err)
{
    uint8_t *data;
    size_t size;
    return file_read_all(path, FILE_LIMIT, &data, &size, err) < 0 ? NULL
                                                                  : take(data, size, path, err);
}

csi_file_t *csi_file_parse(const uint8_t *data, size_t size, const char *name, err_t *err)
{
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL) {
        err_set(err, ERR_MEMORY, "no memory for channel state");
        return NULL;
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return take(copy, size, name, err);
}

void csi_file_close(csi_file_t *file)
{
    if (file != NULL) {
        free(file->packets);
        free(file->data);
        free(file);
    }
}

size_t csi_file_count(const csi_file_t *file)
{
    return file->count;
}

const csi_packet_t *csi_file_at(const csi_file_t *file, size_t index)
{
    return index < file->count ? &file->packets[index] : NULL;
}

/* The signed byte that begins at a bit. */
static float signed_byte(const uint8_t *body, size_t bit)
{
    const size_t at = bit / 8;
    const unsigned shift = (unsigned)(bit % 8);
    unsigned value = body[at] >> shift;
    if (shift > 0) { /* else the next byte may lie outside */
        value |= (unsigned)body[at + 1] << (8 - shift);
    }
    return (float)(int8_t)(uint8_t)value;
}

static float complex value_at(const csi_packet_t *packet, int carrier, int pair)
{
    const size_t pairs = (size_t)(packet->nrx * packet->ntx);
    const size_t bit = (size_t)carrier * (3 + 16 * pairs) + 3 + 16 * (size_t)pair;
    return __builtin_complex(signed_byte(packet->body, bit), signed_byte(packet->body, bit + 8));
}

bool csi_packet_read(const csi_packet_t *packet, int rx, int tx, float complex *h)
{
    int row = 0;
    while (row < packet->nrx && packet->antenna[row] != rx) {
        row++;
    }
    if (row == packet->nrx || tx < 0 || tx >= packet->ntx) {
        return false;
    }
    for (int i = 0; i < CSI_FILE_CARRIERS; i++) {
        h[i] = value_at(packet, i, row * packet->ntx + tx);
    }
    return true;
}

double csi_packet_power(const csi_packet_t *packet)
{
    double sum = 0.0;
    const int pairs = packet->nrx * packet->ntx;
    for (int i = 0; i < CSI_FILE_CARRIERS; i++) {
        for (int pair = 0; pair < pairs; pair++) {
            const double complex v = value_at(packet, i, pair);
            sum += creal(v) * creal(v) + cimag(v) * cimag(v);
        }
    }
    return sum / (CSI_FILE_CARRIERS * pairs);
}

double csi_carrier_hz(bool wide, int i)
{
    static const double spacing_hz = 312.5e3;
    if (wide) { /* -58, -54 … -2, 2 … 58 */
        return spacing_hz * (double)(4 * i - 58);
    }
    /* -28, -26 … -2, -1, 1, 3 … 27, 28 */
    static const int narrow[CSI_FILE_CARRIERS] = {-28, -26, -24, -22, -20, -18, -16, -14, -12, -10,
                                                  -8,  -6,  -4,  -2,  -1,  1,   3,   5,   7,   9,
                                                  11,  13,  15,  17,  19,  21,  23,  25,  27,  28};
    return spacing_hz * (double)narrow[i];
}
