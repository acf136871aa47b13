# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of semradio and its programs.  What there is to complete each program says itself
# (--options-markdown), so this file knows no option.

# PROGRAM [WORD] -> one line for each option: its key, an alias, or key and choices
_semradio_options()
{
    local key="_semradio_cache_${1//[^a-zA-Z0-9]/_}_${2-}"
    if [ -z "${!key-}" ]; then
        printf -v "$key" '%s' "$("$1" ${2:+"$2"} --options-markdown 2>/dev/null | awk '
            /^\| `--/ {
                gsub(/\\\|/, "/")
                split($0, cell, / \| /)
                gsub(/`|,|^\| /, "", cell[1])
                choices = ""
                if (cell[2] ~ /^one of /) { choices = cell[2]; sub(/^one of /, "", choices); sub(/[ ,].*/, "", choices); gsub("/", ",", choices) }
                if (cell[2] ~ /^true or false/) choices = "true,false"
                n = split(cell[1], words, / +/)
                for (i = 1; i <= n; i++) if (words[i] != "") print words[i] " " choices
            }')"
    fi
    printf '%s\n' "${!key}"
}

# PROGRAM [WORD]; COMP_WORDS and COMP_CWORD as bash gives them
_semradio_complete()
{
    local program=$1 word=${2-} here=${COMP_WORDS[COMP_CWORD]} name="" value=""
    command -v "$program" >/dev/null || return 0
    compopt -o default 2>/dev/null
    # "--key=val" comes as three words, for "=" is one of COMP_WORDBREAKS.
    if [ "$here" = "=" ]; then
        name=${COMP_WORDS[COMP_CWORD - 1]} value=
    elif [ "$COMP_CWORD" -ge 2 ] && [ "${COMP_WORDS[COMP_CWORD - 1]}" = "=" ]; then
        name=${COMP_WORDS[COMP_CWORD - 2]} value=$here
    fi
    case $name in
    --*)
        local choices
        choices=$(_semradio_options "$program" "$word" | awk -v name="$name" '
            { key = $1; short = "--" key; sub(/^--[^.]*\./, "--", short) }
            key == name || short == name { gsub(",", " ", $2); print $2; exit }')
        [ -z "$choices" ] || mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$value")
        return 0
        ;;
    esac
    case $here in
    -*)
        local all
        all=$(_semradio_options "$program" "$word" | awk '{ print $1 "=" }')
        mapfile -t COMPREPLY < <(compgen -W "$all --config --print-config --help --version" -- "$here")
        case ${COMPREPLY[*]-} in
        *=) compopt -o nospace 2>/dev/null ;;
        esac
        ;;
    esac
}

_semradio_program()
{
    COMPREPLY=()
    _semradio_complete "$1" ""
}

# Some words of it have options of their own; the rest its own completion knows, for it can ask a
# running daemon.
_semradio_align_or_tool()
{
    COMPREPLY=()
    case ${COMP_WORDS[1]-} in
    fit | federated | allocate)
        _semradio_complete "$1" "${COMP_WORDS[1]}"
        return
        ;;
    esac
    if ! declare -F _semradio_align >/dev/null; then
        # shellcheck disable=SC1090
        source <("$1" completion)
        complete -F _semradio_align_or_tool semradio-align # not the one that it has just set
    fi
    _semradio_align
}

_semradio()
{
    COMPREPLY=()
    local words="tx rx air align play calibrate campaign train bench help"
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[1]}")
    else
        _semradio_complete "semradio-${COMP_WORDS[1]}"
    fi
}

complete -F _semradio semradio
complete -F _semradio_program semradio-tx semradio-rx semradio-air semradio-play \
    semradio-calibrate semradio-campaign semradio-train semradio-bench
complete -F _semradio_align_or_tool semradio-align
