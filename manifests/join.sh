# Brings this node into its cluster: join NODE API-HOST API-PORT [LABEL…]
#
# Waits for the API server, applies the manifests beside this file in the order of their names, labels the node, and waits
# until it is Ready. All of it may run again and again, and on several nodes at once. What it does shows on the console.

node=$1 host=$2 port=$3
shift 3
here=/etc/kubernetes/imgbuild
cache=/run/imgbuild-kubectl
PATH={{programs}}:$PATH

say() {
    echo "<5>imgbuild: $node: $*" > /dev/kmsg
}

# Runs a command until it succeeds; its last words are told, in short, when they change.
until_done() {
    told=
    until words=$("$@" 2>&1); do
        words=${words##*$'\n'}
        words=${words:0:160}
        [ "$words" = "$told" ] || say "waiting ($words)"
        told=$words
        sleep 1
    done
}

k() {
    kubectl --cache-dir "$cache" --request-timeout 30s "$@"
}

say "waiting for the API server at $host:$port"
# Cheaper than a kubectl that fails.
until (exec 3<> "/dev/tcp/$host/$port") 2> /dev/null; do
    sleep 1
done
# It needs the processor more than we need to know at once.
until k get --raw /readyz > /dev/null 2>&1; do
    sleep 5
done
say "the API server answers"

for manifest in "$here"/*.yaml; do
    [ -e "$manifest" ] || continue
    # Not validated here: what the API server would check it by takes it longest to make.
    until_done k apply --validate=false --server-side --force-conflicts --field-manager imgbuild -f "$manifest"
    say "applied ${manifest##*/}"
done

if [ $# -gt 0 ]; then
    until_done k label --overwrite "node/$node" "$@"
fi
until_done k wait --for condition=Ready --timeout 25s "node/$node"
say "the node is Ready"
