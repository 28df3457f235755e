"""What is kept out of learning: secrets, thoughts, and what is said in another's name."""
