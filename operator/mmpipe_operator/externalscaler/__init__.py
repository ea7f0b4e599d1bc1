"""Messages of KEDA for scalers of others, generated from externalscaler.proto by `make protos`."""
