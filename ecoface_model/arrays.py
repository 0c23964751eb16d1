"""numpy's arrays in annotations, as jaxtyping reads them, whatever numpy's version."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray as NDArray
else:

    class NDArray:
        """What numpy.typing.NDArray was; since numpy 2.5 that is an alias, closed to jaxtyping 0.3."""

        def __class_getitem__(cls, dtype: Any) -> Any:
            return np.ndarray[Any, np.dtype[dtype]]
