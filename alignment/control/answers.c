/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/answers.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t id; /* 0: free */
    char *text;  /* NULL: pending */
} kept_t;

typedef struct {
    char session[SESSION_LENGTH + 1]; /* "": free */
    uint64_t newest, used;            /* largest id; when it was last asked for */
    kept_t kept[ANSWERS_KEPT];
} client_t;

struct answers {
    client_t clients[ANSWERS_SESSIONS];
    uint64_t turn;
    size_t bytes;
};

answers_t *answers_create(err_t *err)
{
    answers_t *answers = calloc(1, sizeof *answers);
    if (answers == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the answers of a control server");
    }
    return answers;
}

static void drop(answers_t *answers, kept_t *kept)
{
    if (kept->text != NULL) {
        answers->bytes -= strlen(kept->text) + 1;
        free(kept->text);
    }
    *kept = (kept_t){0, NULL};
}

void answers_destroy(answers_t *answers)
{
    if (answers != NULL) {
        for (int c = 0; c < ANSWERS_SESSIONS; c++) {
            for (int i = 0; i < ANSWERS_KEPT; i++) {
                free(answers->clients[c].kept[i].text);
            }
        }
        free(answers);
    }
}

/* The session's place; a new one takes that of the longest unused. */
static client_t *client_of(answers_t *answers, const char *session)
{
    client_t *oldest = &answers->clients[0];
    for (int c = 0; c < ANSWERS_SESSIONS; c++) {
        client_t *client = &answers->clients[c];
        if (strcmp(client->session, session) == 0) {
            return client;
        }
        if (client->used < oldest->used) {
            oldest = client;
        }
    }
    for (int i = 0; i < ANSWERS_KEPT; i++) {
        drop(answers, &oldest->kept[i]);
    }
    memset(oldest, 0, sizeof *oldest);
    strcpy(oldest->session, session);
    return oldest;
}

answers_found_t answers_find(answers_t *answers, const char *session, uint64_t id,
                             const char **text)
{
    client_t *client = client_of(answers, session);
    client->used = ++answers->turn;
    kept_t *kept = &client->kept[id % ANSWERS_KEPT];
    if (kept->id == id) {
        *text = kept->text;
        return kept->text != NULL ? ANSWERS_KNOWN : ANSWERS_PENDING;
    }
    if (kept->id > id || id + ANSWERS_KEPT <= client->newest) {
        return ANSWERS_REPLAYED;
    }
    drop(answers, kept);
    kept->id = id;
    client->newest = id > client->newest ? id : client->newest;
    return ANSWERS_NEW;
}

/* Texts go, ids stay: a repeat of those is refused as a replay, never carried out again. */
static void make_room(answers_t *answers, size_t bytes)
{
    while (answers->bytes + bytes > ANSWERS_BYTES) {
        client_t *oldest = NULL;
        for (int c = 0; c < ANSWERS_SESSIONS; c++) {
            client_t *client = &answers->clients[c];
            bool holds = false;
            for (int i = 0; i < ANSWERS_KEPT && !holds; i++) {
                holds = client->kept[i].text != NULL;
            }
            if (holds && (oldest == NULL || client->used < oldest->used)) {
                oldest = client;
            }
        }
        if (oldest == NULL) {
            return;
        }
        for (int i = 0; i < ANSWERS_KEPT; i++) {
            const uint64_t id = oldest->kept[i].id;
            drop(answers, &oldest->kept[i]);
            oldest->kept[i].id = id == 0 ? 0 : id + ANSWERS_KEPT;
        }
    }
}

void answers_keep(answers_t *answers, const char *session, uint64_t id, const char *text)
{
    client_t *client = client_of(answers, session);
    kept_t *kept = &client->kept[id % ANSWERS_KEPT];
    if (kept->id != id || kept->text != NULL) {
        return; /* made room for a newer one meanwhile */
    }
    const size_t bytes = strlen(text) + 1;
    make_room(answers, bytes);
    if (kept->id == id && (kept->text = strdup(text)) != NULL) {
        answers->bytes += bytes;
    }
}

size_t answers_bytes(const answers_t *answers)
{
    return answers->bytes;
}
