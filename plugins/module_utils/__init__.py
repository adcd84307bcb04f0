"""The library of the collection: packages, and the common files that they share.

Plain Python without Ansible.
"""
