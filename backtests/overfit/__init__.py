"""Not fooled: how much of the best of many trials is luck, from the blocks that every trial stores."""
