"""The streaming application: each sink starts where it stands, and moves one micro-batch at a time."""
