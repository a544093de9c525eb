# SPDX-License-Identifier: Apache-2.0
"""A server that says who it is and who asks, and a client that prints that, over TCP, UDP and SCTP.

    echo.py serve PORT PROTO[,PROTO...] NAME
    echo.py ask PORT PROTO ADDRESS...
    echo.py repeat PORT ADDRESS

The client prints a line for each address: what it was answered, or "-" without an answer within a
second. It goes on asking on the same connection, and prints "- after ANSWER" where what it says does not
come back: a way that only the first packets find is none. repeat asks over UDP, from one socket, for each
line on stdin. What follows "who?" in a request over UDP comes back behind the answer.
"""
import os
import select
import socket
import subprocess
import sys

KINDS = {"tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP), "udp": (socket.SOCK_DGRAM, 0),
         "sctp": (socket.SOCK_STREAM, 132)}
TIMEOUT = float(os.environ.get("ECHO_TIMEOUT", "1"))
ROUNDS = (10, 1000, 100)  # octets said again on a connection


def plain(address):
    return address.removeprefix("::ffff:")


def listen(port, proto):
    listener = socket.socket(socket.AF_INET6, *KINDS[proto])
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    if proto != "udp":
        listener.listen(1024)
    return listener


def answer_datagram(server, name):
    asked, peer = server.recvfrom(65536)
    if asked.startswith(b"who?"):
        asked = f"{name} {plain(peer[0])}".encode() + asked.removeprefix(b"who?")
    server.sendto(asked, peer)


def greet(listener, name):
    connection, peer = listener.accept()
    connection.settimeout(TIMEOUT)
    connection.sendall(f"{name} {plain(peer[0])}".encode())
    return connection


def repeat_back(connection):
    """False if there is nothing more to come."""
    said = connection.recv(65536)
    connection.sendall(said)
    return bool(said)


def serve(port, protos, name):
    listeners = [listen(port, proto) for proto in protos]
    connections = []
    print("ready", flush=True)
    while True:
        for ready in select.select(listeners + connections, [], [])[0]:
            try:
                if ready in connections:
                    if not repeat_back(ready):
                        connections.remove(ready)
                        ready.close()
                elif ready.type == socket.SOCK_DGRAM:
                    answer_datagram(ready, name)
                else:
                    connections.append(greet(ready, name))
            except OSError:  # the asker went away
                if ready in connections:
                    connections.remove(ready)
                    ready.close()


def start(netns, port, protos, name):
    """A server in a namespace, as a process that answers already."""
    server = subprocess.Popen(["nsenter", f"--net={netns}", sys.executable, "-B", __file__, "serve",
                               str(port), ",".join(protos), name], stdout=subprocess.PIPE)
    server.stdout.readline()
    return server


def comes_back(asker, said):
    asker.send(said)
    heard = b""
    while len(heard) < len(said):
        more = asker.recv(65536)
        if not more:
            return False
        heard += more
    return heard == said


def ask(address, port, proto):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = ""
    with socket.socket(family, *KINDS[proto]) as asker:
        asker.settimeout(TIMEOUT)
        try:
            asker.connect(socket.getaddrinfo(address, port, family)[0][4])  # with the scope, if it has one
            if proto == "udp":
                asker.send(b"who?")
            answer = asker.recv(100).decode()
            went_on = all(comes_back(asker, b"x" * size) for size in ROUNDS)
        except OSError:
            went_on = False
    if went_on:
        return answer
    return f"- after {answer}" if answer else "-"


def repeat(address, port):
    family, anywhere = (socket.AF_INET6, "::") if ":" in address else (socket.AF_INET, "0.0.0.0")
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(TIMEOUT)
        asker.bind((anywhere, 5555))
        for _ in sys.stdin:
            try:
                asker.sendto(b"who?", (address, port))
                print(asker.recv(100).decode(), flush=True)
            except OSError:
                print("-", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4])
    elif sys.argv[1] == "repeat":
        repeat(sys.argv[3], int(sys.argv[2]))
    else:
        for address in sys.argv[4:]:
            print(ask(address, int(sys.argv[2]), sys.argv[3]), flush=True)
