# What kube-proxy does on node1 in its mode `nftables`, as far as connections to Services need it: sourced by lab.sh.

{
    echo "table $ip kube-proxy {
    chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
    chain nat-output { type nat hook output priority -100; jump services; }
    chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }
    chain masquerading {
        meta mark & 0x4000 != 0 meta mark set meta mark ^ 0x4000 masquerade fully-random"
    while read -r _ _ _ _ _ endpoint endpoint_port _; do
        echo "        ct status dnat $ip saddr $endpoint $ip daddr $endpoint meta l4proto { tcp, udp } th dport $endpoint_port masquerade"
    done < table
    echo "    }"
    while read -r name cluster port node_port external endpoint endpoint_port _; do
        to=$endpoint:$endpoint_port
        [ "$family" = 4 ] || to=[$endpoint]:$endpoint_port
        echo "    chain service-$name {
        $ip daddr $cluster $ip saddr != $pods meta mark set meta mark | 0x4000
        meta l4proto { tcp, udp } dnat to $to
    }
    chain external-$name {
        meta mark set meta mark | 0x4000
        goto service-$name
    }"
    done < table
    echo "    chain services {"
    while read -r name cluster port node_port external endpoint endpoint_port _; do
        echo "        $ip daddr $cluster meta l4proto { tcp, udp } th dport $port goto service-$name
        $ip daddr $node1 meta l4proto { tcp, udp } th dport $node_port goto external-$name"
        [ "$external" = - ] ||
            echo "        $ip daddr $external meta l4proto { tcp, udp } th dport $port goto external-$name"
    done < table
    echo "    }
}"
} > proxy.rules
in_ node1 nft -f proxy.rules
