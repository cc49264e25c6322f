"""The balloon: what each run of its driver moved, why, and held against which count."""
