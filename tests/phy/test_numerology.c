/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "waveform/numerology.h"

static void carriers_are_what_the_design_says(void)
{
    int used[NUMEROLOGY_USED] = {0}, bins[NUMEROLOGY_FFT] = {0};
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        used[numerology_data(d)]++;
        CU_ASSERT(d == 0 || numerology_data(d) > numerology_data(d - 1));
    }
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        used[numerology_pilot(p)]++;
        CHECK_INT(numerology_pilot(p), 5 + 11 * p);
    }
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        CHECK_INT(used[u], 1);
        bins[numerology_bin(u)]++;
    }
    CHECK_INT(bins[0], 0);
    CHECK_INT(numerology_bin(0), 256 - 66);
    CHECK_INT(numerology_bin(65), 255);
    CHECK_INT(numerology_bin(66), 1);
    CHECK_INT(numerology_bin(131), 66);
    for (int k = 67; k < 190; k++) {
        CHECK_INT(bins[k], 0);
    }
}

static void gather_undoes_scatter(void)
{
    float complex used[NUMEROLOGY_USED], bins[NUMEROLOGY_FFT], back[NUMEROLOGY_USED];
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        used[u] = CMPLXF((float)u, -1.0f);
    }
    numerology_scatter(used, bins);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        CHECK_NEAR(crealf(bins[numerology_bin(u)]), u, 0);
    }
    numerology_gather(bins, back);
    CU_ASSERT(memcmp(used, back, sizeof(used)) == 0);
}

static void data_carriers_are_picked_and_placed(void)
{
    float complex used[NUMEROLOGY_USED], data[NUMEROLOGY_DATA], back[NUMEROLOGY_USED];
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        used[u] = (float)u;
        back[u] = -1.0f;
    }
    numerology_pick_data(used, data);
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        CHECK_INT((int)crealf(data[d]), numerology_data(d));
    }
    numerology_place_data(data, back);
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        CHECK_INT((int)crealf(back[numerology_pilot(p)]), -1); /* left as they were */
        back[numerology_pilot(p)] = used[numerology_pilot(p)];
    }
    CU_ASSERT(memcmp(used, back, sizeof(used)) == 0);
}

static void lengths_add_up(void)
{
    numerology_t n = numerology_default();
    CHECK_NEAR(numerology_sample_rate_hz(&n), 7.68e6, 1e-6);
    CHECK_INT(numerology_payload_symbols(1), 1);
    CHECK_INT(numerology_payload_symbols(120), 1);
    CHECK_INT(numerology_payload_symbols(121), 2);
    size_t head = 1024 + (NUMEROLOGY_KNOWN + NUMEROLOGY_HEADER) * 274;
    CHECK_INT(numerology_frame_samples(&n, 512), head + 5 * 274);
    n.retrain_every = 2; /* before payload symbols 2 and 4 */
    CHECK_INT(numerology_retraining_symbols(&n, 512), 2);
    CHECK_INT(numerology_frame_samples(&n, 512), head + 7 * 274);
    CHECK_INT(numerology_retraining_symbols(&n, 240), 0);
    CHECK_NEAR(numerology_efficiency(&n, 512), 512.0 / (double)(head + 7 * 274), 1e-12);
}

static void refuses_what_is_out_of_range_by_name(void)
{
    err_t err = ERR_INIT;
    numerology_t n = numerology_default();
    CHECK_INT(numerology_check(&n, &err), 0);
    n.cp = 20;
    CHECK_INT(numerology_check(&n, &err), -1);
    CHECK_ERROR_NAMES(&err, "cp");
    n = numerology_default();
    n.spacing_hz = NAN;
    CHECK_INT(numerology_check(&n, &err), -1);
    CHECK_ERROR_NAMES(&err, "spacing_hz");
    n = numerology_default();
    n.retrain_every = -1;
    CHECK_INT(numerology_check(&n, &err), -1);
    CHECK_ERROR_NAMES(&err, "retrain_every");
}

static const check_test_t tests[] = {
    {"132 carriers: 120 data, 12 pilots, no DC", carriers_are_what_the_design_says},
    {"gather undoes scatter", gather_undoes_scatter},
    {"data carriers are picked and placed, pilots left alone", data_carriers_are_picked_and_placed},
    {"a frame's length counts every part", lengths_add_up},
    {"a field out of range is refused by name", refuses_what_is_out_of_range_by_name},
};

int main(void)
{
    return check_run("numerology", tests, CHECK_COUNT(tests));
}
