# What kube-proxy does on node1 in its mode `iptables`, as far as connections to Services need it: sourced by lab.sh.

{
    echo "*nat
:KUBE-SERVICES -
:KUBE-NODEPORTS -
:KUBE-MARK-MASQ -
:KUBE-POSTROUTING -
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE"
    while read -r name cluster port node_port external endpoint endpoint_port _; do
        to=$endpoint:$endpoint_port
        [ "$family" = 4 ] || to=[$endpoint]:$endpoint_port
        for protocol in tcp udp; do
            of=$name-$protocol
            echo ":KUBE-EXT-$of -
:KUBE-SVC-$of -
:KUBE-SEP-$of -
-A KUBE-SERVICES -d $cluster -p $protocol --dport $port -j KUBE-SVC-$of
-A KUBE-NODEPORTS -p $protocol --dport $node_port -j KUBE-EXT-$of
-A KUBE-EXT-$of -j KUBE-MARK-MASQ
-A KUBE-EXT-$of -j KUBE-SVC-$of
-A KUBE-SVC-$of ! -s $pods -d $cluster -p $protocol --dport $port -j KUBE-MARK-MASQ
-A KUBE-SVC-$of -j KUBE-SEP-$of
-A KUBE-SEP-$of -s $endpoint -j KUBE-MARK-MASQ
-A KUBE-SEP-$of -p $protocol -j DNAT --to-destination $to"
            [ "$external" = - ] ||
                echo "-A KUBE-SERVICES -d $external -p $protocol --dport $port -j KUBE-EXT-$of"
        done
    done < table
    echo "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
*filter
:KUBE-FORWARD -
-A FORWARD -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT"
} > proxy.rules
case $family in
    4) in_ node1 iptables-restore --noflush proxy.rules ;;
    6) in_ node1 ip6tables-restore --noflush proxy.rules ;;
esac
