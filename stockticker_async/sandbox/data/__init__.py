"""The market itself: facts and made-up numbers, as functions of seed, ticker and day."""
