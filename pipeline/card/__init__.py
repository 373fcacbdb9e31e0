"""From a folder of files to a plan: scan, EXIF, clock, deployments, windows."""
