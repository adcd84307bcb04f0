# shellcheck shell=sh
# Stage 1, the parts: used by the initrd of a machine, and by the light nodes in their namespaces.

say() {
    echo "[stage 1 +$(cut -d' ' -f1 /proc/uptime)] $*" >/dev/console
}

# What cannot be healed: stay, as dracut's emergency shell does, and boot nothing.
stuck() {
    say "$*"
    say "STAGE 1 IS STUCK"
    while :; do sleep 3600; done
}

# word NAME: is this word on the kernel's command line?
word() {
    case " $(cat /proc/cmdline) " in *" $1 "*) return 0 ;; esac
    return 1
}

# value NAME: what NAME= says on the kernel's command line; the last one counts.
value() {
    tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

# The interface that BOOTIF= or ip=INTERFACE:dhcp names, else the first one.
interface() {
    bootif=$(value BOOTIF | cut -c4- | tr 'A-F-' 'a-f:')
    ip=$(value ip)
    case $ip in
        "" | dhcp) ;;
        *:dhcp) echo "${ip%:dhcp}"; return ;;
        *) stuck "ip=$ip is not known here: only ip=dhcp and ip=INTERFACE:dhcp are" ;;
    esac
    for directory in /sys/class/net/*; do
        name=${directory##*/}
        [ "$name" = lo ] && continue
        if [ -z "$bootif" ] || [ "$(cat "$directory/address")" = "$bootif" ]; then
            echo "$name"
            return
        fi
    done
    stuck "no network interface${bootif:+ with the address $bootif}"
}

# lease INTERFACE: ask until a server answers; the frontend may be rebooting.
lease() {
    ip link set lo up
    ip link set "$1" up
    say "asking for a lease on $1"
    udhcpc -i "$1" -f -q -t 4 -T 2 -A 3 -s /lib/lease.sh >/dev/null 2>&1
    say "$1 has $(cat /run/install/address)"
}

# get URL FILE: as dracut's url-lib does it. Three more tries, and that is all.
get() {
    curl --globoff --location --retry 3 --retry-connrefused --fail --silent --show-error \
        --config /run/install/curlrc --output "$2" "$1" 2>/dev/console
}

# The header of inst.ks.sendmac, for each interface; it is on every request, as with dracut.
write_curlrc() {
    : >/run/install/curlrc
    word inst.ks.sendmac || return 0
    number=0
    for directory in /sys/class/net/*; do
        name=${directory##*/}
        [ "$name" = lo ] && continue
        echo "header = \"X-RHN-Provisioning-MAC-$number: $name $(cat "$directory/address")\"" >>/run/install/curlrc
        number=$((number + 1))
    done
}

# labelled LABEL: the drive or disk whose ISO 9660 image has this label; drives may take a moment.
labelled() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        for device in /dev/sr* /dev/vd* /dev/sd*; do
            [ -b "$device" ] || continue
            found=$(dd if="$device" bs=1 skip=32808 count=32 2>/dev/null | tr -d '\0' | sed 's/ *$//')
            [ "$found" != "$1" ] || { echo "$device"; return; }
        done
        [ -z "${2-}" ] || return 1
        sleep 1
    done
    return 1
}

# mount_labelled LABEL FOLDER
mount_labelled() {
    device=$(labelled "$1") || stuck "no drive has a medium with the label $1"
    mkdir -p "$2"
    mount -t iso9660 -o ro "$device" "$2" || stuck "cannot mount $device"
}

# Without inst.ks=, the kickstart is ks.cfg of a volume with the label OEMDRV, if there is one.
fetch_kickstart() {
    write_curlrc
    url=$(value inst.ks)
    if [ -z "$url" ] && [ -n "$(labelled OEMDRV once)" ]; then
        mount_labelled OEMDRV /run/install/answers
        cp /run/install/answers/ks.cfg /run/install/ks.cfg || stuck "OEMDRV has no ks.cfg"
        umount /run/install/answers
        say "the kickstart is that of OEMDRV"
        return
    fi
    [ -n "$url" ] || stuck "there is no inst.ks= on the command line"
    say "fetching the kickstart from $url"
    get "$url" /run/install/ks.cfg || stuck "anaconda: failed to fetch kickstart from $url"
}

# inst.stage2=, else inst.repo=, else the kickstart's own url command: a tree with .treeinfo.
stage2_url() {
    for name in inst.stage2 inst.repo; do
        if [ -n "$(value $name)" ]; then
            value $name
            return
        fi
    done
    sed -n 's/^url .*--url[= ]*"\{0,1\}\([^" ]*\).*/\1/p' /run/install/ks.cfg
}

fetch_stage2() {
    base=$(stage2_url)
    case $base in
        hd:LABEL=*)
            mount_labelled "${base#hd:LABEL=}" /run/install/repo
            base=file:///run/install/repo
            ;;
    esac
    [ -n "$base" ] || stuck "neither inst.stage2=, inst.repo= nor the kickstart's url says where stage 2 is"
    image=images/install.img
    if get "${base%/}/.treeinfo" /run/install/treeinfo; then
        named=$(sed -n '/^\[stage2\]/,/^\[/s/^mainimage *= *//p' /run/install/treeinfo)
        image=${named:-$image}
    fi
    say "fetching stage 2 from ${base%/}/$image"
    get "${base%/}/$image" /run/install/install.img || stuck "anaconda: failed to fetch stage2 from $base"
}
