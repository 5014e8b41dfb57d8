#!/bin/sh
# Takes a snapshot of this node's etcd member into {{folder}}, checks it, and keeps the newest {{keep}}.
# A file that ends in .db is always complete.
set -eu
umask 077
folder={{folder}}
keep={{keep}}

install -d -m 0700 "$folder"
new=$folder/unfinished
trap 'rm -f "$new" "$new.part"' EXIT
rm -f "$new" "$new.part"
{{etcdctl}} --command-timeout 10m snapshot save "$new"
# Checks every page of the database.
status=$({{etcdutl}} snapshot status "$new" --write-out json)
sync "$new"
read -r host < /proc/sys/kernel/hostname
name=$folder/$host-$(date --utc +%Y%m%dT%H%M%SZ).db
mv "$new" "$name"
sync "$folder"
echo "saved $name: $status"

# Sorted by name, which is the order of their times.
set -- "$folder"/*.db
while [ $# -gt "$keep" ]; do
    rm -- "$1"
    echo "removed $1"
    shift
done
