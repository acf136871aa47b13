/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the option table looks like on paper: --help, docs/OPTIONS.md, an INI file. */
#include "options_private.h"

#include <string.h>

static bool new_section(const options_t *options, size_t i)
{
    return i == 0 ||
           strcmp(options->entries[i].option->section, options->entries[i - 1].option->section) != 0;
}

static void help_option(const option_entry_t *entry, FILE *out)
{
    const option_t *option = entry->option;
    char wanted[256];
    option_describe(option, wanted, sizeof wanted);
    fprintf(out, "  --%s.%s", option->section, option->name);
    if (option->alias != NULL) {
        fprintf(out, ", --%s", option->alias);
    }
    fprintf(out, "\n      %s\n      (%s%s; now \"%s\"%s)\n", option->help, wanted,
            (option->flags & OPTION_LIST) != 0 ? ", or a list" : "", entry->text,
            (option->flags & OPTION_RUNTIME) != 0 ? "; may change while running" : "");
}

void options_help(const options_t *options, FILE *out)
{
    fprintf(out, "%s: %s\n\nUsage: %s [--config FILE] [--SECTION.NAME=VALUE ...]%s%s\n",
            options->program, options->summary, options->program,
            options->synopsis != NULL ? " " : "",
            options->synopsis != NULL ? options->synopsis : "");
    for (size_t i = 0; i < options->count; i++) {
        if (new_section(options, i)) {
            fprintf(out, "\n[%s]\n", options->entries[i].option->section);
        }
        help_option(&options->entries[i], out);
    }
    fprintf(out, "\nEvery program\n"
                 "  -c, --config FILE    read an INI file; the command line beats it\n"
                 "  --print-config       write the resulting INI file and stop\n"
                 "  --options-markdown   write this list as Markdown and stop\n"
                 "  -h, --help  --version\n"
                 "\nA name without its section will do where only one section has it.  Numbers take"
                 "\nk, M and G (3.5G).\n");
    if (options->epilog != NULL) {
        fprintf(out, "\n%s\n", options->epilog);
    }
}

/* A cell: '|' would end it. */
static void markdown_text(const char *text, FILE *out)
{
    for (; *text != 0; text++) {
        if (*text == '|') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

void options_markdown(const options_t *options, FILE *out)
{
    fprintf(out, "`%s` %s.\n", options->program, options->summary);
    for (size_t i = 0; i < options->count; i++) {
        const option_t *option = options->entries[i].option;
        char wanted[256];
        if (new_section(options, i)) {
            fprintf(out,
                    "\n### [%s]\n\n| option | takes | default | meaning |\n|---|---|---|---|\n",
                    option->section);
        }
        option_describe(option, wanted, sizeof wanted);
        fprintf(out, "| `--%s.%s`", option->section, option->name);
        if (option->alias != NULL) {
            fprintf(out, ", `--%s`", option->alias);
        }
        fputs(" | ", out);
        markdown_text(wanted, out);
        fputs((option->flags & OPTION_LIST) != 0 ? ", or a list | " : " | ", out);
        if (*options->entries[i].text != 0) {
            fputc('`', out);
            markdown_text(options->entries[i].text, out);
            fputc('`', out);
        }
        fputs(" | ", out);
        markdown_text(option->help, out);
        fputs((option->flags & OPTION_RUNTIME) != 0 ? " (may change while running) |\n" : " |\n",
              out);
    }
    fputc('\n', out);
}

void options_print(const options_t *options, FILE *out)
{
    for (size_t i = 0; i < options->count; i++) {
        const option_entry_t *entry = &options->entries[i];
        if (new_section(options, i)) {
            fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n", entry->option->section);
        }
        bool quote = strpbrk(entry->text, "#;\" \t") != NULL;
        const char *mark = quote ? "\"" : "";
        fprintf(out, "%s = %s%s%s\n", entry->option->name, mark, entry->text, mark);
    }
}
