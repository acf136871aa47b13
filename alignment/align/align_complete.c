/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completion for bash, from the tables: words, options, topics; option keys, sections and the names
 * of adapters come from the daemon itself, when it answers within a second.
 *
 *     source <(semradio-align completion)
 */
#include "align/align.h"

#include <stdio.h>
#include <string.h>

static void list_words(void)
{
    for (const align_word_t *word = align_words; word->name != NULL; word++) {
        printf("%s ", word->name);
    }
    for (const align_tool_t *tool = align_tools; tool->name != NULL; tool++) {
        printf("%s%s", tool == align_tools ? "" : " ", tool->name);
    }
}

/* "get|set": as a pattern of case. */
static void print_case(const char *completes, const char *action)
{
    bool first = true;
    fputs("    ", stdout);
    for (const align_word_t *word = align_words; word->name != NULL; word++) {
        if (strcmp(word->completes, completes) == 0) {
            printf("%s%s", first ? "" : "|", word->name);
            first = false;
        }
    }
    printf(") %s ;;\n", action);
}

/* --alias= or --section.name=; a switch stands alone. */
static void print_option(const option_t *option)
{
    const char *end = option->type == OPTION_BOOL ? "" : "=";
    if (option->alias != NULL) {
        printf(" --%s%s", option->alias, end);
    } else {
        printf(" --%s.%s%s", option->section, option->name, end);
    }
}

static void print_tool(const align_tool_t *tool)
{
    printf("    %s) options=\"--help", tool->name);
    for (size_t t = 0; t < 2 && tool->tables[t] != NULL; t++) {
        for (const option_t *option = tool->tables[t]; option->name != NULL; option++) {
            print_option(option);
        }
    }
    puts("\" ;;");
}

/* After --option=: its choices. */
static void print_choices(const option_t *option)
{
    if (option->type == OPTION_CHOICE) {
        printf("        --%s%s%s) choices=\"",
               option->alias != NULL ? option->alias : option->section,
               option->alias != NULL ? "" : ".", option->alias != NULL ? "" : option->name);
        for (const char *c = option->choices; *c != 0; c++) {
            putchar(*c == '|' ? ' ' : *c);
        }
        puts("\" ;;");
    }
}

#define COMPLETE(what) "COMPREPLY=($(compgen " what " -- \"$cur\"))"
#define ASK(words)     "$(semradio-align \"${connect[@]}\" --timeout=1 " words " 2>/dev/null"

align_exit_t align_completion(align_t *align)
{
    const option_t *option;
    puts("# bash completion for semradio-align: source <(semradio-align completion)\n"
         "_semradio_align()\n{\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} word= connect=() i");
    fputs("    local words=\"", stdout);
    list_words();
    fputs("\"\n    local options=\"", stdout);
    for (size_t i = 0; (option = options_at(align->options, i)) != NULL; i++) {
        print_option(option);
    }
    puts("\"\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in\n"
         "        -*) connect+=(\"${COMP_WORDS[i]}\") ;;\n"
         "        '=') connect[-1]+== ;;\n"
         "        *) if [[ ${COMP_WORDS[i-1]} == '=' ]]; then connect[-1]+=${COMP_WORDS[i]};\n"
         "           elif [[ \" $words \" == *\" ${COMP_WORDS[i]} \"* && -z $word ]]; then "
         "word=${COMP_WORDS[i]}; fi ;;\n"
         "        esac\n"
         "    done\n"
         "    case $word in");
    for (const align_tool_t *tool = align_tools; tool->name != NULL; tool++) {
        print_tool(tool);
    }
    puts("    esac\n"
         "    if [[ $cur == -* ]]; then\n"
         "        compopt -o nospace 2>/dev/null; " COMPLETE(
             "-W \"$options\"") "; return\n"
                                "    fi\n"
                                "    local before=${COMP_WORDS[COMP_CWORD-1]} option= choices=\n"
                                "    [[ $before == '=' ]] && option=${COMP_WORDS[COMP_CWORD-2]}\n"
                                "    [[ $cur == '=' ]] && option=$before && cur=\n"
                                "    if [[ $option == -* ]]; then\n"
                                "        case $option in\n"
                                "        --to) choices=\"tx rx\" ;;");
    for (size_t i = 0; (option = options_at(align->options, i)) != NULL; i++) {
        print_choices(option);
    }
    for (const align_tool_t *tool = align_tools; tool->name != NULL; tool++) {
        for (size_t t = 0; t < 2 && tool->tables[t] != NULL; t++) {
            for (option = tool->tables[t]; option->name != NULL; option++) {
                print_choices(option);
            }
        }
    }
    puts("        *) " COMPLETE(
        "-f") "; return ;;\n"
              "        esac\n"
              "        " COMPLETE("-W \"$choices\"") "; return\n"
                                                     "    fi\n"
                                                     "    case $word in\n"
                                                     "    '') " COMPLETE("-W \"$words\"") " ;;");
    print_case("keys", COMPLETE("-W \"" ASK("get") " | cut -d' ' -f1)\""));
    print_case("sections", COMPLETE("-W \"" ASK("get") " | cut -d. -f1 | sort -u)\""));
    print_case("topics", COMPLETE("-W 'frame status event adapter'"));
    print_case(
        "adapters",
        COMPLETE("-f -W \"" ASK(
            "--json adapters") " | grep -oE "
                               "'\"(hash\":\"[0-9a-f]{16}|names\":\\[[^]]*)' | cut -d: -f2 | "
                               "tr '[\",' '   ')\""));
    print_case("files", COMPLETE("-f"));
    for (const align_tool_t *tool = align_tools; tool->name != NULL; tool++) {
        printf("%s%s", tool == align_tools ? "    " : "|", tool->name);
    }
    puts(") " COMPLETE("-f") " ;;\n    esac\n}\n"
                             "complete -F _semradio_align semradio-align");
    return ALIGN_OK;
}
