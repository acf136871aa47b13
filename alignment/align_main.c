/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-align: asks and changes running daemons, moves adapters, and is the hub between both
 * ends. */
#include "align/align.h"
#include "align/align_hub.h"
#include "control/control_options.h"
#include "allocation/allocate_command.h"
#include "federated/align_federated.h"
#include "federated/align_federated_campaign.h"
#include "fit/align_fit.h"
#include "log.h"
#include "program.h"

#include <stdio.h>
#include <string.h>

/* Words that work on files alone, each with options of its own. */
static const struct {
    const char *name, *usage, *help;
    int (*run)(int argc, char *const argv[]);
} tools[] = {
    {"fit", "fit PILOTS", "fits a map between two codecs' symbols", align_fit_main},
    {"federated", "federated IN OUT", "one pre-equaliser for several users' latents",
     align_federated_main},
    {"federated-campaign", "federated-campaign", "NMSE and accuracy of its methods over many channels",
     align_federated_campaign_main},
    {"allocate", "allocate NETWORK", "which agent keeps which level of knowledge",
     align_allocate_command},
};

static const char *epilog(void)
{
    static char text[8192];
    size_t used = 0;
#define ADD(...)                                                                                   \
    used += (size_t)snprintf(text + used, used < sizeof text ? sizeof text - used : 0, __VA_ARGS__)
    ADD("Words:\n");
    for (const align_word_t *word = align_words; word->name != NULL && used < sizeof text; word++) {
        char head[64];
        snprintf(head, sizeof head, "%s %s", word->name, word->takes);
        ADD("  %-22s %s\n", head, word->help);
    }
    if (used < sizeof text) {
        for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
            ADD("  %-22s %s (%s --help)\n", tools[i].usage, tools[i].help, tools[i].name);
        }
        ADD("\nExamples:\n"
            "  semradio-tx --control.bind=tcp://127.0.0.1:5610 &\n"
            "  semradio-align --connect=tcp://127.0.0.1:5610 set codec.rate=1/4 tx.frame_rate=20\n"
            "  semradio-align --connect=tcp://127.0.0.1:5610 watch status --json\n"
            "  semradio-align hub --hub.tx=tcp://127.0.0.1:5610 --hub.rx=tcp://127.0.0.1:5620\n"
            "  semradio-align --to=rx get\n\n"
            "Exit codes: 0 done, 1 the other end said no, 2 a wrong word or option, 3 nobody "
            "listens,\n4 the keys do not fit, 5 no answer in time.");
    }
#undef ADD
    return text;
}

static const align_word_t *find_word(const char *name)
{
    for (const align_word_t *word = align_words; word->name != NULL; word++) {
        if (name != NULL && strcmp(word->name, name) == 0) {
            return word;
        }
    }
    return NULL;
}

static align_exit_t run(align_t *align, const align_word_t *word)
{
    const options_t *o = align->options;
    align->json = options_bool(o, "align.json");
    align->timeout_s = options_real(o, "align.timeout_s");
    align->target = options_string(o, "align.to");
    const align_exit_t code = word->run(align);
    control_client_destroy(align->client);
    return code;
}

int main(int argc, char **argv)
{
    static const option_t *const tables[] = {align_options, align_hub_options, program_options,
                                             NULL};
    err_t err = ERR_INIT;
    for (size_t i = 0; argc > 1 && i < sizeof tools / sizeof tools[0]; i++) {
        if (strcmp(argv[1], tools[i].name) == 0) {
            return tools[i].run(argc - 1, argv + 1);
        }
    }
    log_set_program("semradio-align");
    options_t *options =
        options_create("semradio-align", "commands and hub of the control plane", tables, &err);
    if (options == NULL) {
        log_error("%s", err.text);
        return ALIGN_FAILED;
    }
    options_set_positional(options, "WORD [ARGUMENT ...]");
    options_set_epilog(options, epilog());
    const int answered = options_parse(options, argc, argv, &err);
    align_exit_t code = ALIGN_OK;
    if (answered == 0) {
        log_set_level((log_level_t)options_choice(options, "log.level"));
        align_t align = {.options = options};
        const char *name = options_positional(options, 0);
        const align_word_t *word = find_word(name);
        code = word != NULL ? run(&align, word)
               : name == NULL
                   ? align_misused("which word? semradio-align --help lists them")
                   : align_misused("there is no word \"%.40s\" (semradio-align --help)", name);
    } else if (answered < 0) {
        log_error("%s", err.text);
        code = ALIGN_USAGE;
    }
    options_destroy(options);
    return (int)code;
}
