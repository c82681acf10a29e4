#compdef covey
# Completion of covey for zsh. Write it to a directory of $fpath, as _covey:
#   covey completion zsh > "${fpath[1]}/_covey"
# or load it from ~/.zshrc, after compinit:
#   . <(covey completion zsh)

_covey() {
    local -a lines found
    local line word about
    lines=("${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        word=${line%%$'\t'*} about=${line#*$'\t'}
        case $word in
            :files) _files; return ;;
            :directories) _files -/; return ;;
        esac
        found+=("${word//:/\\:}${about:+:$about}")
    done
    (( $#found )) && _describe covey found
}

if [[ $funcstack[1] == _covey ]]; then
    _covey "$@"
else
    compdef _covey covey
fi
