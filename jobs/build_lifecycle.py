"""jobs/build_lifecycle.py: compute stages, flow and RFM of conf/lifecycle.yml.

spark-submit --py-files databank.zip jobs/build_lifecycle.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("build_lifecycle"))
