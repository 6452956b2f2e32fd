"""How long `import pbnn` takes beyond starting Python, and `import pymc` beside it: <= 0.3 s is the aim."""

import subprocess
import sys

from common import options, race, record

AIM_S = 0.3


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    args = options(__doc__, repeats=11)
    times = race(
        {
            "python": lambda: run("pass"),
            "import pbnn": lambda: run("import pbnn"),
            "pbnn --help": lambda: run("from pbnn.cli import main; main(['--help'])"),
            "import pymc": lambda: run("import pymc"),
        },
        args.repeats,
    )
    start = times.pop("python")["median_s"]
    for time in times.values():
        time["beyond_python_s"] = round(time["median_s"] - start, 4)
    record("import", {"aim_s": AIM_S, "python_s": start, "times": times}, args)


if __name__ == "__main__":
    main()
