"""MySQL: the normalised tables, and the transaction that moves them one batch forward."""
