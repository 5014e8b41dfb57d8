# Waits until it is for this node to start its API server, which it does with its kubelet: turn
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

tell() {
    [ "$1" = "$told" ] || say "its API server starts behind that at $1"
    told=$1
}

until is_our_turn || [ $SECONDS -ge $most ]; do
    sleep 5
done
