# Brings this node into its cluster: join NODE HOST:PORT [LABEL…], with the place of its API server
#
# Waits for the API server, applies the manifests beside this file in the order of their names, labels the node, and waits
# until it is Ready. All of it may run again and again, and on several nodes at once. What it does shows on the console.

. /etc/kubernetes/imgbuild/api-servers
node=$1 server=$2
shift 2

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

say "waiting for the API server at $server"
until is_ready "$server"; do
    sleep 2
done
say "the API server answers"

# Static pods that have nothing to do before.
for pod in "$here"/static-pods/*.yaml; do
    [ ! -e "$pod" ] || run_pod "$pod"
done

for manifest in "$here"/*.yaml; do
    [ -e "$manifest" ] || continue
    # Not validated here: what the API server would check it by takes it longest to make.
    until_done k apply --validate=false --server-side --force-conflicts --field-manager imgbuild -f "$manifest"
    say "applied ${manifest##*/}"
done

if [ $# -gt 0 ]; then
    until_done k label --overwrite "node/$node" "$@"
    # Pods can be made once the controller manager has made what they run as.
    until_done k wait --for create --timeout 25s serviceaccount/default
fi
until_done k wait --for condition=Ready --timeout 25s "node/$node"
say "the node is Ready"
