"""jobs/resolve_entities.py: persons become households, accounts ...

spark-submit --py-files databank.zip jobs/resolve_entities.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("resolve_entities"))
