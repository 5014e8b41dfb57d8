# Fetches the programs of Kubernetes: fetch-programs SITE FOLDER KEEP, with a line `SHA-256 NAME` on standard input for each.
#
# What is in KEEP, which may outlive a boot, is not fetched again. A program is checked against its hash before it can be run.
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

mkdir -p "$folder" "$keep"
while read -r hash name; do
    file=$keep/$hash
    if ! { [ -e "$file" ] && is_right "$hash" "$file"; }; then
        say "fetching $name from $site"
        rm -f "$file" "$file.new"
        fetch "$site/$name" "$file.new"
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
