"""An installer that takes a Red Hat kickstart as it is and does what anaconda does with it, on a lab's machine.

It runs in stage 2 as ``python3 -m installer``; it needs pykickstart and dnf, and imports nothing of the product.
What it does not know it refuses, with the line; it never skips a word of a kickstart silently.
"""
