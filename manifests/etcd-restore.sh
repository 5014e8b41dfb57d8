#!/bin/sh
# Restores this node's etcd member from a snapshot: imgbuild-etcd-restore FILE
#
# In a cluster with several members, run `imgbuild-etcd-restore --stop` on each first, then this with the same FILE on each. The restored
# cluster has a new identity, so that a member which was forgotten stays out of it. The member's old data is kept in
# `before-restore` below its data folder until the next restore.
set -eu
umask 077

# Replaced by the settings below where the member is not a unit.
stop() {
    systemctl stop etcd.service
}
start() {
    systemctl start --no-block etcd.service
}

first=
if [ "${1-}" = --first ]; then
    # At boot: only if there is no data yet. The file is removed, since it takes memory.
    first=yes
    shift
fi
if [ $# -ne 1 ]; then
    echo 'usage: imgbuild-etcd-restore FILE | --stop' >&2
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

# The running member is not touched before the new data is complete. Revisions continue far after those that clients have seen, and the
# old ones count as compacted, so that watchers list again instead of waiting for revisions that will never come.
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
# Programs that cache the data are restarted; the kubelet restarts its pods. They are killed: an API server that shuts down
# gracefully serves its cache for minutes while etcd is away. Names are truncated as by the kernel.
for program in kube-apiserver kube-controller kube-scheduler; do
    pkill -KILL -x "$program" || true
done
systemctl try-restart --no-block kubelet.service || true
echo "restored $file; etcd is available once most of its members are restored (check with etcdctl endpoint health)"
