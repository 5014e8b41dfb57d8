# Fetches the Kubernetes programs: fetch-programs SITE FOLDER KEEP, with a line `SHA-256 NAME` on standard input for each.
#
# Files in KEEP, which may survive reboots, are not fetched again. A program is checked against its hash before it can be run. Retries until
# all of them are there.
set -eu
site=$1
folder=$2
keep=$3

say() {
    echo "<5>imgbuild: $*" > /dev/kmsg
}

# Downloads URL $1 to the file $2. kubectl is the program of the base that supports TLS with the node's trusted authorities; it
# requires a user name, which a download site ignores.
fetch() {
    case $1 in
        https://*)
            path=${1#https://*/}
            HOME=/run kubectl --kubeconfig /dev/null --username imgbuild --server "${1%"/$path"}" get --raw "/$path" > "$2" < /dev/null
            ;;
        *) busybox wget -q -O "$2" "$1" ;;
    esac
}

is_right() {
    echo "$1  $2" | sha256sum --check --status 2> /dev/null
}

# Fetches the program $2 with the hash $1 into KEEP, unless it is there.
bring() {
    file=$keep/$1
    if [ -e "$file" ] && is_right "$1" "$file"; then
        return
    fi
    say "fetching $2 from $site"
    rm -f "$file" "$file.new"
    if ! fetch "$site/$2" "$file.new"; then
        say "fetching $2 from $site failed"
        return 1
    fi
    if ! is_right "$1" "$file.new"; then
        rm -f "$file.new"
        say "$2 from $site does not match the hash in imgbuild.lock"
        return 1
    fi
    mv "$file.new" "$file"
}

mkdir -p "$folder" "$keep"
while read -r hash name; do
    # The network may come up late, or a mirror be out of date: units that wait for this one keep waiting, so it must not fail.
    until bring "$hash" "$name"; do
        sleep 5
    done
    chmod 0755 "$keep/$hash"
    ln -sfn "$keep/$hash" "$folder/$name"
done
