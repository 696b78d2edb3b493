"""What several backends work out of a graph before they emit anything. No pass imports torch."""
