{{settings}}
# The kubelet runs the member as long as its manifest is there, and the member holds its database (flock(2)) as long as it runs.
manifest={{manifest}}
aside={{aside}}
stop() {
    [ ! -e "$manifest" ] || mv "$manifest" "$aside"
    tries=0
    while [ -e "$data/member/snap/db" ] && ! flock --nonblock "$data/member/snap/db" true; do
        tries=$((tries + 1))
        if [ $tries -ge 120 ]; then
            start
            echo 'the kubelet does not stop etcd: systemctl status kubelet' >&2
            exit 1
        fi
        sleep 1
    done
}
start() {
    [ ! -e "$aside" ] || mv "$aside" "$manifest"
}
