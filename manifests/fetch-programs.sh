# Fetches the programs of Kubernetes: fetch-programs SITE FOLDER KEEP, with a line `SHA-256 NAME` on standard input for each.
#
# What is in KEEP, which may outlive a boot, is not fetched again. A program is checked against its hash before it can be run. The
# connection need not be trusted for that, and busybox's TLS trusts every server.
set -eu
site=$1
folder=$2
keep=$3

say() {
    echo "<5>imgbuild: $*" > /dev/kmsg
}

is_right() {
    echo "$1  $2" | sha256sum --check --status 2> /dev/null
}

mkdir -p "$folder" "$keep"
while read -r hash name; do
    file=$keep/$hash
    if ! { [ -e "$file" ] && is_right "$hash" "$file"; }; then
        say "fetching $name from $site"
        rm -f "$file" "$file.new"
        busybox wget -q -O "$file.new" "$site/$name"
        if ! is_right "$hash" "$file.new"; then
            rm -f "$file.new"
            say "$name from $site is not the one that imgbuild.lock pins"
            exit 1
        fi
        mv "$file.new" "$file"
    fi
    chmod 0755 "$file"
    ln -sfn "$file" "$folder/$name"
done
