# Waits until this node may start its API server, which its kubelet then does: api-server-order [MANIFEST]
#
# With the API server's MANIFEST, the kubelet and etcd run already: then the script also waits for etcd, and passes the manifest to the
# kubelet.
#
# $EARLIER and $LATER name the API servers of the other control planes: those that start first when all boot at once, and the others.
# One that starts at the same time as others may exit before it has read what it needs (it allows 30 s for the roles), and takes
# resources that the others need.

. /etc/kubernetes/imgbuild/api-servers

# The longest wait in seconds: a broken API server must not delay the others forever.
most=600
# How long to wait for earlier ones to appear if none is ready, and for each missing one if another is.
show=60
head_start=30

# Whether the node of an API server is up, that is, its kubelet listens.
is_up() {
    local host=${1%:*}
    host=${host#[} host=${host%]}
    timeout 3 bash -c ': < "/dev/tcp/$0/10250"' "$host" 2> /dev/null
}

# Whether this node may start its API server.
may_start() {
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
    # In a separate shell, since a failed redirection of `exec` ends the shell.
    [ "$(timeout 10 bash -c 'exec 3<> /dev/tcp/127.0.0.1/2381 && printf "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 &&
        read -r _ status _ <&3 && echo "$status"' 2> /dev/null)" = 200 ]
}

tell() {
    [ "$1" = "$told" ] || say "its API server starts after the one at $1"
    told=$1
}

if [ $# -gt 0 ]; then
    say "waiting for etcd"
    while ! etcd_is_ready; do
        sleep 2
    done
    say "etcd is ready"
    SECONDS=0
fi
until may_start || [ $SECONDS -ge $most ]; do
    sleep 5
done
[ $# -eq 0 ] || run_pod "$1"
