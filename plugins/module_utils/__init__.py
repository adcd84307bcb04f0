"""The rooms of the project, and the leaves that they share: plain Python, without Ansible."""
