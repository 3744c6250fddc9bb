"""An archive of Spark's classes, read and verified once: half of what a start of Spark computes.

The JVM writes it at its end and maps it into memory at later starts (Java Enhancement Proposal
350, class data sharing). It belongs to one Java and to the jars of one environment, and lies in
that environment; where one of them has changed, the JVM goes on without it.
`databank.session.write_archive` writes it.
"""

import sys
from pathlib import Path

# what comes before spark.driver.extraJavaOptions, which stay whose they are and win
JAVA_OPTIONS = "spark.driver.defaultJavaOptions"


def class_archive() -> Path:
    """Name the archive of this environment, whether or not it is there."""
    return Path(sys.prefix) / "databank-classes.jsa"


def archive_options() -> dict[str, str]:
    """Give the Spark options that name the archive; none where there is none."""
    archive = class_archive()
    if not archive.exists():
        return {}
    # a word of its own, even where the path has blanks; of an archive that does not fit the JVM
    # would speak on the screen of spark-submit
    quiet = "-Xlog:cds=off -Xlog:cds+dynamic=off"
    return {JAVA_OPTIONS: f'"-XX:SharedArchiveFile={archive}" {quiet}'}
