"""Pictures that come by themselves: one folder a camera, files that settle, mail."""
