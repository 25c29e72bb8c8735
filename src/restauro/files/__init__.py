"""What `restauro.picture` is made of, one job a file: recognising formats, saving, comparing, JPEG coefficients."""
