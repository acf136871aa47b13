#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# man.sh BIN PROGRAM [WORD]          prints the manual page of a program, or of one of its words that
#                                    has options of its own (semradio-align fit)
# man.sh BIN --overview PROGRAM...   prints semradio(1)
#
# Made of what the programs themselves say with --options-markdown and --help, so the option tables
# in the sources are the one place to write in.
set -eu
export LC_ALL=C.UTF-8
bin=$1 program=$2

if [ "$program" = --overview ]; then
    shift 2
    version=$("$bin/$1" --version | sed 's/.* //')
    cat <<TEXT
.TH SEMRADIO 1 "" "semradio $version" "semradio"
.ad l
.SH NAME
semradio \\- software\\-defined radio for semantic communication
.SH SYNOPSIS
.B semradio
.I WORD
[\\fIOPTION\\fR ...]
.SH DESCRIPTION
Runs the program \\fBsemradio\\-\\fIWORD\\fR with the rest of the words.  A transmitter turns images into
points of a constellation with a neural joint source\\-channel code and sends them in OFDM frames; a
receiver finds the frames, estimates the channel, equalises, and decodes.
TEXT
    for program in "$@"; do
        "$bin/$program" --options-markdown |
            sed -n "1s/^.[^\`]*. \\(.*\\)/.TP\n\\\\fB$program\\\\fR(1)\n\\1/p" | sed 's/-/\\-/g'
    done
    cat <<'TEXT'
.SH DAEMONS
\fBsystemctl start semradio\-rx@lab\fR runs a receiver with the options in \fI/etc/semradio/rx/lab.conf\fR;
air, tx and align likewise.  Examples are in \fI/usr/share/doc/semradio/examples\fR.  With
\fBsystemctl \-\-user\fR the file is \fI~/.config/semradio/rx/lab.conf\fR.
.SH FILES
.TP
\fI../share/semradio\fR beside the programs\(aq folder
Weights, recipes, campaigns and the files of the live page.  The environment variable
\fBSEMRADIO_DATA\fR names another folder.
TEXT
    exit 0
fi

word=${3-}
{
    # shellcheck disable=SC2086  # no word: no argument
    "$bin/$program" $word --options-markdown
    printf '\037\n'
    # shellcheck disable=SC2086
    "$bin/$program" $word --help
} | awk -v name="$program${word:+-$word}" -v version="$("$bin/$program" --version | sed 's/.* //')" '
# Text that troff leaves as it is.  \e is a backslash; "-" must be a hyphen-minus to be copied.
function plain(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/\047/, "\\(aq", text)
    gsub(/`/, "\\(ga", text)
    gsub(/~/, "\\(ti", text)
    gsub(/\^/, "\\(ha", text)
    if (text ~ /^\./) text = "\\&" text
    return text
}
function head(title) { print ".SH " title }
# The cells of a table row; "\|" is a bar within one.
function cells(line,    i, n) {
    gsub(/\\\|/, "\036", line)
    n = split(substr(line, 3, length(line) - 4), cell, / \| /)
    for (i = 1; i <= n; i++) gsub("\036", "|", cell[i])
    return n
}
function option(line,    keys) {
    gsub(/  *\|$/, " |", line)
    cells(line)
    keys = cell[1]
    gsub(/`/, "", keys)
    gsub(/`/, "", cell[3])
    print ".TP"
    print "\\fB" plain(keys) "\\fR"
    print plain(cell[4] ".")
    print ".br"
    print "Takes: " plain(cell[2]) "." (cell[3] ~ /[^ ]/ ? "  Default: \\fB" plain(cell[3]) "\\fR." : "")
}
BEGIN { part = 1 }
$0 == "\037" { part = 2; next }
part == 1 && /^`/ && summary == "" {
    summary = $0
    sub(/^`[^`]*` /, "", summary)
    sub(/\.$/, "", summary)
    next
}
# A long list of words may go on in the next line after any |.
function breakable(text)
{
    gsub(/\|/, "|\\:", text)
    return text
}
part == 1 { markdown[++lines] = $0; next }
# --help: the usage comes first; what follows the list of the words of every program is the end.
/^[Uu]sage: / && usages == 0 { used = 1; usage[++usages] = $0; sub(/^[Uu]sage: /, "", usage[1]); next }
used && /^  *semradio/ { usage[++usages] = $0; sub(/^ */, "", usage[usages]); next }
/^\[|^Keys / { used = 0 }
used { about[++abouts] = $0; next }
/^k, M and G/ { tail = 1; next }
tail { epilog[++ends] = $0 }
END {
    printf ".TH %s 1 \"\" \"semradio %s\" \"semradio\"\n.ad l\n", plain(toupper(name)), version
    head("NAME")
    print plain(name) " \\- " plain(summary)
    head("SYNOPSIS")
    print ".nh"
    for (i = 1; i <= usages; i++) print (i > 1 ? ".br\n" : "") breakable(plain(usage[i]))
    print ".hy"
    head("DESCRIPTION")
    print plain(name) ": " plain(summary) "."
    for (i = 1; i <= abouts; i++) print about[i] == "" ? ".PP" : plain(about[i])
    print ".PP\nThis page is made of the program\\(aqs own table of options.  An option is written"
    print "\\fB\\-\\-section.name=value\\fR on the command line and \\fBname = value\\fR below"
    print "\\fB[section]\\fR in a file given with \\fB\\-\\-config\\fR; a name without its section will do"
    print "where only one section has it.  Numbers take k, M and G (3.5G)."
    head("OPTIONS")
    print ".TP\n\\fB\\-c\\fR, \\fB\\-\\-config\\fR \\fIFILE\\fR\nRead an INI file; the command line beats it."
    print ".TP\n\\fB\\-\\-print\\-config\\fR\nWrite the resulting INI file and stop."
    print ".TP\n\\fB\\-\\-options\\-markdown\\fR\nWrite the list of options as Markdown and stop."
    print ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR, \\fB\\-\\-version\\fR\nSay so and stop."
    for (i = 1; i <= lines; i++) {
        if (markdown[i] ~ /^### /) print ".SS " plain(substr(markdown[i], 5))
        if (markdown[i] ~ /^\| `--/) option(markdown[i])
    }
    if (ends > 0) {
        head("NOTES")
        print ".nf"
        for (i = 1; i <= ends; i++)
            if (epilog[i] != "" || (i > 1 && i < ends)) print epilog[i] == "" ? ".sp" : plain(epilog[i])
        print ".fi"
    }
    head("FILES")
    print ".TP\n\\fI../share/semradio\\fR beside the program\\(aqs folder"
    print "Weights, recipes, campaigns and the files of the live page.  The environment variable"
    print "\\fBSEMRADIO_DATA\\fR names another folder."
    head("SEE ALSO")
    print "\\fBsemradio\\fR(1)"
}'
