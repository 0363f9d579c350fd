"""The running node: store, delivery, API, dashboard and command line."""
