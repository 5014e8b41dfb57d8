# Joins this node to its cluster: join NODE HOST:PORT [LABEL…], with the address of its API server
#
# Waits for the API server, applies the manifests beside this file in the order of their names, labels the node, and waits
# until it is Ready. It may run repeatedly, and on several nodes at once. Its progress is shown on the console.

. /etc/kubernetes/imgbuild/api-servers
node=$1 server=$2
shift 2

# Runs a command until it succeeds; prints the last line of its output, shortened, whenever it changes.
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
say "the API server is ready"

# Static pods that depend on the API server.
for pod in "$here"/static-pods/*.yaml; do
    [ ! -e "$pod" ] || run_pod "$pod"
done

for manifest in "$here"/*.yaml; do
    [ -e "$manifest" ] || continue
    # Without validation: the schema for it is what the API server takes longest to compute.
    until_done k apply --validate=false --server-side --force-conflicts --field-manager imgbuild -f "$manifest"
    say "applied ${manifest##*/}"
done

if [ $# -gt 0 ]; then
    until_done k label --overwrite "node/$node" "$@"
    # Pods can be created once the controller manager has created their service account.
    until_done k wait --for create --timeout 25s serviceaccount/default
fi
until_done k wait --for condition=Ready --timeout 25s "node/$node"
say "the node is Ready"
