/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two virtual USRPs that are wrong by option calibrate each other through UHD, by serial number. */
#include "daemons.h"

static bool have_usrp(void)
{
    program_t air = start("air", "--help");
    finish(&air, 30);
    char *help = text_of(in_work("air.out"));
    const bool have = strstr(help, "usrp:") != NULL;
    free(help);
    return have;
}

static double number(const char *serial, const char *part, const char *key)
{
    json_t *root = json_load_file(in_work("calibrations/%s.json", serial), 0, NULL);
    const double value = json_number_value(json_object_get(json_object_get(root, part), key));
    json_decref(root);
    return value;
}

static int calibrate(const char *word)
{
    program_t program = start("calibrate",
                              "%s --radio.backend=uhd --radio.address=addr=127.0.0.41 "
                              "--calibrate.receiver=addr=127.0.0.42 --radio.rate_hz=1.5625M "
                              "--calibrate.offset_hz=20k --calibrate.folder=%s",
                              word, in_work("calibrations"));
    const int code = finish(&program, 120);
    if (code != 0) {
        expect_says(&program, "nothing that it says");
    }
    return code;
}

/* -25 dBc DC (of a tone of 0.35), 1 dB / 5 degrees, and 2.5 ppm between them. */
static void test_two_usrps(void)
{
    char air_name[64];
    snprintf(air_name, sizeof air_name, "test%d-usrp", (int)getpid());
    program_t air =
        start("air",
              "--air %s --air.rate_hz=1.5625M --channel.snr_db=40 "
              "--radio usrp:127.0.0.41,serial=LEFT,ppm=1.25,txdc=-34.1,txiqgain=1,txiqphase=5 "
              "--radio usrp:127.0.0.42,serial=RIGHT,ppm=-1.25,rxdc=-34.1,rxiqgain=1,rxiqphase=5",
              air_name);
    CU_ASSERT(wait_for(&air, "serial RIGHT"));
    CHECK_INT(calibrate("measure"), 0);
    CHECK_AT_LEAST(number("LEFT", "tx", "dc_dbc"), -26);
    CHECK_NEAR(number("LEFT", "tx", "image_dbc"), -22.8, 0.3);
    CHECK_NEAR(number("RIGHT", "rx", "image_dbc"), -22.8, 0.3);
    CHECK_NEAR(number("LEFT", "pair", "clock_ppm"), 2.5, 0.05);
    CHECK_NEAR(number("LEFT", "pair", "carrier_ppm"), 2.5, 0.05);
    CHECK_INT(calibrate("verify"), 0);
    CHECK_AT_MOST(number("LEFT", "tx", "verified_dc_dbc"), -50);
    CHECK_AT_MOST(number("LEFT", "tx", "verified_image_dbc"), -50);
    CHECK_AT_MOST(number("RIGHT", "rx", "verified_dc_dbc"), -50);
    CHECK_AT_MOST(number("RIGHT", "rx", "verified_image_dbc"), -50);
    CHECK_INT(interrupt(&air), 0);
}

static const check_test_t tests[] = {
    {"two virtual USRPs, measured and corrected below -50 dBc, clock within 0.05 ppm",
     test_two_usrps},
};

int main(void)
{
    char folder[] = "/tmp/semradio-usrp-XXXXXX";
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    strcpy(work_folder, folder);
    const bool have = have_usrp();
    daemons_end(0);
    if (!have) {
        fprintf(stderr, "skipped: this semradio-air was built without virtual USRPs\n");
        return CHECK_SKIP;
    }
    strcpy(work_folder, "/tmp/semradio-daemons-XXXXXX");
    return daemons_run("calibrate_usrp", tests, CHECK_COUNT(tests));
}
