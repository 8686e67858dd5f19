"""Training: one loop for both networks, its optimisers, ranks and exact resume. Needs the extra `train`."""
