"""The stories: a frontend that is the real role in a container, and machines that boot from it."""
