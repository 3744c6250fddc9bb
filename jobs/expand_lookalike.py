"""jobs/expand_lookalike.py: rank persons who are like the seeds of conf/lookalikes.

spark-submit --py-files databank.zip jobs/expand_lookalike.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("expand_lookalike"))
