"""jobs/link_profiles.py: score pairs of profiles that share no identifier.

spark-submit --py-files databank.zip jobs/link_profiles.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("link_profiles"))
