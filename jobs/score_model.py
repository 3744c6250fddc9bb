"""jobs/score_model.py: score all persons by the champions of conf/models.

spark-submit --py-files databank.zip jobs/score_model.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("score_model"))
