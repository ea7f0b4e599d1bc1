"""Ways to carry the same stages: in one local process here; as services, queue workers and batch jobs later."""
