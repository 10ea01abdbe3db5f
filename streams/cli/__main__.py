"""`python -m streams.cli`: the command line where the script `paywarden` is not on the path."""

from streams.cli.main import main

main()
