# Brings this node into its cluster: join NODE API-HOST API-PORT [LABEL…]
#
# Waits for the API server, applies the manifests beside this file in the order of their names, labels the node, and waits
# until it is Ready. All of it may run again and again, and on several nodes at once. What it does shows on the console.

node=$1 host=$2 port=$3
shift 3
here=/etc/kubernetes/imgbuild
cache=/run/imgbuild-kubectl
PATH={{programs}}:$PATH
connect=$host:$port
[[ $host != *:* ]] || connect=[$host]:$port

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

# Whether the API server is ready. Asked without kubectl, which takes seconds of the processor that the server needs, unless the
# server knows no strangers (401). One that has not yet made the roles of strangers says 403.
api_is_ready() {
    case $(printf 'GET /readyz HTTP/1.0\r\nHost: %s\r\n\r\n' "$host" |
        timeout 10 openssl s_client -quiet -verify_quiet -verify_return_error -CAfile /etc/kubernetes/pki/ca.crt \
            -connect "$connect" 2> /dev/null) in
        HTTP/*\ 200\ *) true ;;
        HTTP/*\ 401\ *) k get --raw /readyz > /dev/null 2>&1 ;;
        *) false ;;
    esac
}

say "waiting for the API server at $host:$port"
until api_is_ready; do
    sleep 2
done
say "the API server answers"

# Static pods that have nothing to do before. The kubelet reads a file as soon as it is there, so each comes whole.
for pod in "$here"/static-pods/*.yaml; do
    [ -e "$pod" ] || continue
    install --mode 0600 "$pod" "/etc/kubernetes/manifests/.${pod##*/}"
    mv "/etc/kubernetes/manifests/.${pod##*/}" "/etc/kubernetes/manifests/${pod##*/}"
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
