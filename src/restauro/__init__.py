"""restauro restores damaged pictures: it fills holes and changes nothing else.

>>> import numpy as np, restauro
>>> image = np.full((8, 8), 100, np.uint8)
>>> mask = np.zeros((8, 8), bool)
>>> mask[3:5, 2:6] = True
>>> restored = restauro.inpaint(image, mask, "telea", radius=5)
"""

import lazy_loader

__version__ = "0.1.0"

# Public names are imported on first use, so that `import restauro` costs next to nothing; `__init__.pyi` lists them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
