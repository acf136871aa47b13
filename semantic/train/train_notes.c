/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/train_notes.h"

#include <stdio.h>
#include <string.h>

static bool changes_nothing(const option_t *option)
{
    static const char *const names[] = {"out",    "log", "checkpoint", "checkpoint_minutes",
                                        "resume", "test", "table", "points", "bank"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(option->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

void train_recipe(const options_t *options, const char *kind, char *text, size_t size)
{
    const char *section = "";
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; options_at(options, i) != NULL && used < size; i++) {
        const option_t *option = options_at(options, i);
        bool wanted = strcmp(option->section, "data") == 0 ||
                      strcmp(option->section, "train") == 0 || strcmp(option->section, kind) == 0;
        if (!wanted || changes_nothing(option)) {
            continue;
        }
        char key[128];
        snprintf(key, sizeof(key), "%s.%s", option->section, option->name);
        if (strcmp(section, option->section) != 0) {
            section = option->section;
            used += (size_t)snprintf(text + used, size - used, "[%s]\n", section);
        }
        if (used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s = %s\n", option->name,
                                     options_text(options, key));
        }
    }
}

void train_revision(char *text, size_t size)
{
    snprintf(text, size, "unknown");
    FILE *git =
        popen("git -C '" SEMRADIO_MODELS_DIR "' describe --always --dirty 2>/dev/null", "r");
    if (git == NULL) {
        return;
    }
    char line[64];
    if (fgets(line, sizeof(line), git) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        snprintf(text, size, "%s", line);
    }
    pclose(git);
}
