/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pair comes from libzmq (libsodium's generator).  Files appear whole or not at all. */
#include "control/keys.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { FILE_LIMIT = 1 << 20 };

static bool is_key(const char *text, size_t length)
{
    char copy[KEY_SIZE];
    uint8_t bytes[32];
    if (length != KEY_SIZE - 1) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = 0;
    return zmq_z85_decode(bytes, copy) != NULL;
}

/* A new file with this mode: link() refuses to replace one that is there. */
static int write_new(const char *path, const char *text, mode_t mode, err_t *err)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        return err_set(err, ERR_MEMORY, "no memory to write %s", path);
    }
    const size_t length = strlen(text);
    const int fd = mkstemp(temporary); /* 0600 */
    int reason = fd < 0 ? errno : 0;
    if (fd >= 0) {
        errno = 0;
        if (write(fd, text, length) != (ssize_t)length || fchmod(fd, mode) != 0 || fsync(fd) != 0 ||
            link(temporary, path) != 0) {
            reason = errno != 0 ? errno : EIO;
        }
        close(fd);
        unlink(temporary);
    }
    free(temporary);
    if (reason == EEXIST) {
        return err_set(err, ERR_STATE, "%s is there already: keys are never overwritten", path);
    }
    return reason == 0 ? 0 : err_set_errno(err, reason, "cannot write %s", path);
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

int keys_make(const char *path, key_pair_t *pair, err_t *err)
{
    char text[256], open_path[4096];
    if (*name_of(path) == 0 || strlen(path) > sizeof open_path - 8 || strlen(name_of(path)) > 100) {
        return err_set(err, ERR_ARGUMENT, "\"%.80s\" is no name for a key", path);
    }
    if (zmq_curve_keypair(pair->open, pair->secret) != 0) {
        return err_set(err, ERR_UNSUPPORTED, "this libzmq has no CURVE");
    }
    snprintf(text, sizeof text,
             "# semradio control key: keep this file secret\npublic %s\nsecret %s\n", pair->open,
             pair->secret);
    int code = write_new(path, text, 0600, err);
    if (code == 0) {
        snprintf(open_path, sizeof open_path, "%s.pub", path);
        snprintf(text, sizeof text, "%s %s\n", pair->open, name_of(path));
        code = write_new(open_path, text, 0644, err);
        if (code != 0) {
            unlink(path); /* half a pair is none */
        }
    }
    sodium_memzero(text, sizeof text);
    return code;
}

static int read_pair(const char *text, const char *path, key_pair_t *pair, err_t *err)
{
    char word[16], key[64];
    bool open = false, secret = false;
    for (const char *line = text; line != NULL && *line != 0;) {
        if (*line != '#' && sscanf(line, "%15s %63s", word, key) == 2 && is_key(key, strlen(key))) {
            if (strcmp(word, "public") == 0) {
                strcpy(pair->open, key);
                open = true;
            } else if (strcmp(word, "secret") == 0) {
                strcpy(pair->secret, key);
                secret = true;
            }
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    sodium_memzero(key, sizeof key);
    char expected[KEY_SIZE] = "";
    if (!open || !secret || zmq_curve_public(expected, pair->secret) != 0 ||
        strcmp(expected, pair->open) != 0) {
        return err_set(err, ERR_FORMAT, "%s is not a key pair of semradio-align keys", path);
    }
    return 0;
}

int keys_load(const char *path, key_pair_t *pair, err_t *err)
{
    struct stat status;
    uint8_t *text;
    size_t size;
    if (stat(path, &status) != 0) {
        return err_set_errno(err, errno, "cannot read the key %s", path);
    }
    if ((status.st_mode & 077) != 0) {
        return err_set(err, ERR_STATE, "others may read the key %s: chmod 600 %s", path, path);
    }
    if (file_read_all(path, FILE_LIMIT, &text, &size, err) != 0) {
        return -1;
    }
    const int code = read_pair((const char *)text, path, pair, err);
    sodium_memzero(text, size);
    free(text);
    return code;
}

/* The next key of a list: its 40 letters, *at behind its line.  NULL at the end; *bad counts lines
   that are neither key, comment nor empty. */
static const char *next_key(const char **at, int *bad)
{
    while (**at != 0) {
        const char *line = *at + strspn(*at, " \t\r");
        const size_t length = strcspn(line, "\n"), word = strcspn(line, " \t\r\n");
        *at = line + length + (line[length] == '\n');
        if (is_key(line, word)) {
            return line;
        }
        *bad += !(word == 0 || (word == 1 && *line == '#'));
    }
    return NULL;
}

int keys_public(const char *text, char open[KEY_SIZE], err_t *err)
{
    uint8_t *list;
    size_t size;
    if (is_key(text, strlen(text))) {
        strcpy(open, text);
        return 0;
    }
    if (file_read_all(text, FILE_LIMIT, &list, &size, err) != 0) {
        return err_prefix(err, "a public key is 40 letters or a .pub file");
    }
    const char *at = (const char *)list;
    int bad = 0;
    const char *key = next_key(&at, &bad);
    if (key != NULL) {
        memcpy(open, key, KEY_SIZE - 1);
        open[KEY_SIZE - 1] = 0;
    }
    free(list);
    return key != NULL ? 0 : err_set(err, ERR_FORMAT, "%s holds no public key", text);
}

void keys_wipe(key_pair_t *pair)
{
    sodium_memzero(pair, sizeof *pair);
}

bool keys_allowed(const char *path, const char open[KEY_SIZE], bool *broken)
{
    uint8_t *list;
    size_t size;
    *broken = file_read_all(path, FILE_LIMIT, &list, &size, NULL) != 0;
    if (*broken) {
        return false;
    }
    const char *at = (const char *)list, *key;
    int bad = 0;
    bool found = false;
    while (!found && (key = next_key(&at, &bad)) != NULL) {
        found = memcmp(key, open, KEY_SIZE - 1) == 0;
    }
    free(list);
    return found;
}

int keys_check_list(const char *path, err_t *err)
{
    uint8_t *list;
    size_t size;
    if (file_read_all(path, FILE_LIMIT, &list, &size, err) != 0) {
        return -1;
    }
    const char *at = (const char *)list;
    int bad = 0, good = 0;
    while (next_key(&at, &bad) != NULL) {
        good++;
    }
    free(list);
    if (bad > 0 || good == 0) {
        return err_set(err, ERR_FORMAT, "%s: %d public keys and %d lines that are none", path, good,
                       bad);
    }
    return 0;
}
