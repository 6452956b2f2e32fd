"""Draws of the weights to predictions: after a fit (`predict`), and before one (`prior_predict`)."""

from pbnn.predict.predictions import predict
from pbnn.predict.prior import prior_predict

__all__ = ["predict", "prior_predict"]
