/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usrp_rack: all virtual USRPs of one air, as semradio-air's command line names them. */
#ifndef USRP_USRP_RACK_H
#define USRP_USRP_RACK_H

#include "usrp/usrp.h"

#include <stddef.h>

#define USRP_RACK_MOST 7 /* and one place in the air for somebody else */

typedef struct usrp_rack usrp_rack_t;

/* `radios`: "usrp:127.0.0.2,loss=0.01 usrp:127.0.0.3", with spaces between; "": none.  They run
   from now on.  NULL with the errors of usrp_config_parse and usrp_create. */
usrp_rack_t *usrp_rack_create(const char *radios, const char *air, double rate_hz, err_t *err);

/* Stops all and logs what happened to each.  NULL is fine. */
void usrp_rack_destroy(usrp_rack_t *rack);

/*
 * An option given twice keeps its last value, but `--radio A --radio B` (or `--radio=A …`) means
 * both: makes it one `--radio=A B` within argv and returns the new argc.  `joined` holds that word
 * and must live as long as argv; what does not fit is left as it is.
 */
int usrp_rack_join_arguments(int argc, char **argv, char *joined, size_t size);

#endif
