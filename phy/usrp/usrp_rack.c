/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "usrp/usrp_rack.h"

#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    usrp_t *usrp;
    usrp_config_t config;
} place_t;

struct usrp_rack {
    place_t place[USRP_RACK_MOST];
    int count;
};

static int add(usrp_rack_t *rack, const char *text, const char *air, double rate_hz, err_t *err)
{
    if (rack->count == USRP_RACK_MOST) {
        return err_set(err, ERR_ARGUMENT, "%s: no more than %d virtual USRPs fit in an air", text,
                       USRP_RACK_MOST);
    }
    place_t *place = &rack->place[rack->count];
    if (usrp_config_parse(text, &place->config, err) < 0) {
        return -1;
    }
    place->usrp = usrp_create(&place->config, air, rate_hz, err);
    if (place->usrp == NULL) {
        return -1;
    }
    rack->count++;
    return usrp_start(place->usrp, err);
}

usrp_rack_t *usrp_rack_create(const char *radios, const char *air, double rate_hz, err_t *err)
{
    usrp_rack_t *rack = calloc(1, sizeof *rack);
    char *copy = strdup(radios), *save = NULL;
    if (rack == NULL || copy == NULL) {
        err_set(err, ERR_MEMORY, "no memory for virtual USRPs");
        free(rack);
        free(copy);
        return NULL;
    }
    for (const char *word = strtok_r(copy, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        if (add(rack, word, air, rate_hz, err) < 0) {
            usrp_rack_destroy(rack);
            free(copy);
            return NULL;
        }
    }
    for (int i = 0; i < rack->count; i++) {
        log_info("virtual USRP at addr=%s, serial %s", rack->place[i].config.address,
                 rack->place[i].config.serial);
    }
    free(copy);
    return rack;
}

static void say(const place_t *place)
{
    const usrp_counts_t c = usrp_counts(place->usrp);
    log_info("usrp:%s: %llu packets to the host, %llu from it; lost on purpose %llu and %llu; "
             "overflows %llu, late %llu, underflows %llu, sequence errors %llu, malformed %llu, "
             "refused %llu",
             place->config.address, (unsigned long long)c.rx_packets,
             (unsigned long long)c.tx_packets, (unsigned long long)c.rx_lost,
             (unsigned long long)c.tx_lost, (unsigned long long)c.overflows,
             (unsigned long long)c.late, (unsigned long long)c.underflows,
             (unsigned long long)c.sequence_errors, (unsigned long long)c.malformed,
             (unsigned long long)c.refused);
}

void usrp_rack_destroy(usrp_rack_t *rack)
{
    if (rack == NULL) {
        return;
    }
    for (int i = 0; i < rack->count; i++) {
        usrp_stop(rack->place[i].usrp);
        say(&rack->place[i]);
        usrp_destroy(rack->place[i].usrp);
    }
    free(rack);
}

int usrp_rack_join_arguments(int argc, char **argv, char *joined, size_t size)
{
    static const char word[] = "--radio";
    const size_t length = strlen(word);
    int kept = 0, first = -1;
    size_t used = 0;
    for (int i = 0; i < argc; i++) {
        const char *value = NULL;
        int words = 1;
        if (strncmp(argv[i], word, length) == 0 && argv[i][length] == '=') {
            value = argv[i] + length + 1;
        } else if (strcmp(argv[i], word) == 0 && i + 1 < argc) {
            value = argv[i + 1];
            words = 2;
        }
        if (value == NULL || used + length + strlen(value) + 2 >= size) {
            argv[kept++] = argv[i];
            continue;
        }
        if (first < 0) {
            first = kept;
            used = (size_t)snprintf(joined, size, "%s=%s", word, value);
            argv[kept++] = joined;
        } else {
            used += (size_t)snprintf(joined + used, size - used, " %s", value);
        }
        i += words - 1;
    }
    return kept;
}
