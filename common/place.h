/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place: where that lies which comes with the programs: weights, recipes, campaigns, the live page.
 *
 *     folder        in the sources         installed below PREFIX/share/semradio
 *     "models"      semantic/models        models
 *     "recipes"     semantic/recipes       recipes
 *     "campaigns"   flowgraphs/campaigns   campaigns
 *     "live"        rx/live/page           live
 *
 * The environment's SEMRADIO_DATA names the folder that stands for PREFIX/share/semradio.  Without
 * it, it is ../share/semradio beside the folder of the running program, so that an installation may
 * be moved as a whole; where there is none, the program was built here and the sources are meant.
 */
#ifndef COMMON_PLACE_H
#define COMMON_PLACE_H

#include <stddef.h>

/*
 * Writes the path of `name` in one of the folders above (name "": of the folder itself) and returns
 * it.  The file need not exist; a path longer than `size` is cut and then does not.
 */
const char *place_path(char *path, size_t size, const char *folder, const char *name);

#endif
