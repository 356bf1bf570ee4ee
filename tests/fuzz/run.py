"""Fuzzing for minutes: `bin/fuzz --minutes 10 [--seed N] [--jobs 2] [--target NAME]`.

Each process of its own tries the targets in turn; one that dies is a finding, and another takes its place.
"""

import argparse
import faulthandler
import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

MEMORY_GB = 6  # address space of a process: beyond, Python says MemoryError
HANG_S = 180  # in one input, after which a process is ended


def main() -> int:
    """Parse the command line and run; 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="bin/fuzz", description="Fuzz every reader of files.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--seed", type=int, help="where the inputs begin (default: by chance)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--target", action="append", help="only this one, by name; may be given again")
    parser.add_argument("--log", type=Path, help="write the report there, too")
    parser.add_argument("--kept", type=Path, help="where inputs that found something go (default: var/fuzz)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = secrets.randbelow(10**6)
    return _child(arguments) if arguments.child else _parent(arguments)


def _child(arguments: argparse.Namespace) -> int:
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_GB << 30, MEMORY_GB << 30))
    from tests.fuzz.engine import Fuzzer, peak_mb
    from tests.fuzz.targets import TARGETS

    chosen = [t for t in TARGETS if not arguments.target or t.name in arguments.target]
    fuzzer = Fuzzer(arguments.seed, arguments.child)
    end = time.monotonic() + arguments.minutes * 60
    number, written = arguments.first, 0.0
    while time.monotonic() < end:
        for target in chosen:
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            fuzzer.attempt(target, number)
        number += 1
        if time.monotonic() - written > 2:
            _write(arguments.child, fuzzer, number, peak_mb())
            written = time.monotonic()
    faulthandler.cancel_dump_traceback_later()
    _write(arguments.child, fuzzer, number, peak_mb())
    return 0


def _write(folder: Path, fuzzer: object, number: int, peak: float) -> None:
    accounts = {name: asdict(account) for name, account in fuzzer.accounts.items()}  # type: ignore[attr-defined]
    part = folder / "account.part"
    part.write_text(json.dumps({"accounts": accounts, "number": number, "peak_mb": peak}))
    part.rename(folder / f"account-{os.getpid()}.json")


def _parent(arguments: argparse.Namespace) -> int:
    kept = arguments.kept or Path("var/fuzz")
    kept.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + arguments.minutes * 60
    with tempfile.TemporaryDirectory(prefix="hven-fuzz-") as scratch:
        folders = [Path(scratch) / str(n) for n in range(arguments.jobs)]
        deaths: list[str] = []
        running = {}
        for n, folder in enumerate(folders):
            folder.mkdir()
            running[n] = _start(arguments, folder, arguments.seed + n, 0, end)
        while running:
            time.sleep(0.5)
            for n, process in list(running.items()):
                if process.poll() is None:
                    continue
                del running[n]
                if process.returncode:
                    deaths.append(_death(folders[n], process, kept))
                    if time.monotonic() < end and len(deaths) < 200:
                        reached = max((a["number"] for a in _accounts(folders[n])), default=0)
                        running[n] = _start(arguments, folders[n], arguments.seed + n, reached + 50, end)
        accounts = [a for folder in folders for a in _accounts(folder)]
        for folder in folders:
            for path in folder.glob("found-*"):
                (kept / path.name).write_bytes(path.read_bytes())
    text, found = _report(arguments, accounts, deaths)
    print(text)
    if arguments.log:
        arguments.log.write_text(text)
    return int(found)


def _start(arguments: argparse.Namespace, folder: Path, seed: int, first: int, end: float) -> "subprocess.Popen[bytes]":
    minutes = max(0.01, (end - time.monotonic()) / 60)
    command = [sys.executable, "-m", "tests.fuzz.run", "--child", str(folder), "--seed", str(seed), "--minutes"]
    command += [str(minutes), "--first", str(first)]
    for target in arguments.target or ():
        command += ["--target", target]
    with (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(command, stderr=stderr)


def _death(folder: Path, process: "subprocess.Popen[bytes]", kept: Path) -> str:
    trying = folder / "trying"
    name, content = trying.read_bytes().split(b"\n", 1) if trying.exists() else (b"at the start", b"")
    if content:
        (kept / f"death-{process.pid}").write_bytes(content)
    said = (folder / "stderr").read_text(errors="replace").strip().splitlines()
    return (
        f"{name.decode(errors='replace')}: the process ended with {process.returncode}; {' | '.join(said[-12:])[:800]}"
    )


def _accounts(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("account-*.json"))]


def _report(arguments: argparse.Namespace, accounts: list[dict], deaths: list[str]) -> tuple[str, bool]:
    names = list(dict.fromkeys(name for a in accounts for name in a["accounts"]))
    lines = [
        f"{arguments.minutes:g} minutes, {arguments.jobs} process(es), first seed {arguments.seed}",
        "",
        "| reader | inputs | taken | refused, by class | slowest input, CPU s | findings |",
        "|---|---|---|---|---|---|",
    ]
    findings = list(deaths)
    total = 0
    for name in names:
        parts = [a["accounts"][name] for a in accounts if name in a["accounts"]]
        refused = sum((Counter(p["refused"]) for p in parts), Counter[str]())
        found = [f for p in parts for f in p["findings"]]
        slow = max(parts, key=lambda p: p["slowest_s"])
        inputs = sum(p["inputs"] for p in parts)
        total += inputs
        said = ", ".join(f"{k} {v:,}" for k, v in refused.most_common())
        taken = sum(p["taken"] for p in parts)
        lines.append(f"| {name} | {inputs:,} | {taken:,} | {said} | {slow['slowest_s']:.2f} | {len(found)} |")
        findings += found
    peak = max((a["peak_mb"] for a in accounts), default=0.0)
    lines += ["", f"{total:,} inputs; most memory of a process {peak:,.0f} MB; processes that died: {len(deaths)}."]
    slowest = max((p for a in accounts for p in a["accounts"].values()), key=lambda p: p["slowest_s"], default=None)
    if slowest:
        lines.append(f"Slowest: {slowest['slowest']}, {slowest['slowest_s']:.2f} s.")
    lines.append(f"Findings: {len(findings)}.")
    lines += [f"- {finding}" for finding in findings]
    return "\n".join(lines) + "\n", bool(findings)


if __name__ == "__main__":
    sys.exit(main())
