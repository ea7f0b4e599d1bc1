"""KEDA's contract for scalers of others: messages, generated from externalscaler.proto by `make protos`."""
