#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints docs/OPTIONS.md: docs/options.sh FOLDER-OF-PROGRAMS
set -eu
cat <<'TEXT'
# Options

Every option of every program, made by `./semradio options` from the option
tables in the sources. An option is written `--section.name=value` on the command line
and `name = value` below `[section]` in a file given with `--config FILE`.
TEXT
for program in tx rx air align pilots play calibrate campaign train bench; do
    printf '\n## semradio-%s\n\n' "$program"
    "$1/semradio-$program" --options-markdown
done
