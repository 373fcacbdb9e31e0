"""The command line by groups: every command is a few lines that call another room."""
