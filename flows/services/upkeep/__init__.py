"""What keeps the machine in order: database, models, training, doctor and benchmark."""
