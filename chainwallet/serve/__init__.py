"""The service: one command that keeps several processes at work, and what each of them does.

``supervisor`` starts the local chain, the ``worker`` and the ``api``, starts again what ends, and stops them in order;
``process`` is one of them; ``local_chain`` is the one that runs Anvil; ``set_up`` sees to contracts. ``place`` is where
the service listens and what it says about itself to other commands. ``log`` writes what they do, ``signals`` and
``wake`` are how they are told to stop and to look at once.
"""
