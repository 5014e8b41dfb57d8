#!/bin/sh
# Writes the network's settings from the node's spec to etcd, where the flannel of every node reads them. Waits for etcd.
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
echo "changed flannel's network from ${known:-none} to $network"
