/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every file in flowgraphs/campaigns runs, in small, to a figure and a report. */
#include "campaign_program.h"

static void run_file(const char *path, const char *name)
{
    char out[256], file[512];
    say_out(out, sizeof out, name);
    int code = run(path, out, "source=fashion-mnist:test", "channel.snr_db=15,20", "images=64",
                   "jobs=1", "stop.min_images=64", "stop.max_images=64",
                   "digital.calibration=fashion-mnist:train", "digital.calibration_images=64",
                   "digital.calibration_frames=4", "samples=2", "judge=none", NULL);
    if (code != 0) {
        fprintf(stderr, "%s: %d: %s\n", name, code, said);
    }
    CHECK_INT(code, 0);
    static const char *const left[] = {"results.csv", "figure.png",  "figure.pdf",
                                       "figure.svg",  "report.html", "campaign.conf"};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        snprintf(file, sizeof file, "%s/%s", in_base(name), left[i]);
        CU_ASSERT_EQUAL(access(file, F_OK), 0);
    }
}

static void test_all(void)
{
    static const char folder[] = SEMRADIO_SOURCE_DIR "/flowgraphs/campaigns";
    DIR *files = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(files);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
        char path[600], name[64];
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".conf") != 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        snprintf(name, sizeof name, "%.*s", (int)(dot - entry->d_name), entry->d_name);
        run_file(path, name);
        count++;
    }
    closedir(files);
    CU_ASSERT(count >= 13);
}

static const check_test_t tests[] = {
    {"every ready campaign runs to results, figure and report", test_all},
};

int main(void)
{
    return check_run_in_base("campaign_ready", tests, CHECK_COUNT(tests));
}
