"""What touches the outside world, one module or package per neighbour; stages never import from here."""
