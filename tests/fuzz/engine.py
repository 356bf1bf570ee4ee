"""Trying one spoilt input after the other, and keeping account."""

import hashlib
import resource
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz import targets
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import Target, check

from hven.errors import HvenError

SLOW_S = 20.0  # CPU seconds of one input that count as a hang


@dataclass
class Account:
    """What happened to the inputs of one target."""

    inputs: int = 0
    taken: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # class of hven.errors -> inputs
    slowest_s: float = 0.0  # CPU
    slowest: str = ""  # name of the input
    findings: list[str] = field(default_factory=list)


class Fuzzer:
    """The inputs of a seed, in an order that the seed alone decides."""

    def __init__(self, seed: int, kept: Path | None = None) -> None:
        self.seed = seed
        self.kept = kept  # where the input being tried is, and those that found something stay
        self.accounts: dict[str, Account] = {}
        self._seeds: dict[str, list[bytes]] = {}

    def content(self, target: Target, number: int) -> tuple[bytes, Random]:
        """Return the input of a number, and the source of chance for its call."""
        if target.name not in self._seeds:
            self._seeds[target.name] = target.seeds()
        seeds = self._seeds[target.name]
        random = Random(f"{self.seed}/{target.name}/{number}")
        if number < len(seeds):
            return seeds[number], random
        return mutated(random.choice(seeds), target.mutations, random), random

    def attempt(self, target: Target, number: int) -> None:
        """Try one input."""
        account = self.accounts.setdefault(target.name, Account())
        content, random = self.content(target, number)
        name = f"seed {self.seed}, {target.name}, input {number}, {len(content)} bytes"
        if self.kept is not None:
            (self.kept / "trying").write_bytes(f"{name}\n".encode() + content)
        started = time.thread_time()
        account.inputs += 1
        try:
            with warnings.catch_warnings(), targets.folder() as folder:
                warnings.simplefilter("error")
                account.taken += target.call(content, random, Path(folder))
        except HvenError as error:
            kind = type(error).__name__
            account.refused[kind] = account.refused.get(kind, 0) + 1
            self._checked(account, name, content, error)
        except Exception:  # noqa: BLE001 - whatever else is a finding
            self._found(account, name, content, traceback.format_exc(limit=-6))
        spent = time.thread_time() - started
        if spent > account.slowest_s:
            account.slowest_s, account.slowest = spent, name
        if spent > SLOW_S:
            self._found(account, name, content, f"took {spent:.1f} s")

    def _checked(self, account: Account, name: str, content: bytes, error: HvenError) -> None:
        try:
            check(error)
        except AssertionError as failed:
            self._found(account, name, content, str(failed))

    def _found(self, account: Account, name: str, content: bytes, what: str) -> None:
        account.findings.append(f"{name}: {what}")
        if self.kept is not None:
            (self.kept / f"found-{hashlib.sha256(content).hexdigest()[:12]}").write_bytes(content)


def peak_mb() -> float:
    """Return the most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
