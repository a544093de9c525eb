# SPDX-License-Identifier: Apache-2.0
"""Running tests in guests (guest/run), and passing on what they say."""

import os
import subprocess

import lab

RUN = lab.ROOT + "/test/lab/guest/run"
UNAVAILABLE, TIMED_OUT = 69, 124
FULL = bool(os.environ.get("FULL"))
LIMIT = 7000 if FULL else 860  # seconds; a little less than test/run gives to a test file


def lines_of(name):
    """The words of each line of a list in guest/, without its comments."""
    with open(f"{lab.ROOT}/test/lab/guest/{name}", encoding="utf-8") as file:
        lines = [line.partition("#")[0].split() for line in file]
    return [line for line in lines if line]


def guest(series, *command, limit=LIMIT, options=()):
    """Runs a command in a guest, with options of guest/run; returns its exit status, its output,
    and what else was said."""
    environment = {"EDGEWAY_RELEASE_BIN": lab.BIN, "EDGEWAY_PEER": lab.PEER, **os.environ}
    done = subprocess.run(
        [RUN, "--times", "--timeout", str(limit), *options, series, *command],
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout, done.stderr


def report_tests(tap, series, status, said, errors):
    """Passes on what the tests in a guest said, their verdicts with the kernel in front."""
    passed = 0
    for line in said.splitlines():
        for verdict in ("ok - ", "not ok - "):
            if line.startswith(verdict):
                line = f"{verdict}linux {series}: {line[len(verdict):]}"
                passed += verdict == "ok - "
                tap.failed += verdict != "ok - "
        print(line, flush=True)
    print("".join(f"# {line}\n" for line in errors.splitlines()), end="", flush=True)
    if status or not passed:
        tap.check(f"linux {series}: the tests in the guest pass", False, f"exit status {status}")
    kernel = f"# running on Linux {series}."
    tap.check(f"linux {series}: is the kernel they ran on", kernel in said, said[:200])


def skip(tap, series, errors):
    """Nothing that could run: no mirror, no such architecture, no such QEMU."""
    tap.skip(f"linux {series}", errors.strip().replace("\n", "; "))
