"""jobs/run_all.py: the whole loop in order of reference.

spark-submit --py-files databank.zip jobs/run_all.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("all"))
