"""Why a spec cannot express something, where several formats have it."""

from __future__ import annotations

NO_LAYER = "a spec has no layer that computes this"

NO_RECURRENCE = "a spec has no recurrent layers"

NO_SOFTPLUS = "a spec's softrelu is log(1 + e^x) only up to 4 and x above, which differs by up to 0.018"
