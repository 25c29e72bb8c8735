"""The methods, one file each. A file here imports NumPy alone; its kernels are in `restauro.numerics`."""
