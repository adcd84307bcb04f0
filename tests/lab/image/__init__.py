"""What a machine boots to be installed: the initrd (stage 1), the installer's environment (stage
2), the tree around.
"""
