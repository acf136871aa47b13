/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crew/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[16] = "semradio-ledger";

typedef struct {
    char magic[16];
    uint64_t sent, starts;
    ledger_entry_t entry[LEDGER_ENTRIES + 1]; /* the last: all others */
} page_t;

struct ledger {
    int fd;
    page_t *page;
};

static int map(ledger_t *ledger, const char *path, err_t *err)
{
    struct stat status;
    ledger->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (ledger->fd < 0 || fstat(ledger->fd, &status) != 0) {
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    if (flock(ledger->fd, LOCK_EX | LOCK_NB) != 0) {
        return err_set(err, ERR_STATE, "%s: another agent has this folder", path);
    }
    if (status.st_size != 0 && status.st_size != (off_t)sizeof(page_t)) {
        return err_set(err, ERR_FORMAT, "%s is not an agent's ledger", path);
    }
    /* Written, not just made longer: on a full disk a hole would be a SIGBUS later. */
    const int code = posix_fallocate(ledger->fd, 0, (off_t)sizeof(page_t));
    if (code != 0) {
        return err_set_errno(err, code, "cannot write %s", path);
    }
    void *page = mmap(NULL, sizeof(page_t), PROT_READ | PROT_WRITE, MAP_SHARED, ledger->fd, 0);
    if (page == MAP_FAILED) {
        return err_set_errno(err, errno, "cannot map %s", path);
    }
    ledger->page = page;
    if (status.st_size == 0) {
        memcpy(ledger->page->magic, magic, sizeof magic);
    }
    if (memcmp(ledger->page->magic, magic, sizeof magic) != 0) {
        return err_set(err, ERR_FORMAT, "%s is not an agent's ledger", path);
    }
    for (int i = 0; i <= LEDGER_ENTRIES; i++) {
        ledger->page->entry[i].name[LEDGER_NAME - 1] = 0;
    }
    return 0;
}

ledger_t *ledger_open(const char *path, err_t *err)
{
    ledger_t *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a ledger");
        return NULL;
    }
    ledger->fd = -1;
    if (map(ledger, path, err) != 0) {
        ledger_close(ledger);
        return NULL;
    }
    return ledger;
}

void ledger_close(ledger_t *ledger)
{
    if (ledger == NULL) {
        return;
    }
    if (ledger->page != NULL) {
        munmap(ledger->page, sizeof(page_t));
    }
    if (ledger->fd >= 0) {
        close(ledger->fd);
    }
    free(ledger);
}

static ledger_entry_t *find(page_t *page, const char *name)
{
    for (int i = 0; i < LEDGER_ENTRIES; i++) {
        ledger_entry_t *entry = &page->entry[i];
        if (entry->name[0] == 0) {
            snprintf(entry->name, LEDGER_NAME, "%s", name);
        }
        if (strncmp(entry->name, name, LEDGER_NAME - 1) == 0) {
            return entry;
        }
    }
    snprintf(page->entry[LEDGER_ENTRIES].name, LEDGER_NAME, "(others)");
    return &page->entry[LEDGER_ENTRIES];
}

void ledger_received(ledger_t *ledger, const char *from, int keep, uint64_t bytes)
{
    ledger_entry_t *entry = find(ledger->page, from);
    *(keep ? &entry->planned : &entry->used) += bytes;
}

void ledger_sent(ledger_t *ledger, uint64_t bytes)
{
    ledger->page->sent += bytes;
}

void ledger_started(ledger_t *ledger)
{
    ledger->page->starts++;
}

uint64_t ledger_sent_bytes(const ledger_t *ledger)
{
    return ledger->page->sent;
}

uint64_t ledger_starts(const ledger_t *ledger)
{
    return ledger->page->starts;
}

const ledger_entry_t *ledger_at(const ledger_t *ledger, int index)
{
    return index >= 0 && index <= LEDGER_ENTRIES && ledger->page->entry[index].name[0] != 0
               ? &ledger->page->entry[index]
               : NULL;
}
