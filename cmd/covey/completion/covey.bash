# Completion of covey for bash 3.2 and later. Put this line into ~/.bashrc:
#   . <(covey completion bash)

_covey() {
    local line=${COMP_LINE:0:COMP_POINT} words=() word about typed prefix breaks
    # bash parts words at "=" and ":" too, which addresses hold, so the line is read anew.
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    typed=${words[${#words[@]}-1]}
    breaks=${COMP_WORDBREAKS//[^=:]/}
    prefix=
    [[ -n $breaks ]] && prefix=${typed%"${typed##*[$breaks]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r word about; do
        case $word in
        :files)
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "${typed#"$prefix"}")
            ;;
        :directories)
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "${typed#"$prefix"}")
            ;;
        *)
            COMPREPLY+=("${word#"$prefix"}")
            ;;
        esac
    done < <("$1" __complete "${words[@]:1}" 2>/dev/null)
}

complete -F _covey covey
