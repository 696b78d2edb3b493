"""What a spec cannot express, and what Caffe rejects: ``importers.spec.problem`` under the name that it has here."""

from netspec.importers.spec.problem import Inexpressible, Rejected, Substitute

__all__ = ["Inexpressible", "Rejected", "Substitute"]
