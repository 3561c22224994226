"""NiFi, through its REST API. The only importer of its client."""

from courant.stores.nifi.canvas import GroupState, Nifi

__all__ = ["GroupState", "Nifi"]
