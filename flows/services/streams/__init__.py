"""Pictures that come by themselves: looked at as they arrive, and fetched from a mailbox."""
