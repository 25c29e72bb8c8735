"""What the founding project, a course's, trained: kept as it was, to be measured against."""
