"""`python -m flows.cli` is `camtriage`."""

from flows.cli.main import main

main()
