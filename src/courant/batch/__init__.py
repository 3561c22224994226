"""What the batch jobs do: silver, gold, aggregates, upkeep, rebuilds."""
