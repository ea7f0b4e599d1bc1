"""Generated from protos/mmpipe/v1 by `make protos`; change those."""
