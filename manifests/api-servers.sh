# Functions of the scripts beside this file; API servers are named HOST:PORT.

here=/etc/kubernetes/imgbuild
cache=/run/imgbuild-kubectl
PATH={{programs}}:$PATH

# Prints on the console and in the journal.
say() {
    echo "<5>imgbuild: {{node}}: $*" > /dev/kmsg
}

k() {
    kubectl --cache-dir "$cache" --request-timeout 30s "$@"
}

# Passes the manifest of a static pod to the kubelet. It reads a file as soon as it exists, so it is moved there complete.
run_pod() {
    local name=${1##*/}
    install --mode 0600 "$1" "/etc/kubernetes/manifests/.$name"
    mv "/etc/kubernetes/manifests/.$name" "/etc/kubernetes/manifests/$name"
}

# Whether an API server is ready. Checked without kubectl, which takes seconds of the processor that the server needs, unless the
# server refuses anonymous requests (401). One that has not yet created the roles of anonymous users answers 403.
is_ready() {
    case $(printf 'GET /readyz HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" |
        timeout 10 openssl s_client -quiet -verify_quiet -verify_return_error -CAfile /etc/kubernetes/pki/ca.crt \
            -connect "$1" 2> /dev/null) in
        HTTP/*\ 200\ *) true ;;
        HTTP/*\ 401\ *) k --server "https://$1" get --raw /readyz > /dev/null 2>&1 ;;
        *) false ;;
    esac
}
