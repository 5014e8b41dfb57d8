#!/bin/sh
# Tells etcd, and by it the flannel of every node, what the node's spec says of the network. Waits for etcd; writes what differs.
set -eu
key=/coreos.com/network/config
network='{{network}}'
etcdctl() {
    {{etcdctl}} "$@"
}

until known=$(etcdctl get --print-value-only "$key"); do
    sleep 2
done
if [ "$known" = "$network" ]; then
    exit 0
fi
until etcdctl put "$key" "$network"; do
    sleep 2
done
echo "flannel's network was ${known:-unknown}, and is $network"
