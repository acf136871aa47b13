/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-campaign: sweeps, their results, and their figures.
 *
 *     semradio-campaign [FILE.conf …] out=DIR key=values …
 *     semradio-campaign figure DIR
 */
#include "campaign.h"
#include "campaign_report.h"
#include "campaign_run.h"
#include "figure.h"
#include "log.h"
#include "program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* As common/program.h has them, and the shell's own for an interrupt. */
enum { EXIT_FAILED = PROGRAM_FAILED, EXIT_WORDS = PROGRAM_USAGE, EXIT_INTERRUPTED = 130 };

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static const char usage[] =
    "usage: semradio-campaign [FILE.conf ...] out=DIR [KEY=VALUES ...]\n"
    "       semradio-campaign figure DIR\n"
    "       semradio-campaign --help | --version | --options-markdown\n"
    "\n"
    "Runs every combination of the values and writes DIR/results.csv, DIR/figure.png (also .pdf and\n"
    ".svg) and DIR/report.html; figure draws these again from the results.\n"
    "VALUES is one value, a list (1/12,1/6), a range start:step:stop (0:5:20), or both.\n"
    "Interrupted, the same command goes on where it stopped.\n"
    "\n"
    "Exit codes: 0 done, 1 it could not go on or points failed, 2 a wrong word, 130 interrupted.\n";

static int help(const campaign_t *campaign)
{
    printf("%s\nKeys (the dashes may be left out, and the section where it is campaign):\n", usage);
    options_help(campaign_options(campaign), stdout);
    return 0;
}

/* Answers the words that are no campaign: -1 when `word` is none of them. */
static int answer(const campaign_t *campaign, const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return help(campaign);
    }
    if (strcmp(word, "--version") == 0) {
        printf("semradio-campaign %s\n", SEMRADIO_VERSION);
        return 0;
    }
    if (strcmp(word, "--options-markdown") == 0) {
        options_markdown(campaign_options(campaign), stdout);
        return 0;
    }
    return -1;
}

static void say_drawn(const char *folder)
{
    fprintf(stderr, "Figure: %s/figure.png, .pdf, .svg\nReport: %s/report.html\n", folder, folder);
}

/* Both from the results alone. */
static int draw(const char *folder)
{
    err_t err = ERR_INIT;
    if (figure_make(folder, &err) != 0 || campaign_report_make(folder, NULL, &err) != 0) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    say_drawn(folder);
    return 0;
}

static int finish(const campaign_t *campaign, const campaign_outcome_t *outcome)
{
    const char *out = campaign_out(campaign);
    size_t done = outcome->points - outcome->missing - outcome->failed;
    if (outcome->missing > 0) {
        fprintf(stderr, "stopped with %zu of %zu points done; the same command goes on\n", done,
                outcome->points);
        return EXIT_INTERRUPTED;
    }
    fprintf(stderr, "%zu of %zu points in %.1f s: %s/results.csv\n", done, outcome->points,
            outcome->wall_s, out);
    if (outcome->failed > 0) {
        fprintf(stderr, "%zu points failed: %s/failures.txt says why\n", outcome->failed, out);
    }
    err_t err = ERR_INIT;
    int drawn = done > 0 ? figure_make(out, &err) : 0;
    if (drawn != 0) {
        log_warn("%s", err.text);
    }
    err_t trouble = ERR_INIT;
    if (campaign_report_make(out, NULL, &trouble) != 0) {
        log_warn("%s", trouble.text);
    } else if (drawn == 0 && done > 0) {
        say_drawn(out);
    }
    bool harmless = err.code == ERR_UNSUPPORTED || err.code == ERR_STATE;
    return outcome->failed > 0 || (drawn != 0 && !harmless) ? EXIT_FAILED : 0;
}

static int read_words(campaign_t *campaign, int first, int argc, char *const argv[])
{
    err_t err = ERR_INIT;
    for (int i = first; i < argc; i++) {
        if (campaign_word(campaign, argv[i], &err) != 0) {
            log_error("%s", err.text);
            return -1;
        }
    }
    return 0;
}

/* Started by Slurm with the words of the campaign that submitted it. */
static int task(campaign_t *campaign, int argc, char *const argv[])
{
    err_t err = ERR_INIT;
    if (read_words(campaign, 2, argc, argv) != 0) {
        return EXIT_WORDS;
    }
    if (campaign_finish(campaign, &err) != 0 || campaign_run_task(campaign, &err) != 0) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    return 0;
}

static int sweep(campaign_t *campaign, int argc, char *const argv[])
{
    err_t err = ERR_INIT;
    if (read_words(campaign, 1, argc, argv) != 0) {
        return EXIT_WORDS;
    }
    campaign_outcome_t outcome;
    catch_signals();
    if (campaign_finish(campaign, &err) != 0 ||
        campaign_run(campaign, argc, argv, &stop, &outcome, &err) != 0) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    return finish(campaign, &outcome);
}

int main(int argc, char *argv[])
{
    err_t err = ERR_INIT;
    log_set_program("campaign");
    if (argc < 2) {
        fputs(usage, stderr);
        return EXIT_WORDS;
    }
    if (strcmp(argv[1], "figure") == 0) {
        if (argc == 3) {
            return draw(argv[2]);
        }
        fputs(usage, stderr);
        return EXIT_WORDS;
    }
    campaign_t *campaign = campaign_create(&err);
    if (campaign == NULL) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    int status = answer(campaign, argv[1]);
    if (status < 0) {
        status = strcmp(argv[1], "task") == 0 ? task(campaign, argc, argv)
                                              : sweep(campaign, argc, argv);
    }
    campaign_destroy(campaign);
    return status;
}
