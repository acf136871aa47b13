/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "usrp/usrp.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *key;
    size_t offset;
    double least, most;
} number_t;

static const number_t numbers[] = {
    {"loss", offsetof(usrp_config_t, loss), 0, 1},
    {"run", offsetof(usrp_config_t, run), 1, 1000},
    {"late", offsetof(usrp_config_t, late), 0, 1},
    {"overflow", offsetof(usrp_config_t, overflow_s), 0, 1e6},
    {"ppm", offsetof(usrp_config_t, clock_ppm), -200, 200},
    {"txref", offsetof(usrp_config_t, tx_ref_db), -200, 200},
    {"rxref", offsetof(usrp_config_t, rx_ref_db), -200, 200},
    {"txdc", offsetof(usrp_config_t, tx_mixer.dc_db), -200, 0},
    {"txiqgain", offsetof(usrp_config_t, tx_mixer.iq_gain_db), -20, 20},
    {"txiqphase", offsetof(usrp_config_t, tx_mixer.iq_phase_deg), -45, 45},
    {"rxdc", offsetof(usrp_config_t, rx_mixer.dc_db), -200, 0},
    {"rxiqgain", offsetof(usrp_config_t, rx_mixer.iq_gain_db), -20, 20},
    {"rxiqphase", offsetof(usrp_config_t, rx_mixer.iq_phase_deg), -45, 45},
};

static int read_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value) ? 0 : -1;
}

static int set_text(char *to, size_t size, const char *key, const char *value, err_t *err)
{
    if (value[0] == '\0' || strlen(value) >= size ||
        strspn(value, "0123456789abcdefghijklmnopqrst"
                      "uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "_-") != strlen(value)) {
        return err_set(err, ERR_ARGUMENT, "%s = \"%s\" is not 1 to %zu letters and digits", key,
                       value, size - 1);
    }
    strcpy(to, value); /* its length was checked */
    return 0;
}

static int set_flag(bool *flag, const char *key, const char *value, err_t *err)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0) {
        return err_set(err, ERR_ARGUMENT, "%s = \"%s\" is neither 0 nor 1", key, value);
    }
    *flag = value[0] == '1';
    return 0;
}

static int set(usrp_config_t *config, const char *key, const char *value, err_t *err)
{
    double number;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].key, key) == 0) {
            if (read_number(value, &number) < 0 ||
                !(number >= numbers[i].least && number <= numbers[i].most)) {
                return err_set(err, ERR_ARGUMENT, "%s = \"%s\" is not a number from %g to %g", key,
                               value, numbers[i].least, numbers[i].most);
            }
            *(double *)((char *)config + numbers[i].offset) = number;
            return 0;
        }
    }
    if (strcmp(key, "serial") == 0) {
        return set_text(config->serial, sizeof config->serial, key, value, err);
    }
    if (strcmp(key, "name") == 0) {
        return set_text(config->name, sizeof config->name, key, value, err);
    }
    if (strcmp(key, "pps") == 0) {
        return set_flag(&config->pps, key, value, err);
    }
    if (strcmp(key, "lock") == 0) {
        return set_flag(&config->lock, key, value, err);
    }
    if (strcmp(key, "seed") == 0) {
        if (read_number(value, &number) < 0 || number < 0 || number > 9e15) {
            return err_set(err, ERR_ARGUMENT, "seed = \"%s\" is not a number from 0 to 9e15",
                           value);
        }
        config->seed = (uint64_t)number;
        return 0;
    }
    return err_set(
        err, ERR_ARGUMENT,
        "\"%s\" is not one of serial, name, loss, run, late, overflow, ppm, txref, rxref, "
        "txdc, txiqgain, txiqphase, rxdc, rxiqgain, rxiqphase, pps, lock, seed",
        key);
}

static int set_address(usrp_config_t *config, const char *text, err_t *err)
{
    struct in_addr address;
    if (strlen(text) >= sizeof config->address || inet_pton(AF_INET, text, &address) != 1 ||
        ntohl(address.s_addr) >> 24 != 127) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" is not a loopback address like 127.0.0.2", text);
    }
    const uint32_t host = ntohl(address.s_addr);
    strcpy(config->address, text);
    /* As the real ones: letters and digits, different for each. */
    snprintf(config->serial, sizeof config->serial, "E%05XV", host & 0xfffffu);
    config->seed = host;
    return 0;
}

int usrp_config_parse(const char *text, usrp_config_t *config, err_t *err)
{
    char copy[256], *save = NULL;
    static const char scheme[] = "usrp:";
    *config = (usrp_config_t){
        .run = 1, .tx_mixer.dc_db = -200, .rx_mixer.dc_db = -200, .pps = true, .lock = true};
    if (strncmp(text, scheme, strlen(scheme)) != 0 || strlen(text) >= sizeof copy) {
        return err_set(err, ERR_ARGUMENT,
                       "\"%.100s\" is not usrp:ADDRESS[,KEY=VALUE...]: usrp:127.0.0.2,loss=0.01",
                       text);
    }
    strcpy(copy, text + strlen(scheme));
    const char *word = strtok_r(copy, ",", &save);
    if (set_address(config, word != NULL ? word : "", err) < 0) {
        return err_prefix(err, "%s", text);
    }
    while ((word = strtok_r(NULL, ",", &save)) != NULL) {
        char *equals = strchr(word, '=');
        if (equals == NULL) {
            return err_set(err, ERR_ARGUMENT, "%s: \"%s\" is not KEY=VALUE", text, word);
        }
        *equals = '\0';
        if (set(config, word, equals + 1, err) < 0) {
            return err_prefix(err, "%s", text);
        }
    }
    return 0;
}
