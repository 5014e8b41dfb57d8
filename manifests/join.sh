# Joins this node to its cluster: join NODE HOST:PORT [LABEL…], with the address of its API server
#
# Waits for the API server, applies the manifests beside this file in the order of their names, labels the node, and waits
# until it is Ready. One that the API server refuses does not hold up the others: it is named on the console and tried again as
# long as the node runs. It may run repeatedly, and on several nodes at once. Its progress is shown on the console.

. /etc/kubernetes/imgbuild/api-servers
node=$1 server=$2
shift 2

# The administrator's kubeconfig may name another API server.
k() {
    kubectl --cache-dir "$cache" --request-timeout 30s --server "https://$server" "$@"
}

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

# Without a kubeconfig kubectl would ask for a name. A node that joins by token has one once its certificate is signed.
until [ -z "${KUBECONFIG-}" ] || [ -e "$KUBECONFIG" ]; do
    [ -n "${told-}" ] || say "waiting for the cluster to sign the node's certificate"
    told=yes
    sleep 2
done

# Static pods that depend on the API server.
for pod in "$here"/static-pods/*.yaml; do
    [ ! -e "$pod" ] || run_pod "$pod"
done

# The manifests that are not applied yet, and why.
pending=()
declare -A refused

# Tries to apply each of them.
apply_pending() {
    local manifest words left=()
    for manifest in "${pending[@]}"; do
        # Without validation: the schema for it is what the API server takes longest to compute.
        if words=$(k apply --validate=false --server-side --force-conflicts --field-manager imgbuild -f "$manifest" 2>&1); then
            say "applied ${manifest##*/}"
            continue
        fi
        left+=("$manifest")
        words=${words##*$'\n'}
        words=${words:0:160}
        [ "$words" = "${refused[$manifest]}" ] || say "not applied: ${manifest##*/} ($words)"
        refused[$manifest]=$words
    done
    pending=("${left[@]}")
}

for manifest in "$here"/*.yaml; do
    [ ! -e "$manifest" ] || pending+=("$manifest")
done
# The first control plane grants the administrator's rights to the others.
if [ ${#pending[@]} -gt 0 ] && ! k auth can-i '*' '*' > /dev/null 2>&1; then
    say "waiting for the administrator's rights, which the first control plane grants"
    until k auth can-i '*' '*' > /dev/null 2>&1; do
        sleep 2
    done
fi
# Some need what others create, and the API server takes a moment to serve a new kind.
for _ in 1 2 3 4 5; do
    apply_pending
    [ ${#pending[@]} -gt 0 ] || break
    sleep 2
done
# Gives the cluster the token of a manifest once: one that has expired, or that an administrator has deleted, does not come back.
give_token() {
    local id=${1##*/} known words
    id=${id%.yaml}
    known=$(k --namespace kube-system get "configmap/imgbuild-token-$id" --ignore-not-found -o name) || return
    [ -z "$known" ] || return 0
    words=$(k create --validate=false -f "$1" 2>&1) || [[ $words == *AlreadyExists* ]] || {
        echo "$words"
        return 1
    }
    k --namespace kube-system create configmap "imgbuild-token-$id"
}
for token in "$here"/tokens/*.yaml; do
    [ ! -e "$token" ] || until_done give_token "$token"
done
# What is left may need what comes later, such as a webhook whose pods need a node that is Ready.
while [ ${#pending[@]} -gt 0 ]; do
    sleep 20
    apply_pending
done &

if [ $# -gt 0 ]; then
    until_done k label --overwrite "node/$node" "$@"
    # Pods can be created once the controller manager has created their service account.
    until_done k wait --for create --timeout 25s serviceaccount/default
fi
until_done k wait --for condition=Ready --timeout 25s "node/$node"
say "the node is Ready"
