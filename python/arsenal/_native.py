"""The one door to the native cores: nothing else imports ``_rust`` or ``_cpp``.

Both must come from the same build as this package, and the CPU must have what ``ARSENAL_FORCE_ISA`` asks for; both are
checked once, here, so that a mixed install or an illegal instruction never shows up later as a crash.
"""

from __future__ import annotations

from arsenal import _cpp, _rust

__version__ = _rust.__version__

if _cpp.__version__ != __version__:
    raise ImportError(
        f"arsenal's two cores are from different builds: _rust is {__version__}, _cpp is {_cpp.__version__}; "
        "reinstall arsenal-ml"
    )

learning_isa: str = _rust.active_isa()

__all__ = ["__version__", "_cpp", "_rust", "learning_isa"]
