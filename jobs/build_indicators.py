"""jobs/build_indicators.py: compute the figures of conf/indicators.

spark-submit --py-files databank.zip jobs/build_indicators.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("build_indicators"))
