#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Build what the chosen tiers need, run their test files, sum up the TAP lines they print.

A test file is an executable; each `ok` or `not ok` line on its stdout is one test. A file that
exits non-zero, times out or prints no such line is a failed test itself.
"""
import argparse
import concurrent.futures
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "test/results.txt"
TAP = re.compile(r"^(not )?ok\b(?: +\d+)?(?: +-)? *([^#]*?) *(?:# *(SKIP|skip)\S* *(.*))?$")

# tier: where its tests are, the preset whose plugins it uses, and how many run side by side for each
# that --jobs asks for: 0 = never more than one, 2 = most of their time they wait. Longest first, so that
# the end is not spent waiting for one.
TIERS = {
    "check": (["test/check/*.sh"], "release", 1),
    "unit": (["build/asan/test/unit/test_*"], "asan", 1),
    "bpf": (["build/asan/test/bpf/test_*"], "asan", 1),
    "netns": (["test/netns/*_test", "test/netns/*_test.sh"], "asan", 2),
    "grpc": (["test/grpc/*_test"], "asan", 0),
    "twin": (["test/twin/*_test"], "release", 1),
    "lab": (["test/lab/*_test", "test/lab/*_test.sh"], "release", 0),
    "guest": (["test/lab/guest/*_test"], "release", 1),
    "fuzz": (["test/fuzz/run"], "fuzz", 0),
    "perf": (["test/perf/run", "test/perf/deviceplugin_bench"], "release", 0),
}
# What a file is called with, once for each of these.
ARGUMENTS = {"test/fuzz/run": [["--no-build"]], "test/perf/run": [["cni"], ["datapath"], ["sriov"]]}
# Hours of a full run, of which a file itself says what it can be called with: a line for each part.
PARTS = ("test/lab/guest/kernels_test", "test/lab/guest/sriov_test")
RUNNING = set()  # the process groups of the test files that run


def name_of(path, arguments):
    return " ".join([str(path), *(a for a in arguments if not a.startswith("-"))])


class Outcome:
    """What one test file said, called with these arguments."""

    def __init__(self, path, status, seconds, output, arguments=()):
        self.path, self.status, self.seconds = path, status, seconds
        self.name = name_of(path, arguments)
        self.output = output
        self.passed, self.failed, self.skipped = 0, 0, []
        for line in output.splitlines():
            match = TAP.match(line)
            if match and match[3]:
                self.skipped.append(f"{match[2]}: {match[4] or 'no reason given'}")
            elif match:
                self.failed += bool(match[1])
                self.passed += not match[1]
        self._judge_file()

    def _judge_file(self):
        silent = not (self.passed or self.failed or self.skipped)
        if self.status != 0 and not self.failed:
            self.failed += 1
            self.output += f"\n[exit status {self.status}]"
        elif silent and self.path.parent.name == "perf":
            self.passed += 1
        elif silent:
            self.failed += 1
            self.output += "\n[printed no test result]"

    def complaints(self):
        """The failed tests, each with what explains it: the comments that follow."""
        lines = self.output.splitlines()
        if not any(TAP.match(line) and TAP.match(line)[1] for line in lines):
            return lines[-20:]
        found, failing = [], False
        for line in lines:
            match = TAP.match(line)
            failing = bool(match[1]) if match else failing and line.startswith("#")
            if failing:
                found.append(line)
        return found[:60]

    def line(self, where=""):
        mark = "FAIL" if self.failed else "ok" if self.passed else "skip"
        return f"{mark:4} {self.seconds:6.1f} s  {where}{self.name}  ({self.counts()})"

    def counts(self):
        return f"{self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="test/run", description="Run Edgeway's tests.")
    parser.add_argument("files", nargs="*", metavar="FILE",
                        help="only these: test files, or parts of them as the results name them")
    parser.add_argument("--tier", action="append", choices=sorted(TIERS),
                        help="only this tier (may be repeated)")
    parser.add_argument("--full", action="store_true", help="long counts, and the perf tier")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="test files side by side (default: one per processor)")
    parser.add_argument("--no-install", action="store_true", help="packages are there already")
    parser.add_argument("--no-build", action="store_true", help="plugins are built already")
    args = parser.parse_args()
    if args.files and args.tier:
        parser.error("a FILE and --tier: say one of them")
    tiers = {file: tier_of(file) for file in args.files}
    for file in (f for f in args.files if not tiers[f]):
        parser.error(f"{file}: is in no tier; a test file is named from the top of the project")
    chosen = args.tier or tiers.values() or [t for t in TIERS if t != "perf" or args.full]
    args.tiers = [t for t in TIERS if t in chosen]
    args.commit = commit() if args.full else None
    return args


def tier_of(file):
    """The tier of a file, or of a part of it; None if there is none."""
    path = Path(*file.split()[:1])
    return next((tier for tier, (patterns, *_) in TIERS.items() if any(map(path.match, patterns))), None)


def build(tiers, jobs):
    """Configure and build the presets these tiers use; the release plugins are always needed."""
    for preset in sorted({TIERS[t][1] for t in tiers} | {"release"}):
        log = ROOT / f"build/{preset}.log"
        log.parent.mkdir(exist_ok=True)
        print(f"building {preset} (log: {log.relative_to(ROOT)})", flush=True)
        with open(log, "wb") as out:
            for command in (["cmake", "--preset", preset],
                            ["cmake", "--build", "--preset", preset, "--parallel", str(jobs)]):
                if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT).returncode != 0:
                    out.flush()
                    print("\n".join(log.read_text(errors="replace").splitlines()[-40:]))
                    sys.exit(f"test/run: {' '.join(command)} failed")


def test_files(tier):
    found = []
    for pattern in TIERS[tier][0]:
        found += [p for p in ROOT.glob(pattern) if p.is_file() and os.access(p, os.X_OK)]
    # Python drivers (no suffix) take longest, so they start first.
    return sorted(set(found), key=lambda p: (p.suffix != "", p.name))


def runs(tier, args):
    """Each file of the tier with each list of arguments that it is called with."""
    shorter = ["--quick"] if tier == "perf" and not args.full else []
    return [(path, [*arguments, *shorter]) for path in test_files(tier)
            for arguments in arguments_of(path, tier, args)]


def arguments_of(path, tier, args):
    name = str(path.relative_to(ROOT))
    if args.full and name in PARTS:
        said = subprocess.run([path, "--parts"], check=True, env=environment(tier, args),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
        return [line.split() for line in said.splitlines()]
    return ARGUMENTS.get(name, [[]])


def asked_for(name, files):
    """Whether a run of this name is one of @files, or a part of one; of all if there are none."""
    return not files or any(f"{name} ".startswith(f"{file} ") for file in files)


def environment(tier, args):
    env = dict(os.environ)
    env.setdefault("EDGEWAY_PEER", "/usr/lib/cni")
    env["EDGEWAY_BIN"] = str(ROOT / "build" / TIERS[tier][1] / "bin")
    env["EDGEWAY_RELEASE_BIN"] = str(ROOT / "build/release/bin")
    env["EDGEWAY_JOBS"] = str(args.jobs)
    env["CMOCKA_MESSAGE_OUTPUT"] = "TAP"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    if args.full:
        env["FULL"] = "1"
    else:
        env.pop("FULL", None)
    return env


def run_file(path, arguments, tier, args):
    """One test file, in a process group of its own which does not outlive it."""
    start = time.monotonic()
    process = subprocess.Popen([path, *arguments], cwd=ROOT,
                               env=environment(tier, args), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    limit = 7200 if args.full else 900
    RUNNING.add(process.pid)
    try:
        output, _ = process.communicate(timeout=limit)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status = f"none: killed after {limit} s"
    finally:
        RUNNING.discard(process.pid)
    text = output.decode(errors="replace")
    return Outcome(path.relative_to(ROOT), status, time.monotonic() - start, text, arguments)


def end(number, _frame):
    """Told to end: so are the test files that run, each of which tidies up after itself."""
    for pid in tuple(RUNNING):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
    print(f"test/run: {signal.Signals(number).name}", file=sys.stderr, flush=True)
    os._exit(128 + number)  # sys.exit() waits for the threads that wait for them


def run_tier(tier, args):
    """Run all files of @tier; print a line for each as it ends, and what a failed one said."""
    all_runs = runs(tier, args)
    names = [name_of(path.relative_to(ROOT), arguments) for path, arguments in all_runs]
    wanted = [run for run, name in zip(all_runs, names) if asked_for(name, args.files)]
    missing = [file for file in args.files or TIERS[tier][0] if tier_of(file) == tier and
               not any(asked_for(name, args.files and [file]) for name in names)]
    if missing:
        sys.exit(f"test/run: no such test file: {' '.join(missing)}")
    print(f"\n{tier}", flush=True)
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs * TIERS[tier][2])) as pool:
        running = [pool.submit(run_file, *run, tier, args) for run in wanted]
        for future in concurrent.futures.as_completed(running):
            outcome = future.result()
            outcomes.append(outcome)
            if args.full:
                keep(tier, names, outcome, args.commit)
            print("  " + outcome.line(), flush=True)
            if outcome.failed:
                print("\n".join("      " + line for line in outcome.output.splitlines()[-200:]))
            for skipped in outcome.skipped:
                print("      skipped: " + skipped)
    return outcomes


def summary(results, seconds):
    """The table at the end, and the line that ends it."""
    lines = ["", f"{'tier':8} {'files':>5} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}"]
    totals = [0, 0, 0]
    for tier, (outcomes, spent) in results.items():
        counts = [sum(o.passed for o in outcomes), sum(o.failed for o in outcomes),
                  sum(len(o.skipped) for o in outcomes)]
        totals = [t + c for t, c in zip(totals, counts)]
        lines.append(f"{tier:8} {len(outcomes):5} {counts[0]:7} {counts[1]:7} {counts[2]:8} "
                     f"{spent:8.1f}")
    failed = [o for outcomes, _ in results.values() for o in outcomes if o.failed]
    for outcome in failed:
        lines += [f"failed: {outcome.name}"] + ["    " + line for line in outcome.complaints()]
    lines.append(f"whole run: {seconds:.0f} s")
    lines.append("{} passed, {} failed, {} skipped".format(*totals))
    return lines, totals[1] == 0


def commit():
    """The commit checked out, and whether anything but the results differs from it."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True,
                              text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + \
        (" (changed)" if git("status", "--porcelain", "--", ".", ":!test/results.txt") else "")


def kept():
    """The committed results: {tier: {name of the run: its lines}}."""
    found, lines = {}, []
    for line in RESULTS.read_text().splitlines() if RESULTS.exists() else []:
        if line.startswith("== "):
            tier = found.setdefault(line.split()[1], {})
        elif line.startswith(" "):
            lines.append(line)
        elif line:
            lines = [line]
            tier[line.partition("  (")[0].split("  ")[-1]] = lines
    return found


def keep(tier, names, outcome, at):
    """Put what a run found in a full one into the committed results. What others found stays, each with
    its day, commit (@at) and kernel, but for that of files which the tier does not have any more."""
    where = f"{time.strftime('%Y-%m-%d')} {at} {os.uname().release}  "
    results = kept()
    results[tier] = {name: lines for name, lines in results.get(tier, {}).items() if name in names}
    results[tier][outcome.name] = [outcome.line(where)] + \
        ["     skipped: " + reason for reason in outcome.skipped]
    parts = ["\n".join([f"== {t}", *(line for name in sorted(results[t]) for line in results[t][name])])
             for t in TIERS if t in results]
    RESULTS.write_text("\n\n".join(parts) + "\n")


def main():
    args = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    began = time.monotonic()
    if not args.no_build:
        build(args.tiers, os.cpu_count())
    results = {}
    for tier in args.tiers:
        start = time.monotonic()
        results[tier] = (run_tier(tier, args), time.monotonic() - start)
    lines, good = summary(results, time.monotonic() - began)
    print("\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
