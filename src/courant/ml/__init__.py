"""Models of the daily forecast: the same work on three engines, what challenges it, and what is fair between them."""
