"""A message with the gid of its publisher, as rcl delivers it: rclpy 7 takes it and drops the gid.

`rcl_take_serialized_message` and the structures here are public and do not change within ROS 2 Jazzy
(rcl/subscription.h, rmw/types.h, rcutils/types/uint8_array.h).
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

from rclpy.impl.implementation_singleton import rclpy_implementation

from openmtz.nodes.errors import NodeError

GID_BYTES = 16
"""RMW_GID_STORAGE_SIZE."""
_OK, _NOTHING = 0, 401
"""RCL_RET_OK, RCL_RET_SUBSCRIPTION_TAKE_FAILED."""
_BEGIN_BYTES = 512


class _Allocator(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in ("allocate", "deallocate", "reallocate", "zero_allocate", "state")
    )  # fmt: skip


class _Bytes(ctypes.Structure):
    _fields_ = (
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("allocator", _Allocator),
    )


class _Gid(ctypes.Structure):
    _fields_ = (("implementation", ctypes.c_char_p), ("data", ctypes.c_uint8 * GID_BYTES))


class _Info(ctypes.Structure):
    _fields_ = (
        ("source_ns", ctypes.c_int64),
        ("received_ns", ctypes.c_int64),
        ("publication", ctypes.c_uint64),
        ("reception", ctypes.c_uint64),
        ("gid", _Gid),
        ("intra_process", ctypes.c_bool),
    )


class Taken(NamedTuple):
    """A serialised message and the gid of who published it."""

    data: bytes
    gid: bytes


def _library() -> ctypes.CDLL:
    """Return what rclpy is linked with: symbols of the libraries it needs are found through it.

    Raises:
        NodeError: this ROS does not have them.
    """
    library = ctypes.CDLL(rclpy_implementation.__file__)
    try:
        library.rcutils_get_default_allocator.restype = _Allocator
        library.rcutils_uint8_array_init.argtypes = (
            ctypes.POINTER(_Bytes), ctypes.c_size_t, ctypes.POINTER(_Allocator),
        )  # fmt: skip
        library.rcutils_uint8_array_fini.argtypes = (ctypes.POINTER(_Bytes),)
        library.rcl_take_serialized_message.argtypes = (
            ctypes.c_void_p, ctypes.POINTER(_Bytes), ctypes.POINTER(_Info), ctypes.c_void_p,
        )  # fmt: skip
        library.rcutils_reset_error.argtypes = ()
    except AttributeError as error:
        raise NodeError(
            f"this ROS does not tell who published a message ({error}); OpenMTZ needs ROS 2 Jazzy"
        ) from error
    return library


class MessageTaker:
    """Takes from a subscription of rclpy's own kind. One for each: its buffer is used again."""

    def __init__(self) -> None:
        self._library = _library()
        self._bytes, self._info = _Bytes(), _Info()
        allocator = self._library.rcutils_get_default_allocator()
        code = self._library.rcutils_uint8_array_init(
            ctypes.byref(self._bytes), _BEGIN_BYTES, ctypes.byref(allocator)
        )
        if code != _OK:
            raise NodeError("there is no memory for messages")

    def take(self, handle: Any) -> Taken | None:
        """Return the next message of the subscription's `handle`, None if there is none.

        Raises:
            RuntimeError: the middleware cannot take it.
        """
        with handle:
            code = self._library.rcl_take_serialized_message(
                handle.pointer, ctypes.byref(self._bytes), ctypes.byref(self._info), None
            )
        if code == _OK:
            data = ctypes.string_at(self._bytes.buffer, self._bytes.length)
            return Taken(data, bytes(self._info.gid.data))
        self._library.rcutils_reset_error()
        if code == _NOTHING:
            return None
        raise RuntimeError(f"a message could not be taken (rcl returned {code})")

    def __del__(self) -> None:
        """Give the buffer back; not before nobody can take any more: an executor may still be about to."""
        self._library.rcutils_uint8_array_fini(ctypes.byref(self._bytes))
