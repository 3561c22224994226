"""What was tried and which model forecasts: MLflow's runs, and its registry of models."""
