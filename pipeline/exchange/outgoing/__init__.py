"""Formats that results go out in; those of Camtrap DP and MegaDetector lie a folder above."""
