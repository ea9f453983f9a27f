"""What is well and what is not: this machine, the portal, and what the portal really does with its lists."""
