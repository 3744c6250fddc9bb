"""An archive of Spark's classes, read and verified once: half of what a start of Spark computes.

The JVM writes it at its end and maps it into memory at later starts (Java Enhancement Proposal
350, class data sharing). It belongs to one Java and to the jars of one environment, and lies in
that environment; where one of them has changed, the JVM goes on without it.
`databank.session.write_archive` writes it.
"""

import sys
from pathlib import Path

JAVA_OPTIONS = "spark.driver.extraJavaOptions"


def class_archive() -> Path:
    """Name the archive of this environment, whether or not it is there."""
    return Path(sys.prefix) / "databank-classes.jsa"


def with_archive(java_options: str) -> str:
    """Add the archive to the options of a JVM; unchanged where there is none, or another one."""
    archive = class_archive()
    if "Archive" in java_options or not archive.exists():
        return java_options
    # a word of its own, even where the path has blanks; of an archive that does not fit the JVM
    # would speak on the screen of spark-submit
    return f'{java_options} "-XX:SharedArchiveFile={archive}" -Xlog:cds=off -Xlog:cds+dynamic=off'
