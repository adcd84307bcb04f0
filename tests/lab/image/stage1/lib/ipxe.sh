# shellcheck shell=sh
# As much of iPXE's script language as boot answers need: commands joined by && and ||, variables, a failure ends all.

# variable NAME: what ${NAME} stands for; a variable that was never set is empty, as in iPXE.
variable() {
    mac=$(cat /sys/class/net/eth0/address)
    case $1 in
        net0/mac:hexhyp | mac:hexhyp) echo "$mac" | tr : - ;;
        net0/mac | mac) echo "$mac" ;;
        net0/ip | ip) cut -d/ -f1 /run/install/address ;;
        hostname) cat /proc/sys/kernel/hostname ;;
        platform) echo pcbios ;;
        buildarch) echo x86_64 ;;
        *[!a-z_]*) stuck "firmware: the variable \${$1} is not known here" ;;
        *) cat "/run/install/variable.$1" 2>/dev/null || : ;;
    esac
}

# expand LINE: the line with its variables replaced.
# shellcheck disable=SC2016 # ${ is meant as it stands
expand() {
    line=$1
    while case $line in *'${'*'}'*) true ;; *) false ;; esac; do
        rest=${line#*'${'}
        value=$(variable "${rest%%\}*}") || exit 1
        line=${line%%'${'*}$value${rest#*\}}
    done
    echo "$line"
}

# follow URL: fetch the script and do what it says; leaves the kernel's command line, or ends at the local disk.
follow() {
    # Each script has a file of its own: the one that chains is still being read.
    number=$((${number:-0} + 1)) booting=
    script=/run/install/script.$number
    curl --user-agent iPXE/1.0.0 --fail --silent --show-error --max-time 60 --output "$script" "$1" 2>/dev/console ||
        return 1
    # Not from a pipe: what the script does must outlive the loop.
    while [ -z "$booting" ] && read -r line; do
        case $line in "" | "#"*) continue ;; esac
        words=$(expand "$line") || stuck "firmware: $line"
        run_line "$words" || local_disk "the script failed at: $line"
    done <"$script"
    [ -n "$booting" ] || local_disk "the script ends without a boot"
}

# run_line WORDS: commands from left to right; the status is that of the last one that was run.
run_line() {
    status=0 operator=';' command=
    set -f
    # shellcheck disable=SC2086 # the words of the line
    set -- $1 ';'
    set +f
    for word; do
        case $word in
            '&&' | '||' | ';')
                case $operator$status in
                    ';'* | '&&0' | '||'[!0]*)
                        # shellcheck disable=SC2086 # the words of one command
                        [ -z "$command" ] || run_command $command
                        status=$?
                        ;;
                esac
                operator=$word command=
                ;;
            *) command="$command $word" ;;
        esac
        [ -z "$booting" ] || return 0
    done
    return "$status"
}

run_command() {
    verb=$1
    shift
    case $verb in
        echo) say "firmware: $*" ;;
        set) echo "${2-}" >"/run/install/variable.${1%%:*}" ;;
        isset) [ $# -gt 0 ] ;;
        iseq) [ "${1-}" = "${2-}" ] ;;
        inc) echo $(($(cat "/run/install/variable.$1") + 1)) >"/run/install/variable.$1" ;;
        sleep) sleep "$1" ;;
        dhcp) firmware_lease ;;
        kernel)
            shift
            echo "$*" >/run/install/cmdline
            ;;
        initrd) ;;
        boot)
            [ -s /run/install/cmdline ] || stuck "firmware: boot without a kernel"
            booting=1
            ;;
        chain)
            [ "$1" != --replace ] || shift
            follow "$1"
            ;;
        exit | sanboot) local_disk "the script says so" ;;
        reboot) reboot -f ;;
        *) stuck "firmware: the command $verb is not known here" ;;
    esac
}

local_disk() {
    say "booting from the local disk: $*"
    exit 10
}
