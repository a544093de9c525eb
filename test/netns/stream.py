#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A connection that is never idle: numbered lines go to a server, which sends each back.

    stream.py serve PORT
    stream.py ask ADDRESS PORT FILE     until FILE is there; says how many lines came back, in order
"""
import os
import socket
import sys

WINDOW = 64  # lines under way


def serve(port):
    with socket.create_server(("", port)) as server:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


def ask(address, port, until):
    with socket.create_connection((address, port), timeout=20) as connection:
        answers = connection.makefile("r", encoding="ascii")
        sent = received = 0
        while received < sent or not os.path.exists(until):
            lines = "".join(f"{number}\n" for number in range(sent, sent + WINDOW))
            connection.sendall(lines.encode("ascii"))
            sent += WINDOW
            while received < sent:
                line = answers.readline()
                if line != f"{received}\n":
                    sys.exit(f"line {received} came back as {line!r}")
                received += 1
    print(f"{received} lines came back")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        ask(sys.argv[2], int(sys.argv[3]), sys.argv[4])
