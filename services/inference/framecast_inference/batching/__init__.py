"""Pictures of all requests for one model, gathered into batches."""
