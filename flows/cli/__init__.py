"""The command line: every command parses, calls a service, and prints."""
