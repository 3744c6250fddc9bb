"""jobs/build_archive.py: bring the daily archive per person up to date.

spark-submit --py-files databank.zip jobs/build_archive.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("build_archive"))
