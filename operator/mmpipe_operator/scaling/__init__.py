"""What the operator does for autoscalers: handing over, waking, reading pods, and the metrics adapter's APIService."""
