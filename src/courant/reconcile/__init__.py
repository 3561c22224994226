"""Reconcile: the layers compared with each other, from the data itself."""

from courant.reconcile.found import Reconciliation, to_document
from courant.reconcile.run import reconcile

__all__ = ["Reconciliation", "reconcile", "to_document"]
