/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hub.adapt=auto beside fixed design SNRs over a ramp, by the script that makes the table of
 * docs/ADAPTERS.md, small: image32, 32 pictures of CIFAR-10, steps of 2.5 dB.
 *
 *     system_test_control_ladder_long [FILE]       a batch of CIFAR-10
 */
#include "control_daemons.h"

/* Pictures of the kind that image32's modes are made for. */
static const char *pictures = SEMRADIO_SOURCE_DIR "/../shared/data/cifar10/test_dev.bin.xz";

static int run(const char *choices, const char *tolerance, const char *folder)
{
    char command[1024];
    snprintf(command, sizeof command,
             "PICTURES=32 ROUNDS=1 STEP=2.5 CHOICES='%s' TOLERANCE=%s SEMRADIO_BIN=%s "
             "%s/alignment/figures/ladder.sh %s image32 cifar10:%s >&2",
             choices, tolerance, SEMRADIO_BIN_DIR, SEMRADIO_SOURCE_DIR, in_work("%s", folder),
             pictures);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_ramp(void)
{
    CHECK_INT(run("base@0 base@10 base@25", "0.1", "ramp"), 0);
    char *changes = text_of(in_work("ramp/auto.changes"));
    CHECK_INT(atoi(changes), 11); /* each of six rungs up, each of five down: none comes back */
    free(changes);
    /* The script notices a shortfall: against these figures nothing is 5 dB better. */
    CHECK_INT(run("base@0 base@10 base@25", "-5", "ramp"), 1);
}

static const check_test_t tests[] = {
    {"auto is level with the best fixed design SNR in every bin, and does not flap", test_ramp},
};

int main(int argc, char **argv)
{
    pictures = argc > 1 ? argv[1] : pictures;
    if (access(pictures, R_OK) != 0) {
        fprintf(stderr, "skipped: there is no %s\n", pictures);
        return 77;
    }
    return daemons_run("control_ladder", tests, CHECK_COUNT(tests));
}
