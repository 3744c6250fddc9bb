"""jobs/publish_report.py: write the HTML report of the day.

spark-submit --py-files databank.zip jobs/publish_report.py --root ROOT --date 2026-03-31
"""

import sys

from databank.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("publish_report"))
