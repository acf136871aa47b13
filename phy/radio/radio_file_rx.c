/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_file.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many samples the data file holds; the metadata must agree. */
static int measure(radio_file_t *r, const char *data, err_t *err)
{
    struct stat info;
    const size_t bytes = sigmf_sample_bytes(r->meta->datatype);
    if (fstat(r->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return err_set(err, ERR_IO, "%s is not a file", data);
    }
    uint64_t size = (uint64_t)info.st_size;
    if (size < r->meta->trailing_bytes || (size - r->meta->trailing_bytes) % bytes != 0) {
        return err_set(err, ERR_FORMAT, "%s: %llu bytes are no whole number of %s samples", data,
                       (unsigned long long)size, sigmf_datatype_name(r->meta->datatype));
    }
    r->samples = (size - r->meta->trailing_bytes) / bytes;
    return sigmf_check_data(r->meta, r->samples, data, err);
}

int radio_file_open_rx(radio_file_t *r, const char *path, err_t *err)
{
    r->meta = sigmf_load(path, err);
    r->rx_name = sigmf_path(path, SIGMF_DATA);
    if (r->meta == NULL || r->rx_name == NULL) {
        return err_prefix(err, "radio.address: rx");
    }
    if (fabs(r->meta->rate_hz - r->rate_hz) > 1e-6 * r->rate_hz) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s was recorded at %g samples/s, radio.rate_hz asks for %g", r->rx_name,
                       r->meta->rate_hz, r->rate_hz);
    }
    r->fd = open(r->rx_name, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        return err_set_errno(err, errno, "cannot read %s", r->rx_name);
    }
    (void)posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return measure(r, r->rx_name, err);
}

/* Samples up to the end of the segment, or of the file. */
static uint64_t left_in_segment(radio_file_t *r)
{
    while (r->segment + 1 < r->meta->segment_count &&
           r->meta->segments[r->segment + 1].start <= r->position) {
        r->segment++;
    }
    return (r->segment + 1 < r->meta->segment_count ? r->meta->segments[r->segment + 1].start
                                                    : r->samples) -
           r->position;
}

static int read_block(radio_file_t *r, float complex *x, size_t count, err_t *err)
{
    const size_t bytes = sigmf_sample_bytes(r->meta->datatype);
    size_t done = 0;
    while (done < count * bytes) {
        const ssize_t n =
            pread(r->fd, r->raw + done, count * bytes - done, (off_t)(r->position * bytes + done));
        if (n == 0) {
            return err_set(err, ERR_FORMAT, "%s has become shorter", r->rx_name);
        }
        if (n < 0 && errno != EINTR) {
            return err_set_errno(err, errno, "cannot read %s", r->rx_name);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    sigmf_decode(r->meta->datatype, r->raw, x, count);
    for (size_t i = 0; r->rx_gain != 1.0f && i < count; i++) {
        x[i] *= r->rx_gain;
    }
    r->position += count;
    return 0;
}

/* pace=clock: samples that have happened by now, up to `count`; waits for them until the deadline.
 */
static uint64_t due(radio_file_t *r, uint64_t count, uint64_t deadline_ns)
{
    if (!r->paced) {
        return count;
    }
    if (r->start_ns == 0) {
        r->start_ns = clock_now_ns();
        r->start_position = r->position;
    }
    const double last = (double)(r->position - r->start_position + count) / r->rate_hz;
    const uint64_t when = r->start_ns + (uint64_t)(last * 1e9);
    clock_sleep_until_ns(when < deadline_ns ? when : deadline_ns);
    const double happened = (double)(clock_now_ns() - r->start_ns) * 1e-9 * r->rate_hz -
                            (double)(r->position - r->start_position);
    return happened >= (double)count ? count : (uint64_t)fmax(0.0, happened);
}

ssize_t radio_file_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                        radio_pull_t *info, err_t *err)
{
    radio_file_t *r = self;
    const uint64_t deadline = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    *info = (radio_pull_t){.timestamp = 0};
    if (!r->receiving) {
        return err_set(err, ERR_STATE, "the radio is not receiving: radio_start first");
    }
    const size_t before = r->segment;
    const uint64_t left = left_in_segment(r);
    if (left == 0) {
        return err_set(err, ERR_CLOSED, "the recording %s has ended", r->rx_name);
    }
    const sigmf_segment_t *segment = &r->meta->segments[r->segment];
    const uint64_t n = due(r, left < count ? left : count, deadline);
    info->timestamp = segment->timestamp + (r->position - segment->start);
    if (r->segment != before) {
        r->discontinuous = true;
    }
    if (r->position == segment->start && r->segment > 0 && n > 0) {
        info->lost =
            segment->timestamp - segment[-1].timestamp - (segment->start - segment[-1].start);
        if (info->lost > 0) {
            radio_events_add(&r->events, RADIO_EVENT_OVERFLOW, info->timestamp, info->lost);
        }
    }
    size_t done = 0;
    while (done < n) {
        const size_t more = n - done < RADIO_FILE_BLOCK ? (size_t)(n - done) : RADIO_FILE_BLOCK;
        if (read_block(r, x[0] + done, more, err) != 0) {
            return -1;
        }
        done += more;
    }
    info->discontinuous = done > 0 && r->discontinuous;
    r->discontinuous = r->discontinuous && done == 0;
    if (r->recorder == NULL) {
        atomic_store(&r->now, info->timestamp + done);
    }
    return (ssize_t)done;
}
