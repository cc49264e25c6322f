"""What deserves attention, each in one plain sentence with its numbers."""
