"""NiFi's flow and what a contract makes of it: parameters, patterns, the definition as a file. Pure."""
