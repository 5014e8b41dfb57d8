# Waits until it is for this node to start its API server, which it does with its kubelet: turn [MANIFEST]
#
# With the manifest of the API server the kubelet runs already, and etcd with it: then the script waits for etcd as well, and gives the
# kubelet the manifest.
#
# $EARLIER and $LATER name the API servers of the other control planes: those that go first where all start at once, and the others.
# One that starts beside others may give up before it has read what it needs (it gives itself 30 s for the roles), and takes from the
# others what they need.

. /etc/kubernetes/imgbuild/api-servers

# No longer than this, in seconds: an API server that is broken must not hold up the others.
most=600
# For those before this one to show themselves, when nobody is ready, and for each when somebody is.
show=60
head_start=30

# Whether the node of an API server is up: its kubelet listens.
is_up() {
    local host=${1%:*}
    host=${host#[} host=${host%]}
    timeout 3 bash -c ': < "/dev/tcp/$0/10250"' "$host" 2> /dev/null
}

# Whether this node may go on.
is_our_turn() {
    local server someone= missing=0
    for server in $EARLIER; do
        if is_ready "$server"; then
            someone=$server
        elif is_up "$server"; then
            tell "$server"
            return 1
        else
            missing=$((missing + 1))
        fi
    done
    [ $missing -gt 0 ] || return 0
    for server in $LATER; do
        ! is_ready "$server" || someone=$server
    done
    if [ -z "$someone" ]; then
        [ $SECONDS -ge $show ]
    else
        : "${since:=$SECONDS}"
        [ $((SECONDS - since)) -ge $((missing * head_start)) ]
    fi
}

# Whether this node's etcd answers, which it does once most of its members run.
etcd_is_ready() {
    # In a shell of its own: where nobody listens, the redirection of `exec` ends it.
    [ "$(timeout 10 bash -c 'exec 3<> /dev/tcp/127.0.0.1/2381 && printf "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 &&
        read -r _ status _ <&3 && echo "$status"' 2> /dev/null)" = 200 ]
}

tell() {
    [ "$1" = "$told" ] || say "its API server starts behind that at $1"
    told=$1
}

if [ $# -gt 0 ]; then
    say "waiting for etcd"
    while ! etcd_is_ready; do
        sleep 2
    done
    say "etcd answers"
    SECONDS=0
fi
until is_our_turn || [ $SECONDS -ge $most ]; do
    sleep 5
done
[ $# -eq 0 ] || run_pod "$1"
