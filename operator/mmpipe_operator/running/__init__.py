"""The operator as a process: settings, signals, health, the lease, and the commands beside it."""
