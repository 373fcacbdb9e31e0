"""The review screen: pages and addresses for a browser, over the services."""
