"""The commands of ``b24data``, one module each: ``EXAMPLES``, ``add_arguments(parser)`` and ``run(args)``.

What is typed after ``b24data`` is imported then and not before, and a command imports pandas, pyarrow and httpx inside
``run``: help pages come at once. ``run`` returns an exit code, or None for 0; errors are for ``b24data.cli`` to show.
"""
