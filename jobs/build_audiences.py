"""jobs/build_audiences.py: compute the members of the audiences of conf/audiences.

spark-submit --py-files databank.zip jobs/build_audiences.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("build_audiences"))
