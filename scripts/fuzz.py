"""Runs every fuzz target of a build for a while, as many at once as there are processors; fails if one finds something.

    python scripts/fuzz.py build/fuzz --seconds 60

A target's corpus grows in BUILD/corpus/TARGET, so a later run begins where this one ended; what a target printed and
the input that broke it lie in BUILD/findings/TARGET.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def fuzz(target: Path, seconds: int) -> str | None:
    """Returns what went wrong, or None."""
    corpus = target.parent / "corpus" / target.name
    findings = target.parent / "findings" / target.name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    log = findings / "output.txt"
    options = [f"-max_total_time={seconds}", "-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1"]
    with log.open("w") as output:
        done = subprocess.run(
            [target.resolve(), corpus.resolve(), *options], cwd=findings, stdout=output, stderr=output, check=False
        )
    lines = log.read_text(errors="replace").splitlines()
    said = [line for line in lines if "number_of_executed_units" in line or "random inputs" in line]
    print(f"{target.name}: {said[-1].strip() if said else 'ended early'}", flush=True)
    if done.returncode == 0:
        return None
    return f"{target.name} ended with {done.returncode}; see {findings}\n" + "\n".join(lines[-40:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="the CMake build folder")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    options = parser.parse_args()
    targets = sorted(path for path in options.build.glob("*_fuzz") if os.access(path, os.X_OK))
    if not targets:
        sys.exit(f"no *_fuzz in {options.build}: build it with -DFRAMECAST_BUILD_FUZZERS=ON")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [found for found in pool.map(lambda target: fuzz(target, options.seconds), targets) if found]
    if findings:
        sys.exit("\n".join(findings))


if __name__ == "__main__":
    main()
