"""`pbnn demo` from start to report, in a process of its own: <= 60 s on two cores, function-space R-hat <= 1.01.

Of that the report: <= 15 s after the fit, and a file of less than 3 MB.
"""

import re
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from common import options, record, seconds

AIM_S, AIM_R_HAT = 60, 1.01
AIM_REPORT_S, AIM_REPORT_BYTES = 15, 3_000_000


def demo(seed: int) -> dict[str, object]:
    """Run the demo; return its wall time, time and size of the report, and the largest R-hat of the predictions."""
    with TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pbnn",
            "demo",
            "--out",
            f"{folder}/report.html",
            "--seed",
            str(seed),
        ]
        said: list[str] = []

        def run() -> None:
            said.append(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

        wall = seconds(run)
        size = Path(folder, "report.html").stat().st_size
    r_hat = re.search(r"R-hat of the predictions ([\d.]+),", said[0])
    report_s = re.search(r"the report took ([\d.]+) s", said[0])
    verdict = re.search(r"effective draws \d+\. (.*)", said[0])
    return {
        "seed": seed,
        "wall_s": round(wall, 2),
        "r_hat_max": float(r_hat[1]),
        "report_s": float(report_s[1]),
        "report_bytes": size,
        "verdict": verdict[1],
    }


def main() -> None:
    args = options(__doc__, repeats=3)
    runs = [demo(args.seed + i) for i in range(args.repeats)]
    results = {
        "aim_s": AIM_S,
        "aim_r_hat": AIM_R_HAT,
        "median_s": round(median(run["wall_s"] for run in runs), 2),
        "r_hat_max": max(run["r_hat_max"] for run in runs),
        "aim_report_s": AIM_REPORT_S,
        "aim_report_bytes": AIM_REPORT_BYTES,
        "report_median_s": round(median(run["report_s"] for run in runs), 2),
        "report_bytes_max": max(run["report_bytes"] for run in runs),
        "runs": runs,
    }
    record("demo", results, args)


if __name__ == "__main__":
    main()
