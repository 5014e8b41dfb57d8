# Fetches the programs of Kubernetes: fetch-programs SITE FOLDER KEEP, with a line `SHA-256 NAME` on standard input for each.
#
# What is in KEEP, which may outlive a boot, is not fetched again. A program is checked against its hash before it can be run. Tries until it
# has all of them.
set -eu
site=$1
folder=$2
keep=$3

say() {
    echo "<5>imgbuild: $*" > /dev/kmsg
}

# Writes what is at URL $1 to the file $2. Of all that the base has, kubectl is what speaks TLS and trusts whom the node trusts; it
# wants to know who it is, which means nothing to a download site.
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

# Brings the program $2 with the hash $1 into KEEP, unless it is there.
bring() {
    file=$keep/$1
    if [ -e "$file" ] && is_right "$1" "$file"; then
        return
    fi
    say "fetching $2 from $site"
    rm -f "$file" "$file.new"
    if ! fetch "$site/$2" "$file.new"; then
        say "$2 did not come from $site"
        return 1
    fi
    if ! is_right "$1" "$file.new"; then
        rm -f "$file.new"
        say "$2 from $site is not the one that imgbuild.lock pins"
        return 1
    fi
    mv "$file.new" "$file"
}

mkdir -p "$folder" "$keep"
while read -r hash name; do
    # A network that comes late, or a mirror that is behind: whoever waits for this goes on waiting, which is why the unit does not fail.
    until bring "$hash" "$name"; do
        sleep 5
    done
    chmod 0755 "$keep/$hash"
    ln -sfn "$keep/$hash" "$folder/$name"
done
