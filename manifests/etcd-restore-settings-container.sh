# Parsed in the same way as by the engine: the rest of a line is the value, whatever it contains.
while IFS= read -r line; do
    export "$line"
done < /etc/etcd/environment
image={{image}}

# The release's own program, with access only to the data and the file.
etcdutl() {
    {{engine}} run --rm{{files}} --network=none --user=0:0 --volume="$data:$data" --volume="$file:$file:ro" "$image" /usr/local/bin/etcdutl "$@"
}

until {{engine}} image inspect "$image" > /dev/null 2>&1 || {{engine}} pull --quiet "$image"; do
    sleep 5
done
