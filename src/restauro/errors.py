"""What can go wrong, one class each, all under `RestauroError`.

Each class is also a `ValueError` or a `TypeError`, so that programs which know nothing of restauro can catch it.
A message is one sentence or two: what is wrong, which value, and what to do.
"""


class RestauroError(Exception):
    """Anything that restauro refuses to do, with a sentence for the person who asked."""


class ImageError(RestauroError, ValueError):
    """The image array has a shape or values that can't be restored."""


class ImageTypeError(RestauroError, TypeError):
    """The image is not an array, or of a dtype that has no rule."""


class MaskError(RestauroError, ValueError):
    """The mask doesn't fit the image, or doesn't say what is hole."""


class MaskTypeError(RestauroError, TypeError):
    """The mask is not an array, or of a dtype that has no rule."""


class MethodError(RestauroError, ValueError):
    """No method of that name."""


class ParameterError(RestauroError, ValueError):
    """A method has no parameter of that name, or its value is out of range."""


class ParameterTypeError(RestauroError, TypeError):
    """A parameter's value is of the wrong type."""


class ReadError(RestauroError, ValueError):
    """A file can't be read as a picture."""


class WriteError(RestauroError, ValueError):
    """A file can't be written, or can't hold what it is asked to hold."""


class ModelError(RestauroError, ValueError):
    """A network's file is missing, or isn't one that can be run here."""


class DataError(RestauroError, ValueError):
    """A folder of pictures or masks to train or evaluate on is missing, or something in it can't be read."""


class EvaluationError(RestauroError, ValueError):
    """An evaluation can't start or go on: its methods, its settings or its folder of results."""


class TrainingError(RestauroError, ValueError):
    """A training run can't start or go on: its data, its settings or its checkpoint."""
