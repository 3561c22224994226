"""The schedule: what `courant schedule` shows and runs, with the jobs of `jobs/` as processes."""
