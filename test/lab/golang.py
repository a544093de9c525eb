# SPDX-License-Identifier: Apache-2.0
"""Builds the Go drivers of this directory against the libraries that Debian packages as source."""

import json
import os
import subprocess

import lab

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGED = "/usr/share/gocode"
# a libcni newer than the distribution's, where deploy/packages found one to be needed
NEWER = lab.ROOT + "/build/deps/gocode"


def _go():
    """Returns the go command: Debian may install a version of it without the plain name."""
    for directory in ["/usr/bin", *sorted(_versions(), reverse=True)]:
        if os.access(directory + "/go", os.X_OK):
            return directory + "/go"
    raise FileNotFoundError("no go command: deploy/packages test installs it")


def _versions():
    return [f"/usr/lib/{name}/bin" for name in os.listdir("/usr/lib") if name.startswith("go-")]


def _overlay(environment):
    """Returns the options that give an old Go the one function of package errors it lacks."""
    root = subprocess.check_output([_go(), "env", "GOROOT"], env=environment, text=True).strip()
    if os.path.exists(root + "/src/errors/join.go"):
        return []
    path = lab.ROOT + "/build/lab/overlay.json"
    replace = {root + "/src/errors/edgeway_join.go": HERE + "/compat/errors_join.go"}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"Replace": replace}, file)
    return ["-overlay", path]


def build(name, source, gopath, *tags):
    """Builds test/lab/SOURCE into build/lab/NAME, returns (path, None) or (None, what Go said)."""
    target = f"{lab.ROOT}/build/lab/{name}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
        "GOCACHE": lab.ROOT + "/build/lab/gocache",
        "GOPATH": f"{gopath}:{HERE}/compat",
    }
    done = subprocess.run(
        [_go(), "build", *_overlay(environment), "-tags", ",".join(tags), "-o", target, "."],
        cwd=f"{HERE}/{source}",
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return (target, None) if done.returncode == 0 else (None, done.stdout)


def newest_libcni():
    """Builds libcni/ on the newest libcni that there is: libcni-gc if it has STATUS and GC, else libcni.

    Returns what build() does.
    """
    if os.path.isdir(NEWER):
        path, error = build("libcni-gc", "libcni", NEWER, "gc_status")
        if path:
            return path, error
    return build("libcni", "libcni", PACKAGED)
