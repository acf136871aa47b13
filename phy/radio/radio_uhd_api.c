/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_uhd_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

static radio_uhd_api_t api;
static err_t failure = ERR_INIT;

static void load(void)
{
    /* The C API reports what happened; letters and banners on the terminal are ours to print. */
    setenv("UHD_LOG_FASTPATH_DISABLE", "1", 0);
    setenv("UHD_LOG_CONSOLE_LEVEL", "fatal", 0);
    if (!radio_uhd_send_is_exported()) {
        err_set(&failure, ERR_UNSUPPORTED,
                "this program does not export send(), without which UHD ends it when a USRP goes "
                "(-Wl,--export-dynamic-symbol=send)");
        return;
    }
    void *library = dlopen(SEMRADIO_UHD_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        err_set(&failure, ERR_UNSUPPORTED, "radio=uhd needs the package libuhd: %s", dlerror());
        return;
    }
#define RADIO_UHD_LOAD(name)                                                                       \
    *(void **)&api.name = dlsym(library, "uhd_" #name);                                            \
    if (api.name == NULL) {                                                                        \
        err_set(&failure, ERR_UNSUPPORTED, "%s has no uhd_" #name, SEMRADIO_UHD_LIBRARY);          \
    }
    RADIO_UHD_CALLS(RADIO_UHD_LOAD)
}

const radio_uhd_api_t *radio_uhd_api(err_t *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (failure.code != ERR_NONE) {
        err_set(err, failure.code, "%s", failure.text);
        return NULL;
    }
    return &api;
}
