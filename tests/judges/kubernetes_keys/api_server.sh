# A control plane of the real programs on an address of its own: api.sh PROGRAMS NODES JOIN-COMMAND
#
# Runs in network and mount namespaces of its own. NODES has a folder a node with the files of its Ignition config: control1 (at
# 192.168.1.11), worker1, and worker2, which joins by token. Prints a line a finding; what the programs say goes to NODES/*.log.
set -eu
programs=$1 nodes=$2 join=$3
cd "$nodes"
export PATH="$programs:$PATH"
pki=/etc/kubernetes/pki

ip link set lo up
ip addr add 192.168.1.11/24 dev lo
ip route add default dev lo
mount -t tmpfs none /opt
mkdir -p /opt/kubernetes/bin
mount --bind "$programs" /opt/kubernetes/bin
mkdir -p /etc/kubernetes
mount --bind control1/etc/kubernetes /etc/kubernetes

# An API server takes its time to say goodbye to an etcd that is gone.
trap 'kill -KILL $(jobs -p); wait' EXIT

# Until the command does it. The test itself ends the wait for what stands still; this is for what fails again and again.
until_done() {
    for _ in $(seq 3000); do
        "$@" > last.log 2>&1 && return
        sleep 0.2
    done
    echo "gave up: $*: $(tail -n 1 last.log)"
    exit 1
}

# The command of a static pod, which the kubelet finds at once or once the API server is ready, a word a line.
command_of() {
    find /etc/kubernetes/manifests /etc/kubernetes/imgbuild/static-pods -name "$1.yaml" \
        -exec sed -n '/^    command:$/,/^    [a-z]/s/^    - //p' {} + | tr -d '"'
}

etcd --data-dir "$nodes/etcd" \
    --listen-client-urls https://127.0.0.1:2379 --advertise-client-urls https://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 \
    --cert-file $pki/etcd/server.crt --key-file $pki/etcd/server.key \
    --client-cert-auth --trusted-ca-file $pki/etcd/ca.crt > etcd.log 2>&1 &
mapfile -t words < <(command_of kube-apiserver)
"${words[@]}" > apiserver.log 2>&1 &
super() { kubectl --kubeconfig /etc/kubernetes/super-admin.conf "$@"; }
until_done super get --raw /readyz
for manifest in /etc/kubernetes/imgbuild/*.yaml /etc/kubernetes/imgbuild/tokens/*.yaml; do
    until_done super apply --validate=false --server-side --force-conflicts --field-manager imgbuild -f "$manifest"
done
mapfile -t words < <(command_of kube-controller-manager)
"${words[@]}" > controller-manager.log 2>&1 &

api=https://192.168.1.11:6443
status() { curl -s -o /dev/null -w '%{http_code}' --cacert $pki/ca.crt "$@"; }
echo "nobody: $(status $api/api/v1/secrets)"
echo "a wrong token: $(status -H 'Authorization: Bearer abc' $api/api/v1/secrets)"
echo "the administrator: $(kubectl --kubeconfig /etc/kubernetes/admin.conf auth can-i '*' '*')"
super create secret generic hidden -n default --from-literal=a=b > /dev/null
may() { kubectl --kubeconfig "$1" get secret hidden 2>&1 | grep -o Forbidden || echo allowed; }
echo "a worker and another's secret: $(may worker1/etc/kubernetes/kubelet.conf)"
token=worker2/etc/kubernetes/bootstrap-kubelet.conf
echo "the token and a secret: $(may $token)"

info() { curl -s --cacert $pki/ca.crt $api/api/v1/namespaces/kube-public/configmaps/cluster-info | grep -q jws-kubeconfig; }
until_done info
echo "cluster-info: signed, for everyone"

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -out new.csr \
    -subj /O=system:nodes/CN=system:node:worker2 2> /dev/null
kubectl --kubeconfig $token create --validate=false -f - > /dev/null << END
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: new}
spec:
  request: $(base64 -w 0 new.csr)
  signerName: kubernetes.io/kube-apiserver-client-kubelet
  usages: [digital signature, client auth]
END
signed() {
    super get csr new -o jsonpath='{.status.certificate}' | base64 -d > new.crt
    openssl verify -CAfile $pki/ca.crt new.crt
}
until_done signed
echo "a worker's request: signed"

# kubeadm joins another machine, short of starting its kubelet.
umount /etc/kubernetes
mount -t tmpfs none /etc/kubernetes
$join --dry-run --node-name worker3 --ignore-preflight-errors all --cri-socket unix:///run/none.sock > kubeadm.log 2>&1 ||
    tail -n 5 kubeadm.log
echo "kubeadm: $(grep -o 'This node has joined the cluster' kubeadm.log)"
