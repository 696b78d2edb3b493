"""All messages."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.caffe.schema.data import DATA
from netspec.importers.caffe.schema.layers import LAYERS
from netspec.importers.caffe.schema.model import MessageType
from netspec.importers.caffe.schema.network import NETWORK
from netspec.importers.caffe.schema.old import OLD
from netspec.importers.caffe.schema.solver import SOLVER

MESSAGES: Mapping[str, MessageType] = {**NETWORK, **LAYERS, **DATA, **OLD, **SOLVER}
"""The messages by name."""
