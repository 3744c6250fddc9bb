"""jobs/train_model.py: train the models of conf/models that are due.

spark-submit --py-files databank.zip jobs/train_model.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("train_model"))
