"""Random files and rules through the engine and through independent ones, for so many seconds.

    python conformance.py PATH/TO/validation-probe SECONDS [SEED] [SUITE …]

Prints the seed of each case that differs; `conformance.py PROBE 0 SEED SUITE` runs that case alone.
"""

import random
import subprocess
import sys
import tempfile
import time

import engines
import hostile_csv
import inference
import json_schemas
import keys

SUITES = {"hostile_csv": hostile_csv, "engines": engines, "json_schemas": json_schemas, "inference": inference, "keys": keys}


def main():
    seconds = float(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(10**9)
    names = sys.argv[4:] or list(SUITES)
    server = subprocess.Popen([sys.argv[1], "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def probe(*arguments):
        server.stdin.write("\t".join(arguments) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        if not answer:
            raise AssertionError(f"the engine ended with status {server.wait()}")
        return answer

    failed, counts = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            end = time.monotonic() + seconds / len(names)
            seed = first
            while True:
                try:
                    wrong, data = SUITES[name].check(seed, probe, folder)
                except Exception as error:
                    wrong, data = f"{type(error).__name__}: {error}", ""
                counts[name] = counts.get(name, 0) + 1
                if wrong:
                    failed += 1
                    print(f"{name}, seed {seed}: {wrong}\n    {str(data)[:2000]}")
                seed += 1
                if time.monotonic() >= end or failed > 5:
                    break
    server.stdin.close()
    server.wait()
    print(f"first seed {first}: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + f"; {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
