"""Requests to an OTLP endpoint over HTTP: sent once each, tried again where that helps, never waited for."""
