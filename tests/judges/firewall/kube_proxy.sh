# The real kube-proxy on node1, with an API server that knows the Services: sourced by lab.sh as `redirect`. $programs is the folder of
# Kubernetes' programs, $mode the mode of the proxy.

export PATH="$programs:$PATH"
mkdir -p api
in_ node1 etcd --data-dir "$PWD/api/etcd" --unsafe-no-fsync > etcd.log 2>&1 &
openssl genrsa -out api/sa.key 2048 2> /dev/null
echo "token,admin,1,system:masters" > api/tokens
in_ node1 kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=127.0.0.1 --advertise-address=127.0.0.1 \
    --endpoint-reconciler-type=none --cert-dir="$PWD/api" --service-cluster-ip-range="$services" --authorization-mode=AlwaysAllow \
    --token-auth-file="$PWD/api/tokens" --service-account-issuer=https://kubernetes.default.svc \
    --service-account-signing-key-file="$PWD/api/sa.key" --service-account-key-file="$PWD/api/sa.key" > apiserver.log 2>&1 &
cat > api/kubeconfig << END
apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:6443", insecure-skip-tls-verify: true}}]
users: [{name: lab, user: {token: token}}]
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
current-context: lab
END
k() { in_ node1 kubectl --kubeconfig api/kubeconfig "$@"; }

# Until the command succeeds. The test itself ends the wait for what stands still.
until_done() {
    for _ in $(seq 1500); do
        "$@" > last.log 2>&1 && return
        sleep 0.2
    done
    echo "gave up: $*: $(tail -n 1 last.log)"
    exit 1
}
until_done k get --raw /readyz

# A line of `table`.
service() {
    local externals='[]'
    [ "$5" = - ] || externals="[\"$5\"]"
    k create --validate=false -f - << END
apiVersion: v1
kind: Service
metadata: {name: $1, namespace: default}
spec:
  type: NodePort
  clusterIP: "$2"
  externalIPs: $externals
  ports: [{name: tcp, port: $3, nodePort: $4, protocol: TCP, targetPort: $7}, {name: udp, port: $3, nodePort: $4, protocol: UDP, targetPort: $7}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $1, namespace: default, labels: {kubernetes.io/service-name: $1}}
addressType: IPv$family
ports: [{name: tcp, port: $7, protocol: TCP}, {name: udp, port: $7, protocol: UDP}]
endpoints: [{addresses: ["$6"], nodeName: $8, conditions: {ready: true, serving: true, terminating: false}}]
END
}
until_done k get namespace default
while read -r words; do
    # shellcheck disable=SC2086 # one argument a word
    service $words
done < table > /dev/null
k create --validate=false -f - > /dev/null << END
apiVersion: v1
kind: Node
metadata: {name: node1}
status: {addresses: [{type: InternalIP, address: "$node1"}]}
END
sed "s|kubeconfig: .*|kubeconfig: $PWD/api/kubeconfig|" kube-proxy.yaml > kube-proxy.here.yaml
# Conntrack's table belongs to the whole machine.
echo "conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}" >> kube-proxy.here.yaml
in_ node1 kube-proxy --config kube-proxy.here.yaml > kube-proxy.log 2>&1 &
# The Services' rules come with those of the first synchronization.
redirects() { in_ node1 nft list ruleset | grep -q "$far"; }
until_done redirects
