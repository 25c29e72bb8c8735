"""Methods compared: the protocol, its figures, other libraries' methods, tables, plots and sheets."""
