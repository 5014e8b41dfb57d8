# As docker reads them: the rest of a line is the value, whatever it holds.
while IFS= read -r line; do
    export "$line"
done < /etc/etcd/environment
image={{image}}

# The release's own program, on the data and the file alone.
etcdutl() {
    docker run --rm --network=none --user=0:0 --volume="$data:$data" --volume="$file:$file:ro" "$image" /usr/local/bin/etcdutl "$@"
}

until docker image inspect "$image" > /dev/null 2>&1 || docker pull --quiet "$image"; do
    sleep 5
done
