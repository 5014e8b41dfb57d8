#!/bin/sh
# Waits for the part of the addresses that this node's flannel gets, and makes docker's network `flannel` of it. Where the part is
# another than before, the network is made anew and its containers move, with the names that others know them by.
set -eu
lease=/run/flannel/subnet.env
moving=/run/flannel/moving

docker() {
    {{engine}} "$@"
}

# Makes the network, with further options.
create() {
    docker network create --driver=bridge --subnet="$subnet" --gateway="$gateway" --label="$label" \
        --opt=com.docker.network.bridge.name={{bridge}} --opt=com.docker.network.driver.mtu="$FLANNEL_MTU" \
        --opt=com.docker.network.bridge.enable_ip_masquerade=false "$@" flannel
}

# What an earlier start left there does not count. systemd says who flannel is; without it there is nothing to wait for.
until [ "$lease" -nt /run/flannel/starting ]; do
    kill -0 "$MAINPID"
    sleep 1
done
. "$lease"
# FLANNEL_SUBNET is the first address behind that of the subnet, with its prefix length.
gateway=${FLANNEL_SUBNET%/*}
subnet=${gateway%.*}.$((${gateway##*.} - 1))/${FLANNEL_SUBNET#*/}
label=imgbuild.flannel=$subnet-$FLANNEL_MTU

if [ -n "$(docker network ls --quiet --filter=name='^flannel$' --filter=label="$label")" ] && ! [ -e "$moving" ]; then
    exit 0
fi
if [ -n "$(docker network ls --quiet --filter=name='^flannel$')" ]; then
    # Also if this is stopped at any point, the next start knows who has to move.
    containers=$(docker ps --all --quiet --filter=network=flannel)
    if [ -n "$containers" ]; then
        # Each by its words, and in lines of its own: an identity, then the names.
        docker inspect --format='{{aliases}}' $containers >> "$moving"
    fi
    for container in $containers; do
        docker network disconnect --force flannel "$container"
    done
    docker network rm flannel
fi
# Packets for containers come from other nodes, which docker since 28 keeps out, but for this mode. Older ones know no such mode.
create --opt=com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected || create
if [ -e "$moving" ]; then
    while read -r container names; do
        # It may have gone meanwhile.
        docker network connect $names flannel "$container" || true
    done < "$moving"
    rm "$moving"
fi
