"""`python -m databank.cli`, for places without the console script."""

from databank.cli.main import main

main()
