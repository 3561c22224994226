"""What a notebook begins with: its kernel, with a session of Spark, and the lake's tables."""
