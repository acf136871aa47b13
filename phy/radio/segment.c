/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/segment_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, NAME_MAX_LENGTH = 64, PATH_LENGTH = 128 };

int segment_check_name(const char *name, err_t *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    const size_t length = strlen(name);
    if (length < 1 || length > NAME_MAX_LENGTH || strspn(name, allowed) != length ||
        name[0] == '.') {
        return err_set(err, ERR_ARGUMENT,
                       "\"%.80s\" is no name for an air: 1 to %d letters, digits, _ . -", name,
                       NAME_MAX_LENGTH);
    }
    return 0;
}

static void path_of(const char *name, char path[PATH_LENGTH])
{
    snprintf(path, PATH_LENGTH, "/semradio.%u.%s", (unsigned)geteuid(), name);
}

static size_t header_bytes(void)
{
    return (sizeof(segment_header_t) + PAGE - 1) / PAGE * PAGE;
}

static size_t slot_bytes(uint64_t tx_samples, uint64_t rx_samples)
{
    return (size_t)(tx_samples + rx_samples) * sizeof(float complex);
}

static bool ring_size_is_good(uint64_t samples)
{
    return samples >= SEGMENT_MIN_RING && samples <= SEGMENT_MAX_RING &&
           (samples & (samples - 1)) == 0;
}

static void find_rings(segment_t *segment)
{
    char *at = (char *)segment->header + header_bytes();
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        segment->tx[i] = (float complex *)(void *)at;
        at += segment->tx_samples * sizeof(float complex);
        segment->rx[i] = (float complex *)(void *)at;
        at += segment->rx_samples * sizeof(float complex);
    }
}

/* Ours, and for us alone: everything else is somebody's trap or accident. */
static int check_owner(int fd, const char *path, struct stat *status, err_t *err)
{
    if (fstat(fd, status) != 0) {
        return err_set_errno(err, errno, "cannot look at the shared memory %s", path);
    }
    if (status->st_uid != geteuid() || (status->st_mode & 0077) != 0) {
        return err_set(err, ERR_FORMAT,
                       "the shared memory %s belongs to another user or is open to others "
                       "(owner %u, mode %o)",
                       path, (unsigned)status->st_uid, (unsigned)status->st_mode & 0777u);
    }
    return 0;
}

/* An existing segment: an error when its air lives, else removed. */
static int remove_stale(const char *path, const char *name, err_t *err)
{
    const int fd = shm_open(path, O_RDWR, 0);
    if (fd < 0) {
        return errno == ENOENT ? 0
                               : err_set_errno(err, errno, "cannot open the shared memory %s", path);
    }
    struct stat status;
    int result = check_owner(fd, path, &status, err);
    if (result == 0 && segment_lock_held(fd, 0)) {
        result = err_set(err, ERR_STATE, "an air named \"%s\" is already running", name);
    }
    if (result == 0) {
        (void)shm_unlink(path);
    }
    close(fd);
    return result;
}

static int open_new(const char *path, const char *name, bool *replaced, err_t *err)
{
    *replaced = false;
    for (int attempt = 0; attempt < 3; attempt++) {
        const int fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0) {
            struct stat status;
            const bool mine = segment_lock_take(fd, 0);
            if (mine && fstat(fd, &status) == 0 && status.st_nlink > 0) {
                return fd;
            }
            close(fd); /* another air took it for stale before the lock was there */
            if (!mine) {
                return err_set(err, ERR_STATE, "another air named \"%s\" is starting", name);
            }
            continue;
        }
        if (errno != EEXIST) {
            return err_set_errno(err, errno, "cannot make the shared memory %s", path);
        }
        if (remove_stale(path, name, err) < 0) {
            return -1;
        }
        *replaced = true;
    }
    return err_set(err, ERR_STATE, "cannot make the shared memory %s: others make it too", path);
}

static int map(segment_t *segment, const char *path, err_t *err)
{
    void *base = mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
    if (base == MAP_FAILED) {
        return err_set_errno(err, errno, "cannot map the shared memory %s", path);
    }
    segment->header = base;
    find_rings(segment);
    return 0;
}

int segment_create(segment_t *segment, const char *name, const segment_shape_t *shape,
                   bool *replaced, err_t *err)
{
    char path[PATH_LENGTH];
    if (segment_check_name(name, err) < 0) {
        return -1;
    }
    if (!ring_size_is_good(shape->tx_samples) || !ring_size_is_good(shape->rx_samples)) {
        return err_set(err, ERR_ARGUMENT, "ring sizes must be powers of two from %llu to %llu",
                       (unsigned long long)SEGMENT_MIN_RING, (unsigned long long)SEGMENT_MAX_RING);
    }
    path_of(name, path);
    *segment = (segment_t){.fd = open_new(path, name, replaced, err),
                           .tx_samples = shape->tx_samples,
                           .rx_samples = shape->rx_samples,
                           .rate_hz = shape->rate_hz};
    if (segment->fd < 0) {
        return -1;
    }
    segment->size =
        header_bytes() + SEGMENT_SLOTS * slot_bytes(shape->tx_samples, shape->rx_samples);
    int failure = ftruncate(segment->fd, (off_t)segment->size) == 0 ? 0 : errno;
    if (failure == 0) { /* no SIGBUS later: a full /dev/shm is an error now */
        failure = posix_fallocate(segment->fd, 0, (off_t)header_bytes());
    }
    if (failure != 0 || map(segment, path, err) < 0) {
        if (failure != 0) {
            err_set_errno(err, failure, "no room for the shared memory %s", path);
        }
        close(segment->fd);
        (void)shm_unlink(path);
        return -1;
    }
    segment_header_t *header = segment->header;
    header->version = SEGMENT_VERSION;
    header->slots = SEGMENT_SLOTS;
    header->total_bytes = segment->size;
    header->tx_samples = shape->tx_samples;
    header->rx_samples = shape->rx_samples;
    header->rate_hz = shape->rate_hz;
    atomic_store(&header->pid, (uint32_t)getpid());
    atomic_store(&header->state, SEGMENT_RUNNING);
    atomic_store(&header->magic, SEGMENT_MAGIC);
    return 0;
}

void segment_destroy(segment_t *segment, const char *name)
{
    char path[PATH_LENGTH];
    path_of(name, path);
    atomic_store(&segment->header->state, SEGMENT_CLOSED);
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        wake_signal(&segment->header->slot[i].rx.readable);
        wake_signal(&segment->header->slot[i].tx.writable);
    }
    (void)shm_unlink(path); /* while the lock is held: nobody else's can be there */
    segment_detach(segment);
}

/* The header's promises against the file's true size. */
static int check_header(const segment_header_t *header, off_t file_size, const char *path,
                        segment_t *segment, err_t *err)
{
    const segment_shape_t shape = {header->tx_samples, header->rx_samples, header->rate_hz};
    if (header->version != SEGMENT_VERSION) {
        return err_set(err, ERR_FORMAT, "%s is version %u of the shared memory, this program's is %u",
                       path, header->version, SEGMENT_VERSION);
    }
    if (header->slots != SEGMENT_SLOTS || !ring_size_is_good(shape.tx_samples) ||
        !ring_size_is_good(shape.rx_samples) || !(shape.rate_hz >= 1e3 && shape.rate_hz <= 1e9)) {
        return err_set(err, ERR_FORMAT, "the header of the shared memory %s is damaged", path);
    }
    segment->size =
        header_bytes() + SEGMENT_SLOTS * slot_bytes(shape.tx_samples, shape.rx_samples);
    if (header->total_bytes != segment->size || file_size != (off_t)segment->size) {
        return err_set(err, ERR_FORMAT, "the shared memory %s has %lld bytes, its header says %zu",
                       path, (long long)file_size, segment->size);
    }
    segment->tx_samples = shape.tx_samples;
    segment->rx_samples = shape.rx_samples;
    segment->rate_hz = shape.rate_hz;
    return 0;
}

static int no_air(err_t *err, const char *name)
{
    return err_set(err, ERR_TIMEOUT,
                   "no air named \"%s\" is running: start it with `semradio-air --air.name=%s`", name,
                   name);
}

static int attach_open(segment_t *segment, const char *path, const char *name, err_t *err)
{
    struct stat status;
    if (check_owner(segment->fd, path, &status, err) < 0) {
        return -1;
    }
    if (status.st_size < (off_t)header_bytes()) {
        return status.st_size == 0 ? no_air(err, name) /* being made */
                                   : err_set(err, ERR_FORMAT,
                                             "the shared memory %s is too short: %lld bytes", path,
                                             (long long)status.st_size);
    }
    segment_header_t *header =
        mmap(NULL, header_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
    if (header == MAP_FAILED) {
        return err_set_errno(err, errno, "cannot map the shared memory %s", path);
    }
    int result;
    const uint64_t magic = atomic_load(&header->magic);
    if (magic == 0) {
        result = no_air(err, name); /* being made */
    } else if (magic != SEGMENT_MAGIC) {
        result = err_set(err, ERR_FORMAT, "the shared memory %s was not made by semradio-air", path);
    } else {
        result = check_header(header, status.st_size, path, segment, err);
    }
    if (result == 0 && (atomic_load(&header->state) != SEGMENT_RUNNING ||
                        !segment_lock_held(segment->fd, 0))) {
        result = no_air(err, name); /* left by one that died */
    }
    munmap(header, header_bytes());
    return result == 0 ? map(segment, path, err) : -1;
}

int segment_attach(segment_t *segment, const char *name, err_t *err)
{
    char path[PATH_LENGTH];
    if (segment_check_name(name, err) < 0) {
        return -1;
    }
    path_of(name, path);
    *segment = (segment_t){.fd = shm_open(path, O_RDWR, 0)};
    if (segment->fd < 0) {
        return errno == ENOENT ? no_air(err, name)
                               : err_set_errno(err, errno, "cannot open the shared memory %s", path);
    }
    if (attach_open(segment, path, name, err) < 0) {
        close(segment->fd);
        segment->fd = -1;
        return -1;
    }
    return 0;
}

void segment_detach(segment_t *segment)
{
    munmap(segment->header, segment->size);
    close(segment->fd); /* drops the locks */
    *segment = (segment_t){.fd = -1};
}
