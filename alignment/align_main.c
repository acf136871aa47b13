/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-align: asks and changes running daemons, moves adapters, and is the hub between both
 * ends. */
#include "align/align.h"
#include "align/align_hub.h"
#include "control/control_options.h"
#include "crew/member.h"
#include "codec_skill.h"
#include "log.h"
#include "program.h"

#include <stdio.h>
#include <string.h>

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
        for (const align_tool_t *tool = align_tools; tool->name != NULL; tool++) {
            ADD("  %-22s %s (%s --help)\n", tool->usage, tool->help, tool->name);
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
    member_equip(&codec_skill);
    for (const align_tool_t *tool = align_tools; argc > 1 && tool->name != NULL; tool++) {
        if (strcmp(argv[1], tool->name) == 0) {
            return tool->run(argc - 1, argv + 1);
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
