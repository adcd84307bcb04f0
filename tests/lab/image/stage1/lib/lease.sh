#!/bin/sh
# What udhcpc calls with an answer: set the address, leave the rest for the installer.
# shellcheck disable=SC2154 # udhcpc sets interface, ip, mask, router, dns, domain, hostname, boot_file
case $1 in
    bound | renew) ;;
    *) exit 0 ;;
esac
ip address flush dev "$interface"
ip address add "$ip/$mask" dev "$interface"
for address in $router; do
    ip route add default via "$address" dev "$interface"
    break
done
{
    [ -n "$domain" ] && echo "search $domain"
    for address in $dns; do
        echo "nameserver $address"
    done
} >/etc/resolv.conf
cp /etc/resolv.conf /run/install/resolv.conf
[ -n "$hostname" ] && echo "$hostname" >/proc/sys/kernel/hostname
echo "$ip/$mask" >/run/install/address
echo "$interface" >/run/install/interface
echo "$boot_file" >/run/install/boot_file
