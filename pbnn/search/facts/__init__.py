"""What can be said of a study, as Datasets: how it went, what matters, what the best are. `pbnn.plots` draws them."""
