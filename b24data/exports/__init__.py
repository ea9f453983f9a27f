"""Again and again: exports as data, notebooks unattended, schedules."""
