# Completion of covey for fish:
#   covey completion fish > ~/.config/fish/completions/covey.fish

function __covey_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for line in ($program __complete $words "$typed" 2>/dev/null)
        switch $line
            case ':files*'
                __fish_complete_path $typed
            case ':directories*'
                __fish_complete_directories $typed
            case '*'
                echo $line
        end
    end
end

complete -c covey -f -a '(__covey_complete)'
