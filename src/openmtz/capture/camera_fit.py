"""Do four numbers of a camera belong to pictures of this size? What shows that they do not.

A wrong focal length scales the skin sideways, a wrong principal point shears it, and every later step takes
the result for a patient. Both come with intrinsics of another image size, so the principal point tells.
"""

from __future__ import annotations

from openmtz.capture.intrinsics import CameraIntrinsics

NEAR_MIDDLE = 0.025
"""Of the image's width or height: nearer to the middle than this needs no second look [M]."""
FAR_FROM_MIDDLE = 0.10
"""Further than this no whole image of a depth camera has its principal point; the furthest known is Azure
Kinect's narrow field at 8 % of the height [M]."""
FITS = 0.015
"""Where the principal point lies so near to the middle of another usual size, it is taken to be of that."""
SQUARE = 0.03
"""fx and fy of depth cameras differ by less than 1 % [M]; further apart, the picture was stretched."""
COMMON_SIZES = (
    (160, 120), (176, 144), (224, 172), (256, 192), (320, 180), (320, 200), (320, 240), (320, 288),
    (352, 287), (424, 240), (480, 270), (480, 360), (512, 384), (512, 424), (512, 512), (640, 360),
    (640, 400), (640, 480), (640, 576), (672, 376), (720, 540), (768, 576), (800, 600), (848, 480),
    (896, 504), (960, 540), (960, 720), (1024, 768), (1024, 1024), (1080, 1080), (1280, 720), (1280, 800),
    (1280, 960), (1280, 1024), (1440, 1080), (1600, 1200), (1920, 1080), (1920, 1200), (1920, 1440),
    (1944, 1200), (2048, 1536), (2208, 1242), (2560, 1440), (3840, 2160), (4032, 3024), (4096, 3072),
)  # fmt: skip
"""Image sizes of depth and colour cameras in use, width x height [px] [M]."""


def misfit(k: CameraIntrinsics) -> str:
    """Return why these intrinsics are not of images of their size, and of which; or nothing."""
    stretch = abs(k.fx / k.fy - 1.0)
    if stretch > SQUARE:
        return (
            f"fx {k.fx:g} and fy {k.fy:g} px differ by {stretch * 100:.0f} %, and depth cameras have"
            " square pixels: the order is fx,fy,cx,cy, and a stretched picture has lost its shape"
        )
    across, down = _off(k, k.width, k.height)
    if max(across, down) <= NEAR_MIDDLE:
        return ""
    better = fitting_size(k)
    if better is None and max(across, down) <= FAR_FROM_MIDDLE:
        return ""
    where = (
        f"the principal point ({k.cx:g}, {k.cy:g}) lies at {(k.cx + 0.5) / k.width * 100:.0f} % of the width"
        f" and {(k.cy + 0.5) / k.height * 100:.0f} % of the height of images of {k.width}x{k.height} pixels"
    )
    if better is None:
        return f"{where}, and a camera has it near the middle"
    turned = ": these images seem turned by 90 degrees" if better == (k.height, k.width) else ""
    return f"{where}; these intrinsics fit images of {better[0]}x{better[1]} pixels{turned}"


def fitting_size(k: CameraIntrinsics) -> tuple[int, int] | None:
    """Return the usual image size (width, height) whose middle the principal point is, if it is none of
    these; the image's own size turned by 90 degrees, halved or doubled counts as usual."""
    w, h = k.width, k.height
    turned = [(h, w)] if h != w else []
    sizes = dict.fromkeys([*turned, *COMMON_SIZES, (w * 2, h * 2), (w // 2, h // 2)])
    close = [(max(_off(k, *size)), size) for size in sizes if size != (w, h)]
    close = [item for item in close if item[0] <= FITS and item[0] < 0.5 * max(_off(k, w, h))]
    if not close:
        return None
    if turned and any(size == turned[0] for _, size in close):
        return turned[0]
    return min(close)[1]


def _off(k: CameraIntrinsics, width: int, height: int) -> tuple[float, float]:
    """How far the principal point lies from the middle of such an image, as shares of its sides."""
    return abs(k.cx - (width - 1) / 2) / width, abs(k.cy - (height - 1) / 2) / height
