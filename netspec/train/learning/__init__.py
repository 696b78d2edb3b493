"""What a step computes: the objective, its gradients, the optimiser, its schedules and the validation they watch."""
