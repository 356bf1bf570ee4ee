"""What a reader may spend on one file before it refuses."""

from dataclasses import dataclass

from hven.errors import TooLarge

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that are checked before memory is taken; every one raises hven.errors.TooLarge."""

    max_pixels: int = 150_000_000  # of one plane; a 14,204 x 10,652 camera fits
    max_bytes: int = 2048 * MIB  # of the file as it lies there
    max_unpacked_bytes: int = 1024 * MIB  # of what a .gz, .bz2 or .zip gives
    max_ratio: float = 200.0  # unpacked : packed, looked at from `ratio_from_bytes` on
    ratio_from_bytes: int = 128 * MIB  # an even frame of 4096 x 4096 pixels packs 1000 : 1 and is harmless
    max_hdus: int = 1000  # headers of one FITS file that are looked at
    max_header_bytes: int = 4 * MIB  # of one FITS header: 52,000 cards
    max_pages: int = 1000  # of a TIFF or GIF
    max_scans: int = 100  # passes of a progressive JPEG of `scan_pixels`, more of a smaller one
    scan_pixels: int = 10_000_000

    def check_pixels(self, width: int, height: int) -> None:
        """Refuse a plane that is larger than allowed."""
        if width * height > self.max_pixels:
            raise TooLarge(
                f"The image has {width:,} x {height:,} pixels; this server reads at most {self.max_pixels:,} pixels."
            )


DEFAULT_LIMITS = Limits()
