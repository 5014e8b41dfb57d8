#!/bin/sh
# Waits for the subnet that this node's flannel gets, and creates docker's network `flannel` with it. If the subnet has changed, the
# network is created again and its containers are moved, with their aliases.
set -eu
lease=/run/flannel/subnet.env
moving=/run/flannel/moving

docker() {
    {{engine}} "$@"
}

# Creates the network, with further options.
create() {
    docker network create --driver=bridge --subnet="$subnet" --gateway="$gateway" --label="$label" \
        --opt=com.docker.network.bridge.name={{bridge}} --opt=com.docker.network.driver.mtu="$FLANNEL_MTU" \
        --opt=com.docker.network.bridge.enable_ip_masquerade=false "$@" flannel
}

# Files of an earlier start are ignored. systemd sets MAINPID to flannel's; if that process is gone, there is nothing to wait for.
until [ "$lease" -nt /run/flannel/starting ]; do
    kill -0 "$MAINPID"
    sleep 1
done
. "$lease"
# FLANNEL_SUBNET is the first address after that of the subnet, with its prefix length.
gateway=${FLANNEL_SUBNET%/*}
subnet=${gateway%.*}.$((${gateway##*.} - 1))/${FLANNEL_SUBNET#*/}
label=imgbuild.flannel=$subnet-$FLANNEL_MTU

if [ -n "$(docker network ls --quiet --filter=name='^flannel$' --filter=label="$label")" ] && ! [ -e "$moving" ]; then
    exit 0
fi
if [ -n "$(docker network ls --quiet --filter=name='^flannel$')" ]; then
    # If this is stopped at any point, the next start knows which containers to move.
    containers=$(docker ps --all --quiet --filter=network=flannel)
    if [ -n "$containers" ]; then
        # One line per container: its id, then its aliases.
        docker inspect --format='{{aliases}}' $containers >> "$moving"
    fi
    for container in $containers; do
        docker network disconnect --force flannel "$container"
    done
    docker network rm flannel
fi
# Packets for containers come from other nodes, which docker 28 and later drops except in this mode. Older versions lack the mode.
create --opt=com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected || create
if [ -e "$moving" ]; then
    while read -r container names; do
        # It may have been removed meanwhile.
        docker network connect $names flannel "$container" || true
    done < "$moving"
    rm "$moving"
fi
