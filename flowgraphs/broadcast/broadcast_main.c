/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-broadcast: one access point, many users, on the air (docs/FEDERATED.md, "On the air").
 */
#include "broadcast.h"

#include "program.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *help;
    int (*run)(int argc, char *const argv[]);
} words[] = {
    {"ap", "LATENTS    sends latents and aligns its users", broadcast_ap_main},
    {"user", "LATENTS    receives them", broadcast_user_main},
    {"live", "[LATENTS …] starts an air, an access point and users; NMSE before and after",
     broadcast_live_main},
    {"loss", "           what a measured channel costs against the true one", broadcast_loss_main},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(argv[1], words[i].name) == 0) {
            return words[i].run(argc - 1, argv + 1);
        }
    }
    const int asked = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    FILE *out = asked ? stdout : stderr;
    fprintf(out, "semradio-broadcast: one access point sends latents to many users\n\n");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        fprintf(out, "  semradio-broadcast %-5s%s  (%s --help)\n", words[i].name, words[i].help,
                words[i].name);
    }
    return asked ? PROGRAM_OK : PROGRAM_USAGE;
}
