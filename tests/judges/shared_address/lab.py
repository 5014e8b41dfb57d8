"""Control planes, a worker and a client on one network, each a network namespace: lab.py FOLDER

FOLDER has `lab.json` (the shared address, its network's prefix length, nodes with their addresses) and for each node what it has of
/etc (NODE/etc), its certificate (NODE/server.pem) and the commands of its units (NODE/haproxy, NODE/keepalived).
API servers are stood in for by servers that answer /readyz over TLS with the node's name.

Prints one `what: value` a line: who answers, and the longest time without an answer at the shared address. Runs in user, network,
mount and process namespaces of its own.
"""

import ctypes
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time

serving = sys.argv[1] == "--serve"
folder = sys.argv[2] if serving else sys.argv[1]
lab = json.load(open(f"{folder}/lab.json"))
vip, prefix, nodes = lab["vip"], lab["prefix"], lab["nodes"]
planes = [name for name in nodes if os.path.exists(f"{folder}/{name}/keepalived")]
v6 = ":" in vip
running = {}

# What keepalived says once its check has passed.
SUCCEEDED = "VRRP_Script(api_server) succeeded"


def sh(command):
    subprocess.run(command, shell=True, check=True)


def start(node, what, command):
    """Runs `command` in the namespace of `node`, over whose /etc the machine's shows through."""
    etc = f"mount -t overlay overlay -o lowerdir={folder}/{node}/etc:/etc /etc && mount -t tmpfs none /run"
    log = open(f"{folder}/{node}/{what}.log", "a")
    program = f"{etc} && mkdir -p /run/keepalived && exec {command}"
    running[node, what] = subprocess.Popen(
        ["ip", "netns", "exec", node, "unshare", "--mount", "sh", "-c", program],
        stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)


def end(node, what):
    process = running.pop((node, what))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def command_of(node, what):
    logged = " --log-console" if what == "keepalived" else ""
    return open(f"{folder}/{node}/{what}").read().strip() + logged


def api_server(node):
    start(node, "api", f"{sys.executable} {__file__} --serve {folder} {node} {nodes[node]} {lab['port']}")


def serve(node, address, port):
    """An API server: ready as long as it runs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = f"{node}\n".encode()
            self.send_response(200 if self.path == "/readyz" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True

        # As Kubernetes' does: on all addresses, also on one that comes later.
        def server_bind(self):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(("::" if ":" in address else "0.0.0.0", port))
            self.server_name, self.server_port = address, port

        # A client that leaves during its handshake must not hold up others.
        def finish_request(self, request, client):
            request = context.wrap_socket(request, server_side=True)
            self.RequestHandlerClass(request, client, self)

        def handle_error(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/{node}/server.pem")
    Server((address, port), Handler).serve_forever()


def trusting():
    return ssl.create_default_context(cafile=f"{folder}/ca.crt")


def connection(host, port, patience):
    raw = socket.create_connection((host, port), timeout=patience)
    return trusting().wrap_socket(raw, server_hostname=host)


def asked(tls):
    """The name that an API server answers with."""
    tls.sendall(b"GET /readyz HTTP/1.1\r\nHost: kubernetes\r\n\r\n")
    answer = ""
    while not answer.partition("\r\n\r\n")[2].endswith("\n"):
        more = tls.recv(4096).decode()
        if not more:
            raise OSError("the connection was closed")
        answer += more
    return answer.rpartition("\r\n\r\n")[2].strip()


def inside(node, function):
    """What `function` returns in the namespace of `node`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        fd = os.open(f"/run/netns/{node}", os.O_RDONLY)
        setns(fd)
        with os.fdopen(writing, "w") as out:
            try:
                json.dump(function(), out)
            except BaseException as error:  # the parent says it
                json.dump({"error": repr(error)}, out)
            out.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = json.load(answer)
    os.waitpid(child, 0)
    if isinstance(said, dict) and "error" in said:
        raise RuntimeError(said["error"])
    return said


def setns(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def answer(host=None, port=None, patience=0.5):
    """Who answers; None: nobody."""
    try:
        with connection(host or vip, port or lab["port"], patience) as tls:
            return asked(tls)
    except OSError:
        return None


def gap(former, longest=60):
    """Seconds until someone other than `former` answers at the shared address, and who."""
    begin = time.monotonic()

    def look():
        while time.monotonic() - begin < longest:
            who = answer()
            if who and who != former:
                return [round(time.monotonic() - begin, 1), who]
        return [longest, None]

    return inside("client", look)


def steady(who, seconds):
    """Whether nobody but `who` answers, and nobody is missing, for so long."""
    end_at = time.monotonic() + seconds

    def look():
        while time.monotonic() < end_at:
            said = answer(patience=2)
            if said != who:
                return said or "nobody"
        return who

    return inside("client", look)


def holders():
    out = []
    for node in planes:
        shown = subprocess.run(["ip", "netns", "exec", node, "ip", "addr", "show", "dev", "eth0"],
                               capture_output=True, text=True, check=True).stdout
        if f" {vip}/" in shown:
            out.append(node)
    return out


def until(what, condition, longest=60):
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > longest:
            raise SystemExit(f"waited in vain for {what}: {holders()}")
        time.sleep(0.1)


def said(node, what):
    return open(f"{folder}/{node}/{what}.log").read()


def tell(what, value):
    print(f"{what}: {value}", flush=True)


def network():
    sh("mount -t tmpfs none /run && mkdir -p /run/netns /run/lock")
    sh("ip netns add wire && ip -n wire link add lan type bridge && ip -n wire link set lan up")
    for name, address in [*nodes.items(), ("client", lab["client"])]:
        sh(f"ip netns add {name} && ip -n {name} link set lo up")
        sh(f"ip netns exec {name} sysctl -q -w net.ipv6.conf.default.accept_dad=0 net.ipv4.conf.all.rp_filter=1")
        sh(f"ip link add to-{name} netns wire type veth peer name eth0 netns {name}")
        sh(f"ip -n {name} addr add {address}/{prefix} dev eth0 && ip -n {name} link set eth0 up")
        sh(f"ip -n wire link set to-{name} master lan up")
        rules = f"{folder}/{name}/etc/nftables.conf"
        if os.path.exists(rules):
            sh(f"ip netns exec {name} nft -f {rules}")


def power_on(node):
    for what in ["haproxy", "keepalived"]:
        if os.path.exists(f"{folder}/{node}/{what}"):
            start(node, what, command_of(node, what))
    if node in planes:
        api_server(node)


def power_off(node):
    sh(f"ip -n wire link set to-{node} down")
    for other, what in list(running):
        if other == node:
            end(node, what)
    # The address goes with the machine.
    if node in holders():
        sh(f"ip -n {node} addr del {vip}/{128 if v6 else 32} dev eth0")


def balancer(node):
    return inside(node, lambda: answer("127.0.0.1", lab["balancer"], 3))


def lost_connection(node, how):
    """Seconds until a connection through the balancer of `node` ends, once `how` has been done to whom it leads to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        setns(os.open(f"/run/netns/{node}", os.O_RDONLY))
        tls = connection("127.0.0.1", lab["balancer"], 60)
        os.write(writing, (asked(tls) + "\n").encode())
        try:
            while tls.recv(1):
                pass
        except OSError:
            pass
        os._exit(0)
    with os.fdopen(reading) as answer:
        server = answer.readline().strip()
    begin = time.monotonic()
    how(server)
    os.waitpid(child, 0)
    return server, round(time.monotonic() - begin, 1)


def main():
    network()
    for node in nodes:
        power_on(node)
    until("an answer at the shared address", lambda: inside("client", lambda: answer()) is not None)
    # Until the election is over.
    until("a single holder", lambda: len(holders()) == 1)
    first = gap(None)[1]
    tell("holders", len(holders()) if steady(first, 6) == first else "moved")

    end(first, "api")
    seconds, second = gap(first)
    tell("API server gone", seconds)
    # Its node's own clients have another one.
    until("the balancer's way around", lambda: balancer(first) not in (None, first))
    tell("own clients", "served by another")

    # It comes back, and the address stays where it is.
    before = said(first, "keepalived").count(SUCCEEDED)
    api_server(first)
    until("the API server's return", lambda: said(first, "keepalived").count(SUCCEEDED) > before)
    tell("moves back", "no" if steady(second, 6) == second else "yes")
    until("the balancer's way back", lambda: balancer(first) == first)
    tell("own clients again", "served by their own")

    power_off(second)
    seconds, third = gap(second)
    tell("machine gone", seconds)
    sh(f"ip -n wire link set to-{second} up")
    power_on(second)
    until("the machine's return", lambda: SUCCEEDED in said(second, "keepalived").rsplit("Starting Keepalived", 1)[-1])
    tell("holders after a return", len(holders()) if steady(third, 6) == third else "moved")

    # Again and again: sometimes two others take the address at the same moment.
    longest, stays = 0, set()
    for _ in range(5):
        stopped = running.pop((third, "keepalived"))
        stopped.terminate()
        seconds, fourth = gap(third)
        longest = max(longest, seconds)
        stopped.wait()
        start(third, "keepalived", command_of(third, "keepalived"))
        stays.add(len(holders()) if steady(fourth, 6) == fourth else "moved")
        third = fourth
    tell("clean stop", longest)
    tell("holders after a stop", *stays)

    worker = next(node for node in nodes if node not in planes)
    served = {balancer(worker) for _ in range(60)}
    tell("a worker's servers", len(served))
    server, seconds = lost_connection(worker, lambda server: sh(f"ip -n wire link set to-{server} down"))
    tell("a worker's connection to a lost machine ends", seconds)
    sh(f"ip -n wire link set to-{server} up")

    for node in planes:
        end(node, "api")
    until("the loss of all API servers", lambda: all(
        said(node, "keepalived").rstrip().rfind("from 100 to 50") > said(node, "keepalived").rfind("from 50 to 100")
        for node in planes))
    until("a holder without any API server", lambda: len(holders()) == 1)
    tell("holders without an API server", len(holders()))


if serving:
    serve(sys.argv[3], sys.argv[4], int(sys.argv[5]))
else:
    try:
        main()
    finally:
        for node, what in list(running):
            end(node, what)
