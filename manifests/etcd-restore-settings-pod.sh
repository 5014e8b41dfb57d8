{{settings}}
# The kubelet runs the member as long as its manifest exists, and the member locks its database (flock(2)) as long as it runs.
manifest={{manifest}}
aside={{aside}}
stop() {
    [ ! -e "$manifest" ] || mv "$manifest" "$aside"
    tries=0
    while [ -e "$data/member/snap/db" ] && ! flock --nonblock "$data/member/snap/db" true; do
        tries=$((tries + 1))
        if [ $tries -ge 120 ]; then
            start
            echo 'the kubelet did not stop etcd: see systemctl status kubelet' >&2
            exit 1
        fi
        sleep 1
    done
}
start() {
    [ ! -e "$aside" ] || mv "$aside" "$manifest"
}
