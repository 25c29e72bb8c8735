"""The public names and the modules they live in: what type checkers read, and what is imported on first use."""

from .damage.damaging import Damaged as Damaged
from .damage.damaging import damage_file as damage_file
from .damage.kinds import make_damage as make_damage
from .damage.rendering import render_cracks as render_cracks
from .detection.detecting import detect as detect
from .detection.detecting import detect_each as detect_each
from .detection.detecting_files import Detected as Detected
from .detection.detecting_files import detect_file as detect_file
from .errors import DataError as DataError
from .errors import EvaluationError as EvaluationError
from .errors import ImageError as ImageError
from .errors import ImageTypeError as ImageTypeError
from .errors import MaskError as MaskError
from .errors import MaskTypeError as MaskTypeError
from .errors import MethodError as MethodError
from .errors import ModelError as ModelError
from .errors import ParameterError as ParameterError
from .errors import ParameterTypeError as ParameterTypeError
from .errors import PolicyError as PolicyError
from .errors import ReadError as ReadError
from .errors import Remedy as Remedy
from .errors import RestauroError as RestauroError
from .errors import TrainingError as TrainingError
from .errors import WriteError as WriteError
from .files.reading import read_picture as read_picture
from .files.writing import Written as Written
from .files.writing import write_picture as write_picture
from .inpainting import inpaint as inpaint
from .mask import grow_mask as grow_mask
from .method import DEFAULT_METHOD as DEFAULT_METHOD
from .method import Method as Method
from .method import Task as Task
from .method import method_class as method_class
from .method import method_names as method_names
from .notes import Note as Note
from .parameters import ChoiceParameter as ChoiceParameter
from .parameters import Parameter as Parameter
from .parameters import TextParameter as TextParameter
from .picture import Picture as Picture
from .picture_mask import PictureMask as PictureMask
from .picture_mask import read_mask as read_mask
from .record import Restored as Restored
from .restoring import Restoration as Restoration
from .restoring_files import restore_file as restore_file

__version__: str
