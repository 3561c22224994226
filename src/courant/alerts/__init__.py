"""Alerts: raised on the stream and by checks, kept once, and told to people without noise."""
