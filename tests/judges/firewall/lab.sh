# Two nodes, their pods and two machines on their network, each a network namespace: lab.sh FOLDER
#
# FOLDER has the addresses (addresses), the nodes' rules (node1.nft, node2.nft), the Services (table: NAME CLUSTER-IP PORT NODE-PORT
# EXTERNAL-IP ENDPOINT ENDPOINT-PORT NODE), a script that redirects connections to them on node1 (redirect), and the connections to try
# (probes): `FROM PROTOCOL ADDRESS PORT yes|no`. Prints each connection with its answer, or without any.
# Runs in user, network, mount and process namespaces of its own.
set -eu
here=${0%/*}
cd "$1"
. ./addresses

mount -t tmpfs none /run
mkdir -p /run/netns /run/lock
in_() { ip netns exec "$@"; }

for name in wire admin stranger node1 node2 pod1 pod2 pod3; do
    ip netns add $name
    in_ $name ip link set lo up
    # Neither waits for duplicate addresses, nor for routers.
    in_ $name sysctl -q -w net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
done

# A cable between two namespaces: FROM LINK TO LINK.
cable() {
    ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
    in_ "$1" ip link set "$2" up
    in_ "$3" ip link set "$4" up
}

in_ wire ip link add lan type bridge
in_ wire ip link set lan up
for name in admin stranger node1 node2; do
    cable wire to-$name $name eth0
    in_ wire ip link set to-$name master lan
done
in_ admin ip addr add "$admin/$prefix" dev eth0
in_ stranger ip addr add "$stranger/$prefix" dev eth0
for node in 1 2; do
    eval "own=\$node$node gateway=\$gateway$node"
    in_ node$node sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    in_ node$node ip addr add "$own/$prefix" dev eth0
    in_ node$node ip link add cni0 type bridge
    in_ node$node ip link set cni0 up
    in_ node$node ip addr add "$gateway/$share" dev cni0
    in_ node$node ip route add "$strangers" dev eth0
    in_ node$node ip route add default via "$admin"
done
in_ admin ip route add "$strangers" dev eth0
in_ stranger ip route add "$nodes" dev eth0
for name in admin stranger; do
    in_ $name ip route add "$pods" via "$node1"
    in_ $name ip route add "$external" via "$node1"
    in_ $name ip route add "$services" via "$node1"
done

# A pod behind its node's bridge: POD NODE ADDRESS GATEWAY.
pod() {
    cable "$2" "veth-$1" "$1" eth0
    in_ "$2" ip link set "veth-$1" master cni0
    in_ "$2" bridge link set dev "veth-$1" hairpin on
    in_ "$1" ip addr add "$3/$share" dev eth0
    in_ "$1" ip route add default via "$4"
}
pod pod1 node1 "$pod1" "$gateway1"
pod pod2 node1 "$pod2" "$gateway1"
pod pod3 node2 "$pod3" "$gateway2"

if [ "$overlay" = vxlan ]; then
    for node in 1 2; do
        eval "own=\$node$node tunnel=\$tunnel$node"
        in_ node$node ip link add flannel.1 address 02:00:00:00:00:0$node type vxlan id 1 local "$own" dstport 8472 nolearning
        in_ node$node ip link set flannel.1 up
        in_ node$node ip addr add "$tunnel/32" dev flannel.1
    done
    # What flannel knows of the other node.
    in_ node1 ip neigh add "$tunnel2" lladdr 02:00:00:00:00:02 dev flannel.1
    in_ node2 ip neigh add "$tunnel1" lladdr 02:00:00:00:00:01 dev flannel.1
    in_ node1 bridge fdb append 02:00:00:00:00:02 dev flannel.1 dst "$node2"
    in_ node2 bridge fdb append 02:00:00:00:00:01 dev flannel.1 dst "$node1"
    in_ node1 ip route add "$share2" via "$tunnel2" dev flannel.1 onlink
    in_ node2 ip route add "$share1" via "$tunnel1" dev flannel.1 onlink
else
    in_ node1 ip route add "$share2" via "$node2"
    in_ node2 ip route add "$share1" via "$node1"
fi
# Pods leave the cluster with their node's address, as by the bridge plugin.
for node in 1 2; do
    eval "own=\$share$node"
    in_ node$node nft -f - << END
table inet pods {
    chain postrouting {
        type nat hook postrouting priority srcnat - 1; policy accept;
        $ip saddr $own $ip daddr != $pods masquerade
    }
}
END
done

serve() {
    local name=$1
    shift
    mkfifo "$name.ready"
    in_ "$name" python3 "$here/serve.py" "$name" "$@" > "$name.ready" &
    read -r _ < "$name.ready"
}
for name in pod1 pod2 pod3; do
    serve $name 8080
done
serve node1 22 9100
serve node2 22 9100
serve admin 8080
serve stranger 8080

in_ node1 nft -f node1.nft
in_ node2 nft -f node2.nft
. ./redirect
# Ports of the host, which the CNI plugin `portmap` redirects.
in_ node1 nft -f - << END
table $ip cni_hostport {
    chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local jump hostports; }
    chain hostports {
        tcp dport 8088 dnat to $hostport
        tcp dport 8443 dnat to $hostport
    }
}
END

# Connects, and prints the answer: FROM PROTOCOL ADDRESS PORT SECONDS.
ask() {
    in_ "$1" timeout "$5" bash -c '
        exec 3<> "/dev/$0/$1/$2"
        while [ "$0" = udp ]; do
            echo >&3
            timeout 0.5 dd bs=64 count=1 status=none <&3 && exit
        done
        cat <&3' "$2" "$3" "$4" 2> /dev/null || true
}

# All connections that end as given, at once: yes|no SECONDS.
ask_all() {
    local number=100 pids=() from protocol address port want
    while read -r from protocol address port want; do
        number=$((number + 1))
        [ "$want" = "$1" ] || continue
        echo "$from $protocol $address $port $(ask "$from" "$protocol" "$address" "$port" "$2")" > answers/$number &
        pids+=($!)
    done < probes
    [ ${#pids[@]} = 0 ] || wait "${pids[@]}"
}
mkdir answers
# What is to be answered is waited for. What is not has two seconds, after the machine has shown that it is not slower than that.
ask_all yes 60
ask_all no 2
cat answers/*
