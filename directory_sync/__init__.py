"""The directory of authorities: each country's transparency log, its proofs, its pages, its witnesses."""
