"""Answers every connection and every datagram with a name: serve.py NAME PORT..."""

import selectors
import socket
import sys

name = sys.argv[1].encode() + b"\n"
ready = selectors.DefaultSelector()
for port in map(int, sys.argv[2:]):
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        listener = socket.socket(socket.AF_INET6, kind)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            listener.listen(64)
        ready.register(listener, selectors.EVENT_READ, kind)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        if key.data == socket.SOCK_STREAM:
            connection, _ = key.fileobj.accept()
            connection.sendall(name)
            connection.close()
        else:
            _, peer = key.fileobj.recvfrom(16)
            key.fileobj.sendto(name, peer)
