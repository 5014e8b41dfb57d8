#!/bin/sh
# Puts this node's etcd member back to a snapshot: imgbuild-etcd-restore FILE
#
# Of a cluster with several members: first `imgbuild-etcd-restore --stop` on each, then this with the same FILE on each. The restored
# cluster has an identity of its own, so that a member which was forgotten stays out of it. What the member had is kept in
# `before-restore` below its data folder until the next time.
set -eu
umask 077

# Where the member is no unit these are others.
stop() {
    systemctl stop etcd.service
}
start() {
    systemctl start --no-block etcd.service
}

first=
if [ "${1-}" = --first ]; then
    # At boot: only where there is no data yet. The file goes, for it takes memory.
    first=yes
    shift
fi
if [ $# -ne 1 ]; then
    echo 'usage: imgbuild-etcd-restore FILE, or --stop' >&2
    exit 2
fi
file=$1
[ "$file" = --stop ] || file=$(realpath "$file")
{{settings}}
data=$ETCD_DATA_DIR
if [ "$file" = --stop ]; then
    stop
    exit 0
fi
if [ -n "$first" ] && [ -e "$data/member" ]; then
    rm -f "$file"
    exit 0
fi

# The running member is not touched before the data are there. Revisions go on far behind those that clients have seen, and the
# old ones count as compacted, so that whoever watches looks again instead of waiting for a past that does not come back.
etcdutl snapshot status "$file" --write-out json
hash=$(sha256sum < "$file")
token=$ETCD_INITIAL_CLUSTER_TOKEN-$(printf %.12s "$hash")
new=$data/restoring
rm -rf "$new"
etcdutl snapshot restore "$file" --data-dir "$new" --name "$ETCD_NAME" \
    --initial-cluster "$ETCD_INITIAL_CLUSTER" --initial-cluster-token "$token" \
    --initial-advertise-peer-urls "$ETCD_INITIAL_ADVERTISE_PEER_URLS" \
    --bump-revision 1000000000 --mark-compacted
chown -R --reference="$data" "$new"

[ -n "$first" ] || stop
if [ -e "$data/member" ]; then
    rm -rf "$data/before-restore"
    mv "$data/member" "$data/before-restore"
fi
mv "$new/member" "$data/member"
rm -rf "$new"
sync "$data"
if [ -n "$first" ]; then
    rm -f "$file"
    echo "this member starts from the snapshot"
    exit 0
fi
start
# What keeps a picture of the data starts anew; the kubelet brings its pods back. At once: an API server that ends in peace goes on
# answering from its picture, for minutes where etcd is away. Their names as the kernel cuts them.
for program in kube-apiserver kube-controller kube-scheduler; do
    pkill -KILL -x "$program" || true
done
systemctl try-restart --no-block kubelet.service || true
echo "restored $file; etcd answers once most of its members are restored (etcdctl endpoint health)"
