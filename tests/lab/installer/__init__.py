"""An installer that follows a Red Hat kickstart on a machine of the lab as anaconda does.

It runs in stage 2 as ``python3 -m installer``. It needs pykickstart and dnf, and imports nothing of
the product. It rejects commands and options that it does not support, with the line number; it
never ignores a part of a kickstart.
"""
