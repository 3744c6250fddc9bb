"""jobs/ingest.py: load new files of all sources into core.

spark-submit --py-files databank.zip jobs/ingest.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("ingest"))
