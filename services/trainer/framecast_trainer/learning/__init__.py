"""A plain torch library: knows no job, no grpc, no store."""
