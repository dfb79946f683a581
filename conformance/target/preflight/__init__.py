"""What is found out about a target before the first item runs."""
