/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completion for bash, from the tables: words, options, topics; option keys come from the daemon
 * itself, when it answers within a second.
 *
 *     source <(semradio-align completion)
 */
#include "align/align.h"

#include <stdio.h>
#include <string.h>

static void list_words(const char *completes)
{
    for (const align_word_t *word = align_words; word->name != NULL; word++) {
        if (completes == NULL || strcmp(word->completes, completes) == 0) {
            printf("%s%s", word == align_words ? "" : completes == NULL ? " " : "|", word->name);
        }
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

align_exit_t align_completion(align_t *align)
{
    const option_t *option;
    puts("# bash completion for semradio-align: source <(semradio-align completion)\n"
         "_semradio_align()\n{\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} word= connect=() i");
    fputs("    local words=\"", stdout);
    list_words(NULL);
    fputs("\"\n    local options=\"", stdout);
    for (size_t i = 0; (option = options_at(align->options, i)) != NULL; i++) {
        printf("%s--%s%s%s=", i == 0 ? "" : " ", option->alias != NULL ? "" : option->section,
               option->alias != NULL ? "" : ".",
               option->alias != NULL ? option->alias : option->name);
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
         "    if [[ $cur == -* ]]; then\n"
         "        compopt -o nospace; COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")); return\n"
         "    fi\n"
         "    case $word in\n"
         "    '') COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;");
    print_case("keys",
               "COMPREPLY=($(compgen -W \"$(semradio-align \"${connect[@]}\" --timeout=1 get "
               "2>/dev/null | cut -d' ' -f1)\" -- \"$cur\"))");
    print_case("topics", "COMPREPLY=($(compgen -W 'frame status event adapter' -- \"$cur\"))");
    print_case("files", "COMPREPLY=($(compgen -f -- \"$cur\"))");
    puts("    esac\n}\ncomplete -F _semradio_align semradio-align");
    return ALIGN_OK;
}
